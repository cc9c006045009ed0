"""Phantom data sets: synthetic heads with lesions as imbalanced as in multiple sclerosis, with vessels, or with organs.

They need neither download nor permission, and the truth is known to the voxel. They are for demonstrations and tests,
and are no evidence about patients.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from nnunet_losses.base.dataset import write_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.names import NIFTI, image_file, label_file
from nnunet_losses.data.layout import make_folders
from nnunet_losses.data.phantom_looks import grow_vessels, place_organs
from nnunet_losses.data.phantom_options import Phantom
from nnunet_losses.data.phantom_volume import Head, Lesions, make_head, place_lesions, scan

# dataset.json's entries for each way to label the same lesions.
LABELS: dict[str, dict[str, Any]] = {
    "lesion": {"labels": {"background": 0, "lesion": 1}},
    "rim_and_core": {"labels": {"background": 0, "rim": 1, "core": 2}},
    "two_types": {"labels": {"background": 0, "chronic": 1, "active": 2}},
    "regions": {"labels": {"background": 0, "lesion": [1, 2], "core": 2}, "regions_class_order": [1, 2]},
}
CORE_MIN_VOXELS = 20  # smaller lesions have no core
SLICE_THICKNESS_MM = 5.0  # of a 2D case, which is stored as a volume of one slice


def draw_sizes(rng: np.random.Generator, phantom: Phantom) -> NDArray[np.int64]:
    """Sizes in voxels of the lesions of one case, whose sum is within the wanted share of the volume.

    Raises:
        UserError: 1000 draws did not reach that share.
    """
    voxels = int(np.prod(phantom.shape))
    voxel_size = float(np.prod(phantom.spacing_mm))
    least, most = phantom.lesions
    for _ in range(1000):
        count = int(np.exp(rng.uniform(np.log(least), np.log(most + 1))))
        volumes = phantom.median_volume_mm3 * np.exp(phantom.log_volume_sd * rng.standard_normal(count))
        sizes = volumes if len(phantom.shape) == 3 else volumes ** (2 / 3)
        rounded = np.maximum(np.rint(sizes / voxel_size), 1).astype(np.int64)
        if phantom.foreground[0] <= rounded.sum() / voxels <= phantom.foreground[1]:
            return rounded
    raise UserError(
        f"phantom: {least} to {most} lesions of about {phantom.median_volume_mm3:g} mm³ cannot fill "
        f"{phantom.foreground[0]:.3%} to {phantom.foreground[1]:.3%} of {phantom.shape}; change lesions, "
        "median_volume_mm3 or foreground."
    )


def make_phantom_case(phantom: Phantom, index: int) -> tuple[list[NDArray[np.int16]], NDArray[np.uint8]]:
    """Draw case ``index``: one image per channel and the label map, each of the phantom's shape."""
    rng = np.random.default_rng([phantom.seed, 0, index])
    head = make_head(rng, phantom.shape, phantom.spacing_mm, phantom.confounders)
    drawn = _lesions if phantom.look == "lesions" else _vessels if phantom.look == "vessels" else _organs
    shown = drawn(rng, phantom, head, index in phantom.negatives())
    images = [
        scan(
            rng,
            head,
            shown.objects,
            shown.core,
            shown.contrast,
            phantom.spacing_mm,
            channel=channel,
            noise=phantom.noise,
            bias=phantom.bias,
            blur_mm=phantom.blur_mm,
        )
        for channel in phantom.channels
    ]
    return images, shown.label


class _Shown(NamedTuple):
    """What a case shows: its objects, their destroyed cores, the contrast of each (index 0 is unused), the labels."""

    objects: Lesions
    core: NDArray[np.bool_]
    contrast: NDArray[np.float32]
    label: NDArray[np.uint8]


def _lesions(rng: np.random.Generator, phantom: Phantom, head: Head, empty: bool) -> _Shown:
    sizes = np.zeros(0, np.int64) if empty else draw_sizes(rng, phantom)
    lesions = place_lesions(rng, head, phantom.spacing_mm, sizes)
    active = rng.random(len(sizes) + 1) < 0.35
    contrast = phantom.contrast * np.exp(0.2 * rng.standard_normal(len(sizes) + 1))
    if phantom.labels == "two_types":
        contrast = contrast * np.where(active, 1.15, 0.7)
    core = _core(lesions) if phantom.labels in ("rim_and_core", "regions") else np.zeros(phantom.shape, bool)
    second = core | (active[lesions.owner] if phantom.labels == "two_types" else False)
    label = np.where(lesions.owner > 0, 1 + second, 0).astype(np.uint8)
    return _Shown(lesions, core, contrast.astype(np.float32), label)


