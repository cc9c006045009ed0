"""Phantom data sets: invented heads with many lesions, as imbalanced as real multiple-sclerosis data.

They need no download and no permission, and the truth is known to the voxel. They serve demonstrations and tests; they
are no evidence about patients.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from nnunet_losses.base.dataset import write_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.names import NIFTI, image_file, label_file
from nnunet_losses.data.keys import check_keys
from nnunet_losses.data.layout import make_folders
from nnunet_losses.data.phantom_volume import CONTRASTS, Lesions, make_head, place_lesions, scan

# dataset.json's entries for each way to label the same lesions.
LABELS: dict[str, dict[str, Any]] = {
    "lesion": {"labels": {"background": 0, "lesion": 1}},
    "rim_and_core": {"labels": {"background": 0, "rim": 1, "core": 2}},
    "two_types": {"labels": {"background": 0, "chronic": 1, "active": 2}},
    "regions": {"labels": {"background": 0, "lesion": [1, 2], "core": 2}, "regions_class_order": [1, 2]},
}
CORE_MIN_VOXELS = 20  # smaller lesions have no core
SLICE_THICKNESS_MM = 5.0  # of a 2D case, which is stored as a volume of one slice


@dataclass(frozen=True, kw_only=True)
class Phantom:
    """What a phantom data set is like; equal values give bitwise equal files.

    Sizes are drawn from a log-normal distribution (in 2D to the power of two thirds: the area of a lesion's section),
    the number of lesions log-uniformly; both are drawn again until the foreground's share of the voxels is in range.
    """

    cases: int = 24
    shape: tuple[int, ...] = (48, 64, 64)  # in nnU-Net's order: slices, rows, columns
    spacing_mm: tuple[float, ...] = ()  # in the same order; if absent, 1 mm in every direction
    seed: int = 0
    labels: str = "lesion"
    channels: tuple[str, ...] = ("FLAIR",)
    negative_cases: int = 0  # how many of the cases have no lesion
    lesions: tuple[int, int] = (8, 40)
    median_volume_mm3: float = 16.0
    log_volume_sd: float = 1.6  # standard deviation of the natural logarithm of the volume
    foreground: tuple[float, float] = (0.0005, 0.02)
    contrast: float = 0.85  # of a lesion to its surroundings; 1 is the full difference between the tissues
    confounders: float = 0.55  # brightness of vessels and other structures that are no lesion; 0 leaves them out
    noise: float = 0.05  # standard deviation; white matter in FLAIR is 0.5
    bias: float = 0.12  # standard deviation of the logarithm of the coil's sensitivity
    blur_mm: float = 0.7  # standard deviation of the point spread: partial volume

    def __post_init__(self) -> None:
        """Make lists tuples (descriptions come from YAML), fill in the spacing, and refuse what cannot be drawn."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list):
                object.__setattr__(self, field.name, tuple(value))
        if not self.spacing_mm:
            object.__setattr__(self, "spacing_mm", (1.0,) * len(self.shape))
        for wrong, what in _rules(self):
            if wrong:
                raise UserError(f"phantom: {what}.")

    @classmethod
    def from_mapping(cls, options: Mapping[str, Any]) -> "Phantom":
        """Make it from the keys of a data-set description; an unknown key is refused with the nearest valid one."""
        check_keys(options, [field.name for field in fields(cls)], "phantom")
        try:
            return cls(**options)
        except (TypeError, ValueError, IndexError) as error:
            raise UserError(f"phantom: a value has the wrong type or length ({error}).") from error

    def case_names(self) -> list[str]:
        """Names of all cases, in order."""
        return [f"phantom_{index:03d}" for index in range(self.cases)]

    def negatives(self) -> set[int]:
        """Indices of the cases without a lesion."""
        order = np.random.default_rng([self.seed, 1]).permutation(self.cases)
        return set(order[: self.negative_cases].tolist())


def _rules(p: Phantom) -> list[tuple[bool, str]]:
    low, high = p.foreground
    return [
        (p.cases < 1, f"cases must be at least 1, got {p.cases}"),
        (
            len(p.shape) not in (2, 3) or min(p.shape) < 16,
            f"shape needs 2 or 3 numbers of at least 16, got {p.shape}",
        ),
        (len(p.spacing_mm) != len(p.shape), f"spacing_mm needs {len(p.shape)} numbers, got {p.spacing_mm}"),
        (min(p.spacing_mm) <= 0, f"spacing_mm must be positive, got {p.spacing_mm}"),
        (p.seed < 0, f"seed must not be negative, got {p.seed}"),
        (p.labels not in LABELS, f"labels must be one of {', '.join(LABELS)}, got {p.labels!r}"),
        (
            not p.channels or not set(p.channels) <= set(CONTRASTS),
            f"channels must be some of {', '.join(CONTRASTS)}, got {p.channels}",
        ),
        (
            not 0 <= p.negative_cases <= p.cases,
            f"negative_cases must be between 0 and cases ({p.cases}), got {p.negative_cases}",
        ),
        (
            not 1 <= p.lesions[0] <= p.lesions[1],
            f"lesions must be [least, most] with least >= 1, got {p.lesions}",
        ),
        (not 0 <= low < high <= 0.1, f"foreground must be [least, most] within [0, 0.1], got {p.foreground}"),
        (p.median_volume_mm3 <= 0, f"median_volume_mm3 must be positive, got {p.median_volume_mm3}"),
        (
            min(p.log_volume_sd, p.contrast, p.confounders, p.noise, p.bias, p.blur_mm) < 0,
            "log_volume_sd, contrast, confounders, noise, bias and blur_mm must not be negative",
        ),
    ]


def draw_sizes(rng: np.random.Generator, phantom: Phantom) -> NDArray[np.int64]:
    """Sizes in voxels of one case's lesions, their sum within the wanted share of the volume.

    Raises UserError if 1000 draws do not reach that share.
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
    spacing = phantom.spacing_mm
    head = make_head(rng, phantom.shape, spacing, phantom.confounders)
    sizes = np.zeros(0, np.int64) if index in phantom.negatives() else draw_sizes(rng, phantom)
    lesions = place_lesions(rng, head, spacing, sizes)

    active = rng.random(len(sizes) + 1) < 0.35
    brightness = phantom.contrast * np.exp(0.2 * rng.standard_normal(len(sizes) + 1))
    if phantom.labels == "two_types":
        brightness = brightness * np.where(active, 1.15, 0.7)
    core = _core(lesions) if phantom.labels in ("rim_and_core", "regions") else np.zeros(phantom.shape, bool)
    images = [
        scan(
            rng,
            head,
            lesions,
            core,
            brightness.astype(np.float32),
            spacing,
            channel=channel,
            noise=phantom.noise,
            bias=phantom.bias,
            blur_mm=phantom.blur_mm,
        )
        for channel in phantom.channels
    ]
    second = core | (active[lesions.owner] if phantom.labels == "two_types" else False)
    return images, np.where(lesions.owner > 0, 1 + second, 0).astype(np.uint8)


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
        **LABELS[phantom.labels],
        "numTraining": len(wanted),
        "file_ending": NIFTI,
        "licence": "CC0-1.0",
        "description": "Invented heads with lesions; no patient data.",
    }
    write_dataset_json(folder, description)
