import os
import subprocess
from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.losses import CATALOGUE
from nnunet_losses.nnunet.doctor import Check, diagnose, environment_line
from nnunet_losses.nnunet.start_up import VARIABLE, door_folder


@pytest.fixture(autouse=True)
def few_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    """nnU-Net needs a while to look up the trainers of all losses."""
    for loss in set(CATALOGUE) - {"Dice", "Tversky"}:
        monkeypatch.delitem(CATALOGUE, loss)


def failing(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.message for check in checks if not check.ok}


@pytest.fixture(autouse=True)
def healthy(world: Path, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()


def test_all_is_well() -> None:
    checks = diagnose()
    assert failing(checks) == {}
    assert len(checks) == 6
    assert checks[-1].message == "nnU-Net finds the trainers of all 2 losses."


def test_a_missing_folder_and_a_missing_variable_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("nnUNet_raw")
    monkeypatch.setenv("nnUNet_results", "/nowhere")
    found = failing(diagnose())
    assert set(found) == {"nnUNet_raw", "nnUNet_results"}
    assert "is not set" in found["nnUNet_raw"]
    assert "/nowhere, which is not a folder" in found["nnUNet_results"]


def test_a_closed_door_is_told_with_the_line_that_opens_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    found = failing(diagnose())
    assert set(found) == {"door", "lookup"}
    assert environment_line() in found["door"]


@pytest.mark.slow
def test_a_class_of_the_same_name_elsewhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(
        "from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer\n"
        "class DiceTrainer(nnUNetTrainer): pass\n"
    )
    monkeypatch.setenv(VARIABLE, os.pathsep.join([str(tmp_path), str(door_folder())]))
    assert "nnU-Net takes DiceTrainer from mine" in failing(diagnose())["lookup"]


def test_a_directory_of_others_that_cannot_be_imported_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.py").write_text("import a_package_that_is_not_there\n")
    monkeypatch.setenv(VARIABLE, os.pathsep.join([str(tmp_path), str(door_folder())]))
    message = failing(diagnose())["lookup"]
    assert "No module named 'a_package_that_is_not_there'" in message
    assert str(tmp_path) in message


def test_a_broken_trainer_of_nnunet_itself_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tmp_path / "broken_nnunet" / "training" / "nnUNetTrainer"
    tree.mkdir(parents=True)
    (tree / "needs_torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')\n")
    monkeypatch.setattr("nnunetv2.__path__", [str(tmp_path / "broken_nnunet")])
    monkeypatch.setattr("nnunetv2.training.nnUNetTrainer.__path__", [str(tree)])
    message = failing(diagnose())["nnU-Net's own trainers"]
    assert "needs_torchvision.py fails (RuntimeError: operator torchvision::nms does not exist)" in message
    assert "torchvision" in message.partition("; ")[2]


@pytest.mark.parametrize(("before", "after"), [(None, "{door}"), ("/my own", "/my own:{door}")])
def test_the_line_works_in_a_shell(before: str | None, after: str) -> None:
    environment = {"PATH": os.environ["PATH"]} | ({VARIABLE: before} if before else {})
    ran = subprocess.run(
        ["sh", "-c", f'{environment_line()}; printf %s "${VARIABLE}"'],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout == after.format(door=door_folder())


def test_a_package_installed_in_part_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnunet_losses.nnunet.doctor.door_folder", lambda: None)
    assert "are missing; install it again" in failing(diagnose())["door"]
    with pytest.raises(UserError, match="are missing; install it again"):
        environment_line()
