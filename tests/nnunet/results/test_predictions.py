"""The predictions of the cases that a fold did not train on."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.results import predictions
from nnunet_losses.nnunet.results.predictions import predict_out_of_fold

from ..conftest import TRAINED
from ..training.test_checkpoint import Evil

pytestmark = pytest.mark.usefixtures("world")
CASES = ("case_4", "case_5")


def predict(folder: Path, dataset: str = "Dataset901_Labels", fold: int = 0, **options: Any) -> None:
    predict_out_of_fold(
        dataset,
        "3d_tiny",
        options.pop("trainer", TRAINED),
        "nnUNetPlans",
        fold,
        segmentations=folder / "segmentations",
        probabilities=folder / "probabilities",
        device="cpu",
        **options,
    )


def found(folder: Path) -> tuple[set[str], set[str]]:
    """The visible files in both folders."""
    segmentations, probabilities = (
        {path.name for path in (folder / name).glob("[!.]*")} for name in ("segmentations", "probabilities")
    )
    return segmentations, probabilities


COMPLETE = {f"{case}.nii.gz" for case in CASES}, {f"{case}.npz" for case in CASES}


@pytest.fixture
def no_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("validated again")

    monkeypatch.setattr(predictions, "_validate_again", refuse)


@pytest.mark.usefixtures("no_validation")
@pytest.mark.parametrize("dataset", ["Dataset901_Labels", "901"])
def test_what_the_training_predicted_is_collected(trained: Path, tmp_path: Path, dataset: str) -> None:
    expected = (trained / "validation" / "case_4.nii.gz").read_bytes()
    (trained / "validation" / "case_0.nii.gz").write_text("left from other splits")
    predict(tmp_path / "out", dataset)
    assert found(tmp_path / "out") == COMPLETE
    assert (tmp_path / "out" / "segmentations" / "case_4.nii.gz").read_bytes() == expected
    assert not list((trained / "validation").glob("*.npz"))  # moved, not copied


@pytest.mark.slow
def test_predictions_that_are_gone_are_made_again_from_the_published_model(trained: Path, tmp_path: Path) -> None:
    predict(tmp_path / "first")  # moves the probabilities away
    (tmp_path / "first" / "segmentations" / "stale.nii.gz").touch()
    published = trained / "checkpoint_final.pth"
    model = published.rename(tmp_path / "model.pth")
    predict(tmp_path / "again", model=model)
    predict(tmp_path / "first")
    assert found(tmp_path / "again") == found(tmp_path / "first") == COMPLETE
    first, again = (
        np.load(tmp_path / name / "probabilities" / "case_4.npz")["probabilities"] for name in ("first", "again")
    )
    np.testing.assert_array_equal(first, again)


def test_predictions_of_an_older_checkpoint_are_made_again(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated = []
    monkeypatch.setattr(predictions, "_validate_again", lambda *arguments: validated.append(arguments[-1]))
    later = (trained / "validation" / "case_5.npz").stat().st_mtime + 10
    os.utime(trained / "checkpoint_final.pth", (later, later))
    predict(tmp_path)
    assert validated == [trained / "checkpoint_final.pth"]


@pytest.mark.slow
def test_a_validation_that_was_killed_is_not_taken_for_a_whole_one(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validation, before = trained / "validation", (trained / "validation" / "case_4.nii.gz").read_bytes()
    (validation / "case_5.npz").unlink()
    with monkeypatch.context() as patch:

        def killed(*_: object) -> None:
            (validation / "case_4.nii.gz").write_bytes(before[:100])
            (validation / "case_5.npz").touch()
            raise KeyboardInterrupt

        patch.setattr(predictions, "_validate_again", killed)
        with pytest.raises(KeyboardInterrupt):
            predict(tmp_path / "out")
    predict(tmp_path / "out")
    assert (tmp_path / "out" / "segmentations" / "case_4.nii.gz").read_bytes() == before


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    with pytest.raises(UserError, match="has 2 folds; there is no fold 2"):
        predict(tmp_path, fold=2)
    for model in (None, tmp_path / "nowhere.pth"):
        with pytest.raises(UserError, match=r"holds no checkpoint_final\.pth: train this fold first"):
            predict(tmp_path, model=model)
    assert not list(tmp_path.glob("*ti*"))  # neither segmentations nor probabilities


@pytest.mark.parametrize("trainer", [TRAINED, "nnUNetTrainer"])
def test_code_in_a_checkpoint_is_not_run_whoever_wrote_it(trained: Path, tmp_path: Path, trainer: str) -> None:
    folder = trained.parents[1] / f"{trainer}__nnUNetPlans__3d_tiny"
    trained.parent.rename(folder)
    checkpoint = folder / "fold_0" / "checkpoint_final.pth"
    torch.save(torch.load(checkpoint, weights_only=False) | {"more": Evil(tmp_path / "trace")}, checkpoint)
    (folder / "fold_0" / "validation" / "case_4.npz").unlink()
    with pytest.raises(UserError, match=r"checkpoint_final\.pth was not loaded"):
        predict(tmp_path / "out", trainer=trainer)
    assert not (tmp_path / "trace").exists()
    assert not (tmp_path / "out" / "segmentations").exists()
