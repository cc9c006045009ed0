"""A training's progress, read from logs that nnU-Net is still writing."""

import json
import math
import re
from pathlib import Path

import pytest

from nnunet_losses.base.states import Alarm
from nnunet_losses.progress.trainings import read_progress


def epoch(number: int, dice: float, seconds: float = 2.0) -> str:
    """As nnU-Net 2.8 writes it."""
    stamp = "2026-11-25 20:03:07.854382: "
    lines = (
        " ",
        f"Epoch {number} ",
        "Current learning rate: 0.01 ",
        "train_loss 0.9529 ",
        "val_loss 0.9535 ",
        f"Pseudo dice [np.float32({dice}), np.float32({dice + 0.1})] ",
        f"Epoch time: {seconds} s ",
        "Yayy! New best EMA pseudo Dice: 0.0293 ",
    )
    return "".join(f"{stamp}{line}\n" for line in lines)


def write(folder: Path, text: str, start: int = 0) -> Path:
    path = folder / f"training_log_2026_11_25_20_03_{start:02}.txt"
    path.write_text(text)
    (folder / "debug.json").write_text(json.dumps({"num_epochs": "10"}))
    return path


def test_epoch_rate_and_last_pseudo_dice_are_those_of_the_log(tmp_path: Path) -> None:
    log = write(tmp_path, epoch(0, 0.1, 9.0) + epoch(1, 0.3) + epoch(2, 0.4))
    progress = read_progress(tmp_path)
    assert (progress.epoch, progress.epochs, progress.seconds_per_epoch) == (3, 10, 2.0)
    assert progress.pseudo_dice == pytest.approx(0.45)
    assert progress.seconds_left == 7 * 2.0
    assert progress.updated == log.stat().st_mtime
    assert not progress.validating


def test_a_log_cut_off_anywhere_tells_of_the_epochs_that_are_whole(tmp_path: Path) -> None:
    whole = epoch(0, 0.1) + epoch(1, 0.3)
    for cut in range(0, len(whole), 7):
        write(tmp_path, whole[:cut])
        assert read_progress(tmp_path).epoch == len(re.findall("Epoch time.*\n", whole[:cut])), whole[:cut][-40:]


def test_a_resumed_training_goes_on_from_the_log_before(tmp_path: Path) -> None:
    write(tmp_path, epoch(0, 0.1) + epoch(1, 0.2) + epoch(2, 0.3) + epoch(3, 0.4), start=1)
    write(tmp_path, "Please cite the following paper\n", start=2)
    assert read_progress(tmp_path).epoch == 4  # no epoch of the second start has ended
    write(tmp_path, epoch(2, 0.6), start=2)  # from the checkpoint after epoch 1
    progress = read_progress(tmp_path)
    assert (progress.epoch, progress.pseudo_dice) == (3, pytest.approx(0.65))


def test_a_log_that_grows_is_read_on_and_one_that_was_replaced_anew(tmp_path: Path) -> None:
    whole = "".join(epoch(number, 0.1 * number) for number in range(9))
    for cut in range(0, len(whole), 101):
        write(tmp_path, whole[:cut])
        assert read_progress(tmp_path).epoch == len(re.findall("Epoch time.*\n", whole[:cut])), whole[:cut][-40:]
    progress = read_progress(tmp_path)
    assert (progress.epoch, progress.pseudo_dice) == (9, pytest.approx(0.85))
    write(tmp_path, epoch(0, 0.2))
    assert read_progress(tmp_path).epoch == 1


@pytest.mark.parametrize("cases", [3, 1000])
def test_of_a_finished_training_the_end_is_read(tmp_path: Path, cases: int) -> None:
    validation = "2026-11-25 20:03:07.854382: predicting case_0001 \n" * cases
    write(tmp_path, "".join(epoch(number, 0.5) for number in range(1000)) + validation)
    progress = read_progress(tmp_path, finished=True)
    assert (progress.epoch, progress.pseudo_dice) == (1000, pytest.approx(0.55))


def test_a_training_that_finds_nothing_or_loses_what_it_had_learned_is_flagged(tmp_path: Path) -> None:
    write(tmp_path, "".join(epoch(number, 0.5) for number in range(10)))
    assert read_progress(tmp_path).alarm is None
    write(tmp_path, "".join(epoch(number, 0.5 if number < 10 else 0.0) for number in range(40)))
    assert read_progress(tmp_path).alarm is Alarm.DIVERGING


def test_after_the_last_epoch_the_training_validates(tmp_path: Path) -> None:
    write(tmp_path, "".join(epoch(number, 0.5) for number in range(10)))
    assert read_progress(tmp_path).validating


def test_a_training_that_has_not_begun_is_not_a_mistake(tmp_path: Path) -> None:
    progress = read_progress(tmp_path / "nowhere")
    assert (progress.epoch, progress.epochs, progress.updated) == (0, None, None)
    assert math.isnan(progress.seconds_left)
    (tmp_path / "debug.json").write_text('{"num_epo')
    assert read_progress(tmp_path).epochs is None
