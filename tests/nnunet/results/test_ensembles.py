"""The mean of the probabilities of several trainings."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.evaluation.probabilities import read_probabilities
from nnunet_losses.nnunet.results.ensembles import ensemble_predictions

AFFINE = np.array([[-1.0, 0, 0, 5], [0, 2, 0, -7], [0, 0, 3, 1], [0, 0, 0, 1]])
LABELS = {"labels": {"background": 0, "a": 1, "b": 2}, "file_ending": ".nii.gz"}
Member = tuple[Path, Path]


@pytest.fixture
def member(tmp_path: Path) -> Callable[..., Member]:
    """Write the predictions of a member, probabilities (C, x, y, z) by case, and give its two folders."""

    def write(name: str, probabilities: dict[str, np.ndarray]) -> Member:
        maps, arrays = tmp_path / name / "maps", tmp_path / name / "arrays"
        for folder in (maps, arrays):
            folder.mkdir(parents=True)
        for case, p in probabilities.items():
            nib.save(nib.Nifti1Image(p.argmax(0).astype(np.uint8), AFFINE), maps / f"{case}.nii.gz")
            np.savez(arrays / f"{case}.npz", probabilities=p.transpose(0, 3, 2, 1))
        return maps, arrays

    return write


def average(tmp_path: Path, members: list[Member], content: dict[str, Any]) -> int:
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    out = {"segmentations": tmp_path / "out" / "maps", "probabilities": tmp_path / "out" / "arrays"}
    return ensemble_predictions(members, tmp_path / "dataset.json", **out)


def some(seed: int, channels: int = 3) -> np.ndarray:
    p = np.random.default_rng(seed).random((channels, 4, 5, 6)).astype(np.float32)
    return p / p.sum(axis=0)


def test_the_mean_of_three_members_is_numpys(tmp_path: Path, member: Callable[..., Member]) -> None:
    arrays = [{case: some(10 * i + j) for j, case in enumerate(("one", "two"))} for i in range(3)]
    members = [member(f"m{i}", content) for i, content in enumerate(arrays)]
    assert average(tmp_path, members, LABELS) == 2
    for case in ("one", "two"):
        mean = np.mean([content[case] for content in arrays], axis=0)
        found = read_probabilities(tmp_path / "out" / "arrays" / f"{case}.npz", (4, 5, 6), 3)
        np.testing.assert_allclose(found, mean, rtol=1e-6)
        image = nib.load(tmp_path / "out" / "maps" / f"{case}.nii.gz")
        np.testing.assert_array_equal(np.asarray(image.dataobj), mean.argmax(axis=0))
        np.testing.assert_allclose(image.affine, AFFINE, atol=1e-5)
        assert (mean.argmax(axis=0) != arrays[0][case].argmax(axis=0)).any()


def test_regions_are_cut_at_one_half_and_laid_over_each_other(tmp_path: Path, member: Callable[..., Member]) -> None:
    content = {"labels": {"background": 0, "whole": [1, 2], "core": 2}, "regions_class_order": [1, 2]}
    a, b = (np.random.default_rng(i).random((2, 4, 5, 6)).astype(np.float32) for i in range(2))
    average(tmp_path, [member("a", {"x": a}), member("b", {"x": b})], content | {"file_ending": ".nii.gz"})
    whole, core = (a + b) / 2 > 0.5
    found = np.asarray(nib.load(tmp_path / "out" / "maps" / "x.nii.gz").dataobj)
    np.testing.assert_array_equal(found, np.where(core, 2, np.where(whole, 1, 0)))


def test_members_that_do_not_fit_are_refused_and_nothing_is_left(tmp_path: Path, member: Callable[..., Member]) -> None:
    one, two = member("one", {"x": some(0)}), member("two", {"x": some(1), "y": some(2)})
    with pytest.raises(UserError, match=r"do not hold the same cases \(y is in one of them only\)"):
        average(tmp_path, [one, two], LABELS)
    other = member("other", {"x": some(3, channels=2)})
    with pytest.raises(UserError, match=r"x\.npz: 'probabilities' has shape"):
        average(tmp_path, [one, other], LABELS)
    assert not (tmp_path / "out" / "maps").exists()
    assert not (tmp_path / "out" / "arrays").exists()
    with pytest.raises(UserError, match="There is no folder"):
        average(tmp_path, [one, (tmp_path / "none", tmp_path / "none")], LABELS)
