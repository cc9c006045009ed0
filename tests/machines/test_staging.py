"""Data on a disk of the node: shared, checked against space, removed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nnunet_losses.cli import app
from nnunet_losses.machines.staging import staged

from ..conftest import SmallDisk

NAME = "Dataset900_Phantom"
OF = (NAME, "nnUNetPlans", "3d_small")
HOLD = """
import sys
from pathlib import Path
from nnunet_losses.machines.staging import staged
with staged(Path(sys.argv[1]), *sys.argv[2:5], Path(sys.argv[5]), print) as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def preprocessed(tmp_path: Path) -> Path:
    """A data set with two configurations, of which one inherits its folder."""
    folder = tmp_path / "preprocessed"
    configurations = {
        "3d_fullres": {"data_identifier": "nnUNetPlans_3d_fullres"},
        "3d_small": {"inherits_from": "3d_fullres"},
        "2d": {"data_identifier": "nnUNetPlans_2d"},
    }
    for name in ("nnUNetPlans_3d_fullres/a.b2nd", "nnUNetPlans_2d/a.b2nd", "gt_segmentations/a.nii.gz"):
        (folder / NAME / name).parent.mkdir(parents=True)
        (folder / NAME / name).write_bytes(bytes(1000))
    (folder / NAME / "nnUNetPlans.json").write_text(json.dumps({"configurations": configurations}))
    return folder


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_a_training_reads_is_copied_shared_and_removed_after_the_last(preprocessed: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with staged(preprocessed, *OF, disk, pytest.fail) as folder:
        assert names(folder / NAME) == [
            "gt_segmentations/a.nii.gz", "nnUNetPlans.json", "nnUNetPlans_3d_fullres/a.b2nd",
        ]  # fmt: skip
        (folder / NAME / "mark").touch()
        command = [sys.executable, "-c", HOLD, str(preprocessed), *OF, str(disk)]
        for killed in (False, True):
            other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            assert other.stdout is not None and other.stdout.readline().strip() == str(folder)
            assert (folder / NAME / "mark").exists()  # not copied again
            if killed:
                other.kill()
            other.communicate()
            assert (folder / NAME).is_dir()
    assert names(disk) in ([], [f".{folder.name}.lock"])


def test_changed_data_are_another_copy(preprocessed: Path, tmp_path: Path) -> None:
    with staged(preprocessed, *OF, tmp_path / "disk", pytest.fail) as before:
        os.utime(preprocessed / NAME / "nnUNetPlans.json", (1, 1))
        with staged(preprocessed, *OF, tmp_path / "disk", pytest.fail) as after:
            assert before != after


def test_too_little_space_is_told_and_the_data_are_used_where_they_are(
    preprocessed: Path, small_disk: SmallDisk
) -> None:
    (preprocessed / NAME / "nnUNetPlans_3d_fullres/b.b2nd").write_bytes(bytes(2_000_000))
    told: list[str] = []
    with staged(preprocessed, *OF, small_disk.folder, told.append) as folder:
        assert folder == preprocessed
    assert "0.0 GB are needed, 0.0 GB are free. They are used where they are." in told[0]
    assert not [name for name in names(small_disk.folder) if "b2nd" in name]


def test_the_command_runs_with_the_copy_and_ends_as_its_command_does(
    preprocessed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("nnUNet_preprocessed", str(preprocessed))
    monkeypatch.setenv("DISK", str(tmp_path / "disk"))
    monkeypatch.setenv("NNUNET_LOSSES_STAGE", "$DISK/here")
    script = f'echo "$nnUNet_preprocessed" > {tmp_path}/seen; ls "$nnUNet_preprocessed" > {tmp_path}/there; exit 3'
    words = ["on-node", "--device", "cpu", "--stage", *OF, "--", "sh", "-c", script]
    assert CliRunner().invoke(app, words).exit_code == 3
    assert (tmp_path / "seen").read_text().startswith(str(tmp_path / "disk/here"))
    assert (tmp_path / "there").read_text().split() == [NAME]
