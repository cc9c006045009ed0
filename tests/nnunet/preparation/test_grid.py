from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from nnunet_losses.base.labels import LabelSet
from nnunet_losses.nnunet.preparation.expected import expected_plans
from nnunet_losses.nnunet.preparation.grid import Grid, lesions_in_grid, planned_grid, share_without

LABELS = LabelSet.parse({"background": 0, "lesion": 1})


JSON = {
    "channel_names": {"0": "MRI"},
    "labels": {"background": 0, "lesion": 1},
    "numTraining": 3,
    "file_ending": ".nii.gz",
}


def expected_grid(shapes: list[tuple[int, ...]], spacings: list[tuple[float, ...]]) -> Grid:
    return planned_grid(expected_plans(JSON, shapes, spacings), "3d_fullres")


def grid_of(spacing: tuple[float, ...]) -> Grid:
    return replace(expected_grid([(20, 20, 20)], [(1.0, 1.0, 1.0)]), spacing=spacing, patch_size=(8, 8, 8))


def written(tmp_path: Path, voxels: np.ndarray) -> dict[str, Path]:
    path = tmp_path / "a.nii.gz"
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), path)
    return {"a": path}


def test_a_voxel_vanishes_in_a_grid_of_half_the_resolution_and_a_cube_does_not(tmp_path: Path) -> None:
    voxels = np.zeros((20, 20, 20), np.uint8)
    voxels[3, 3, 3] = 1
    voxels[10:14, 10:14, 10:14] = 1
    (case,) = lesions_in_grid(written(tmp_path, voxels), LABELS, grid_of((2.0, 2.0, 2.0)))
    assert (case.lesions, case.sizes, case.vanished) == (2, (8,), (1,))


def test_at_the_spacing_of_the_file_nothing_changes(tmp_path: Path) -> None:
    voxels = (np.random.default_rng(0).random((20, 20, 20)) < 0.02).astype(np.uint8)
    (case,) = lesions_in_grid(written(tmp_path, voxels), LABELS, grid_of((1.0, 1.0, 1.0)))
    assert case.vanished == ()
    assert sum(case.sizes) == voxels.sum()
    places = np.lib.stride_tricks.sliding_window_view(voxels, (8, 8, 8))
    assert case.without == pytest.approx(1 - places.any((3, 4, 5)).mean())


def test_the_expected_spacing_follows_the_planner() -> None:
    assert expected_grid([(20, 20, 20)] * 3, [(1, 1, 1), (1, 1, 1), (1, 1, 2)]).spacing == (1, 1, 1)
    thick = expected_grid([(200, 200, 20)] * 3, [(1, 1, 5), (1, 1, 6), (1, 1, 8)])
    assert thick.spacing == pytest.approx((5.2, 1, 1))  # 10 % quantile along the coarse axis
    sagittal = expected_grid([(20, 200, 200)] * 3, [(6, 1, 1)] * 3)
    assert (sagittal.transpose, sagittal.spacing) == ((2, 0, 1), (6, 1, 1))


@pytest.mark.parametrize("patch", [(1, 1, 1), (2, 3, 4), (5, 5, 5), (9, 2, 6), (4, 4)])
def test_the_share_of_empty_patches_is_that_of_all_places(patch: tuple[int, ...]) -> None:
    foreground = np.random.default_rng(1).random((6, 8, 7)) < 0.01
    sides = [min(side, n) for side, n in zip((1,) * (3 - len(patch)) + patch, foreground.shape, strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(foreground, sides)
    assert share_without(foreground, patch) == pytest.approx(1 - windows.any((3, 4, 5)).mean())