def _vessels(rng: np.random.Generator, phantom: Phantom, head: Head, empty: bool) -> _Shown:
    wanted = 0 if empty else _wanted_voxels(rng, phantom)
    vessels = grow_vessels(rng, head, phantom.spacing_mm, voxels=wanted, radius_mm=phantom.vessel_radius_mm)
    contrast = phantom.contrast * np.exp(0.2 * rng.standard_normal(int(vessels.owner.max()) + 1))
    nowhere = np.zeros(phantom.shape, bool)
    return _Shown(vessels, nowhere, contrast.astype(np.float32), (vessels.owner > 0).astype(np.uint8))


def _organs(rng: np.random.Generator, phantom: Phantom, head: Head, empty: bool) -> _Shown:
    nowhere = np.zeros(phantom.shape, bool)
    if empty:
        nothing = Lesions(np.zeros(phantom.shape, np.int32), np.zeros(phantom.shape, np.float32))
        return _Shown(nothing, nowhere, np.zeros(1, np.float32), np.zeros(phantom.shape, np.uint8))
    template = np.random.default_rng([phantom.seed, 2])
    wanted = _wanted_voxels(rng, phantom)
    organs, contrast = place_organs(rng, template, head, phantom.spacing_mm, organs=phantom.organs, voxels=wanted)
    return _Shown(organs, nowhere, phantom.contrast * contrast, organs.owner.astype(np.uint8))


def _wanted_voxels(rng: np.random.Generator, phantom: Phantom) -> int:
    return int(np.prod(phantom.shape) * rng.uniform(*phantom.foreground))


def label_table(phantom: Phantom) -> dict[str, Any]:
    """The entries ``labels`` and, with regions, ``regions_class_order`` of its dataset.json."""
    if phantom.look == "vessels":
        return {"labels": {"background": 0, "vessel": 1}}
    if phantom.look == "organs":
        return {"labels": {"background": 0, **{f"organ_{n:02d}": n for n in range(1, phantom.organs + 1)}}}
    return LABELS[phantom.labels]


def _core(lesions: Lesions) -> NDArray[np.bool_]:
    """The inner part of the lesions that are large enough to have one."""
    size = np.bincount(lesions.owner.ravel())
    size[0] = 0
    return (lesions.depth > 0.35) & (size[lesions.owner] >= CORE_MIN_VOXELS)


def write_phantom(
    phantom: Phantom,
    folder: Path,
    *,
    cases: list[str] | None = None,
    workers: int = 1,
    report: Callable[[str], None] | None = None,
) -> None:
    """Write the cases (all, or those named) in nnU-Net's raw layout to an existing empty folder."""
    names = phantom.case_names()
    wanted = names if cases is None else cases
    spacing = [*phantom.spacing_mm[::-1], *[SLICE_THICKNESS_MM] * (3 - len(phantom.shape))]
    make_folders(folder)

    def write(name: str) -> None:
        images, label = make_phantom_case(phantom, names.index(name))
        paths = [image_file(folder, name, channel, NIFTI) for channel in range(len(images))]
        arrays: list[NDArray[Any]] = [*images, label]
        for array, path in zip(arrays, [*paths, label_file(folder, name, NIFTI)], strict=True):
            volume = array.T if array.ndim == 3 else array.T[..., None]  # NIfTI counts columns first
            nifti = nib.Nifti1Image(volume, np.diag([*spacing, 1.0]))
            nifti.header.set_xyzt_units("mm")
            nib.save(nifti, path)
        if report is not None:
            report(name)

    with ThreadPoolExecutor(workers) as pool:  # NumPy, SciPy and zlib let go of the interpreter while they work
        list(pool.map(write, wanted))
    description = {
        "channel_names": {str(c): channel for c, channel in enumerate(phantom.channels)},
        **label_table(phantom),
        "numTraining": len(wanted),
        "file_ending": NIFTI,
        "licence": "CC0-1.0",
        "description": f"Invented heads with {phantom.look}; no patient data.",
    }
    write_dataset_json(folder, description)
