"""Names of ensembles: short, and never shared."""

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.names.ensembles import ensemble_name, split_seed
from nnunet_losses.nnunet.names.identity import identity


@pytest.mark.parametrize(
    ("members", "name"),
    [
        (["DiceTrainer", "FocalTrainer"], "Ensemble_Dice+Focal"),
        (["DiceTrainer_iw", "FocalTrainer_iw"], "Ensemble_Dice+Focal_iw"),
        (["DiceTrainer", "FocalTrainer_iw"], "Ensemble_Dice+Focal-iw"),
        (["DiceTrainer", "DiceTrainer_iw"], "Ensemble_Dice+Dice-iw"),
        (["TverskyTrainer_fp0.1_9epochs_seed2", "DiceTrainer_9epochs_seed2"],
         "Ensemble_Tversky-fp0.1+Dice_9epochs_seed2"),
        (["nnUNetTrainer", "nnUNetTrainerDiceCELoss"], "Ensemble_nnUNetTrainer+nnUNetTrainerDiceCELoss"),
    ],
)  # fmt: skip
def test_shared_options_stand_once_and_own_ones_with_their_loss(members: list[str], name: str) -> None:
    assert ensemble_name(members) == name


def test_a_seed_is_a_repeat_as_that_of_a_trainer() -> None:
    assert split_seed("Ensemble_Dice+Focal_9epochs_seed2") == ("Ensemble_Dice+Focal_9epochs", 2)
    assert split_seed("Ensemble_Dice+Focal") == ("Ensemble_Dice+Focal", 0)
    found = identity("D", "c", "Ensemble_Dice+Focal_seed2", 3)
    assert (found["trainer"], found["fold"], found["seed"]) == ("Ensemble_Dice+Focal", 3, 2)


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(UserError, match="longer than 99 characters.*; leave out a member"):
        ensemble_name([f"nnUNetTrainer{'x' * 30}{i}" for i in range(4)])
