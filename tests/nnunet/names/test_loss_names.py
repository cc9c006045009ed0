"""The loss in a trainer's name."""

import pytest

from nnunet_losses.nnunet.names.loss_names import loss_and_variant


@pytest.mark.parametrize(
    ("trainer", "expected"),
    [
        ("TverskyTrainer", ("TverskyTrainer", "")),
        ("TverskyTrainer_fp0.1_fn0.9_iw_6epochs", ("TverskyTrainer_fp0.1_fn0.9_iw", "6epochs")),
        ("DiceTrainer_12epochs_50iters_seed2", ("DiceTrainer", "12epochs_50iters_seed2")),
        ("nnUNetTrainer_250epochs", ("nnUNetTrainer_250epochs", "")),
        ("TverskyTrainer_mine", ("TverskyTrainer_mine", "")),  # somebody's own
    ],
)
def test_what_is_no_part_of_the_loss_is_set_apart(trainer, expected):
    assert loss_and_variant(trainer) == expected
