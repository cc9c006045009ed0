"""What nnU-Net's search for a trainer finds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from nnunetv2.run.run_training import run_training_entry
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

from nnunet_losses.base.errors import told_in
from nnunet_losses.nnunet.start_up import VARIABLE, door_folder
from nnunet_losses.nnunet.training.lookup import find_trainer
from nnunet_losses.nnunet.training.trainer import LossTrainer, make_trainer

DOOR = str(door_folder())


@pytest.fixture(autouse=True)
def open_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, DOOR)


def test_nnunet_finds_the_class_of_the_name_and_finds_the_same_again() -> None:
    name = "TverskyTrainer_fp0.1_fn0.9_iw"
    found = recursive_find_trainer_class_by_name(name)
    assert issubclass(found, LossTrainer)
    assert found.__name__ == name
    assert found is recursive_find_trainer_class_by_name(name) is make_trainer(name)


def test_own_trainers_in_own_folders_are_found_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_trainers.py").write_text(
        "from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer\n"
        "class DiceTrainer(nnUNetTrainer): pass\n"
        "class MyTrainer(nnUNetTrainer): pass\n"
    )
    for order in ([DOOR, str(tmp_path)], [str(tmp_path), DOOR]):
        monkeypatch.setenv(VARIABLE, os.pathsep.join(order))
        assert recursive_find_trainer_class_by_name("MyTrainer").__module__ == "my_trainers"
    assert recursive_find_trainer_class_by_name("DiceTrainer").__module__ == "my_trainers"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("TverskyTrainer_fq0.1", "no option fq0.1; its options are fp<number>"),
        ("TverskyTrainer_iw_fp0.1", "Write TverskyTrainer_fp0.1_iw instead"),
    ],
)
def test_a_wrong_name_of_ours_ends_the_search_with_one_sentence(name: str, reason: str) -> None:
    with pytest.raises(SystemExit) as end:
        recursive_find_trainer_class_by_name(name)
    assert reason in str(end.value.code)
    assert "\n" not in str(end.value.code)


def test_a_near_miss_gets_a_hint_and_a_foreign_name_gets_silence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, hint in (("TverskiTrainer", "did you mean TverskyTrainer?"), ("SomebodysTrainer", "")):
        with pytest.raises(AttributeError, match=name):
            find_trainer(name)
        errors = capsys.readouterr().err
        assert hint in errors
        assert len(errors.splitlines()) == bool(hint)
        (tmp_path / "log").write_text(errors)
        assert told_in(tmp_path / "log") is None  # the trainer may be of another package: a killed job is tried again
    with pytest.raises(RuntimeError, match="Could not find requested nnunet trainer SomebodysTrainer"):
        recursive_find_trainer_class_by_name("SomebodysTrainer")


def test_a_python_without_the_package_passes_by_an_inherited_door(tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {DOOR!r}); import nnunet_losses_door as d; print(hasattr(d, 'DiceTrainer'))"
    ran = subprocess.run(
        [sys.executable, "-S", "-E", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.stdout, ran.stderr) == ("False\n", "")


@pytest.mark.usefixtures("world")
def test_nnunets_command_ends_with_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    search = "nnunetv2.run.run_training.recursive_find_trainer_class_by_name"
    monkeypatch.setattr(search, recursive_find_trainer_class_by_name)
    words = ["nnUNetv2_train", "901", "3d_tiny", "0", "-tr", "TverskyTrainer_fq0.1", "-device", "cpu"]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as end:  # Python prints its text and exits with 1
        run_training_entry()
    assert str(end.value.code).startswith("nnunet-losses: TverskyTrainer_fq0.1: TverskyTrainer has no option fq0.1;")
