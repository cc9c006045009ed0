import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.names.search import require_trainer, search_trainer
from nnunet_losses.nnunet.start_up import VARIABLE, door_folder
from nnunet_losses.nnunet.training.trainer import make_trainer


@pytest.fixture(autouse=True)
def open_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(door_folder()))


def test_trainers_of_nnunet_and_ours_are_found_silently(capsys: pytest.CaptureFixture[str]) -> None:
    assert search_trainer("nnUNetTrainer_5epochs").__module__.startswith("nnunetv2.")
    assert search_trainer("DiceTrainer_iw") is make_trainer("DiceTrainer_iw")
    require_trainer("nnUNetTrainer")
    assert capsys.readouterr().out == ""


def test_a_trainer_that_nnunet_does_not_find_is_named() -> None:
    with pytest.raises(UserError, match="no trainer SomebodysTrainer, neither in nnU-Net nor in nnUNet_extTrainer"):
        require_trainer("SomebodysTrainer")
