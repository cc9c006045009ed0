"""nnU-Net's commands, called so that a full disk is said in one sentence."""

import json
import multiprocessing
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nnunet_losses.base.disk import DiskFullError
from nnunet_losses.base.errors import UserError
from nnunet_losses.cli import app
from nnunet_losses.nnunet.preparation.calls import call_nnunet

from ...conftest import SmallDisk

FAILING = [sys.executable, "-c", "import sys; print('Traceback of a worker', file=sys.stderr); sys.exit(3)"]


def test_a_command_that_fails_for_another_reason_says_so_itself(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert call_nnunet(FAILING) == 3
    assert call_nnunet([sys.executable, "-c", "import sys; print('fine', file=sys.stderr)"]) == 0
    assert capfdbinary.readouterr().err == b"Traceback of a worker\nfine\n"


def test_a_command_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match="There is no command nnUNetv2_nothing"):
        call_nnunet(["nnUNetv2_nothing"])
    with pytest.raises(UserError, match="There is no command to call"):
        call_nnunet([])


def test_its_options_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(
        "nnunet_losses.nnunet.preparation.calls.call_nnunet", lambda words: called.append(list(words)) or 4
    )
    words = ["nnUNetv2_preprocess", "-d", "901", "-plans_name", "nnUNetPlans", "-c", "3d_toy", "-np", "2", "--no_pbar"]
    assert CliRunner().invoke(app, ["call", *words]).exit_code == 4
    assert called == [words]


def test_a_full_disk_hides_the_tracebacks(
    small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setenv("nnUNet_preprocessed", str(small_disk.folder))
    small_disk.fill(0)
    with pytest.raises(DiskFullError, match="There is not enough space for .*/small: 0 bytes are free"):
        call_nnunet(FAILING)
    assert capfdbinary.readouterr().err == b""


@pytest.mark.slow
def test_preprocessing_on_a_full_disk_is_repeated_when_there_is_space(
    world_once: Path, small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, preprocessed = "Dataset901_Labels", small_disk.folder
    (preprocessed / name).mkdir()
    for file in ("nnUNetPlans.json", "dataset.json", "dataset_fingerprint.json"):
        shutil.copy(world_once / "preprocessed" / name / file, preprocessed / name)
    monkeypatch.setenv("nnUNet_raw", str(world_once / "raw"))
    monkeypatch.setenv("nnUNet_preprocessed", str(preprocessed))
    monkeypatch.setenv("nnUNet_results", str(preprocessed))
    monkeypatch.setenv("nnUNet_n_proc_DA", "1")
    command = ["nnUNetv2_preprocess", "-d", "901", "-c", "3d_tiny", "-np", "1", "--no_pbar"]
    small_disk.fill(100_000)
    with pytest.raises(DiskFullError, match="There is not enough space for .*/small"):
        call_nnunet(command)
    (preprocessed / "filler").unlink()
    small_disk.grow()
    assert call_nnunet(command) == 0
    plans = json.loads((preprocessed / name / "nnUNetPlans.json").read_text())
    folder = plans["configurations"]["3d_tiny"]["data_identifier"]
    made, expected = (
        {f.name: f.stat().st_size for f in (base / name / folder).glob("*.b2nd")}
        for base in (preprocessed, world_once / "preprocessed")
    )
    assert made == expected
    assert len(made) == 12


FAKE = """#!/bin/sh
# as nnU-Net does: empty the folder, then write
rm -rf "$nnUNet_preprocessed/out"; mkdir "$nnUNet_preprocessed/out" || exit 1
echo run >> "$nnUNet_preprocessed/runs"
for n in 1 2 3; do sleep 0.02; echo "$n" > "$nnUNet_preprocessed/out/$n" || exit 1; done
"""


def test_eight_processes_that_ask_for_the_same_preprocessing_share_one_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "nnUNetv2_preprocess"
    command.write_text(FAKE)
    command.chmod(0o755)
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path))

    def ask(words: list[str], processes: int) -> list[int]:
        context = multiprocessing.get_context("fork")
        asked = [context.Process(target=lambda: sys.exit(call_nnunet(words))) for _ in range(processes)]
        for process in asked:
            process.start()
        for process in asked:
            process.join()
        return [process.exitcode for process in asked]

    words = [str(command), "-d", "901", "-c", "3d"]
    assert ask(words, 8) == [0] * 8
    assert [(tmp_path / f"out/{n}").read_text() for n in (1, 2, 3)] == ["1\n", "2\n", "3\n"]
    runs = (tmp_path / "runs").read_text().count("run")
    assert 1 <= runs < 8  # who asks after the end has it made again
    assert ask([*words, "--clean"], 1) == ask(words, 1) == [0]
    assert (tmp_path / "runs").read_text().count("run") == runs + 2
