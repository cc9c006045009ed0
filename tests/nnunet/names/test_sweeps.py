"""Hyper-parameter sweeps among trainers."""

import pytest

from nnunet_losses.nnunet.names.sweeps import find_sweeps

GRID = ["TverskyTrainer_fp0.5_fn0.5_6epochs", "TverskyTrainer_6epochs", "TverskyTrainer_fp0.1_fn0.9_6epochs"]


def test_weights_that_move_together_are_one_sweep_over_the_last():
    (sweep,) = find_sweeps([*reversed(GRID), "DiceTrainer_6epochs", "nnUNetTrainer"])
    assert (sweep.family, sweep.parameter) == ("Tversky 6epochs", "fn")
    assert sweep.values == dict(zip(GRID, (0.5, 0.7, 0.9), strict=True))
    assert list(sweep.values) == GRID


def test_a_grid_of_two_is_a_sweep_for_each_value_of_the_other():
    names = [f"FocalTrainer_{gamma}alpha{alpha}" for gamma in ("gamma1_", "", "gamma3_") for alpha in (0.5, 0.75)]
    sweeps = find_sweeps(names)
    assert [(s.family, s.parameter, list(s.values.values())) for s in sweeps] == [
        ("Focal alpha0.5", "gamma", [1, 2, 3]), ("Focal alpha0.75", "gamma", [1, 2, 3]),
    ]  # fmt: skip


def test_two_values_other_lengths_and_other_weightings_make_no_curve():
    assert find_sweeps(GRID[:2]) == []
    assert find_sweeps([GRID[0], GRID[1], "TverskyTrainer_fp0.1_fn0.9"]) == []
    assert find_sweeps([GRID[0], GRID[1], "TverskyTrainer_fp0.1_fn0.9_iw_6epochs"]) == []


@pytest.mark.parametrize(
    ("trainer", "place"),
    [
        ("TverskyTrainer_fp0.2_fn0.8", 0.8),
        ("TverskyTrainer", 0.7),
        ("TverskyTrainer_smooth1", None),
        ("TverskyTrainer_iw", None),
        ("DiceTrainer", None),
        ("nnUNetTrainer", None),
    ],
)
def test_where_another_trainer_of_the_loss_would_lie(trainer, place):
    assert find_sweeps(GRID)[0].at(trainer) == place
