import os
import subprocess
from pathlib import Path

import pytest

from nnunet_losses._door import VARIABLE, door_directory
from nnunet_losses.nnunet.names.doctor import Check, diagnose, environment_line


def failing(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.message for check in checks if not check.ok}


@pytest.fixture(autouse=True)
def healthy(world: Path, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()


def test_all_is_well() -> None:
    checks = diagnose()
    assert failing(checks) == {}
    assert len(checks) == 6


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


def test_a_class_of_the_same_name_elsewhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(
        "from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer\n"
        "class DiceTrainer(nnUNetTrainer): pass\n"
    )
    monkeypatch.setenv(VARIABLE, os.pathsep.join([str(tmp_path), str(door_directory())]))
    assert "nnU-Net takes DiceTrainer from mine" in failing(diagnose())["lookup"]


def test_a_directory_of_others_that_cannot_be_imported_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.py").write_text("import a_package_that_is_not_there\n")
    monkeypatch.setenv(VARIABLE, os.pathsep.join([str(tmp_path), str(door_directory())]))
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
    )
    assert ran.stdout == after.format(door=door_directory())
