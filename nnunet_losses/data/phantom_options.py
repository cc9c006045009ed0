"""What a phantom data set is like: the options of its data-set file."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from nnunet_losses.base.config import ConfigModel, Different, Many, Pair, key

LARGEST_SEED = 2**32 - 1
MOST_VOXELS = 2**27  # 512 in each direction

Axis = Annotated[int, Field(ge=16, le=4096)]
Millimetres = Annotated[float, Field(gt=0, le=100)]


class Phantom(ConfigModel):
    """A phantom data set: synthetic heads with lesions, vessels or organs; equal options give bitwise equal files."""

    # Sizes are drawn from a log-normal distribution (in 2D to the power of two thirds: the area of a lesion's section),
    # the number of lesions log-uniformly; both are drawn again until the foreground's share of the voxels is in range.
    cases: int = key("number of cases; case n does not depend on it", default=24, ge=1, le=10_000)
    shape: Annotated[Many[Axis], Field(min_length=2, max_length=3)] = key(
        "slices, rows, columns, as in nnU-Net's patch sizes; two numbers make slices for 2D",
        default=(48, 64, 64),
        unit="voxel",
    )
    spacing_mm: Many[Millimetres] = key(
        "voxel size per axis of `shape`; lesions keep their size in mm", default=(), unit="mm", absent="1 in every axis"
    )
    seed: int = key("seed of all random choices", default=0, ge=0, le=LARGEST_SEED)
    look: Literal["lesions", "vessels", "organs"] = key(
        "what is to be segmented: lesions, trees of thin vessels, or organs of unlike size, a class each",
        default="lesions",
    )
    organs: int = key("number of organs, of `look: organs`", default=12, ge=2, le=50)
    vessel_radius_mm: float = key(
        "radius of the thickest vessel of a tree, of `look: vessels`", default=1.5, unit="mm", gt=0, le=20
    )
    labels: Literal["lesion", "rim_and_core", "two_types", "regions"] = key(
        "how lesions are labelled: as one, as rim and core, as two types (chronic, active), or as the overlapping "
        "regions lesion and core",
        default="lesion",
    )
    channels: Annotated[Many[Literal["FLAIR", "T1", "T2"]], Field(min_length=1), Different] = key(
        "MRI contrasts, one image each", default=("FLAIR",)
    )
    negative_cases: int = key("how many of the cases have nothing to segment", default=0, ge=0)
    lesions: Pair[Annotated[int, Field(ge=1, le=10_000)]] = key(
        "smallest and largest number of lesions in a case; neighbours may merge", default=(8, 40)
    )
    median_volume_mm3: float = key("median volume of a lesion", default=16.0, unit="mm³", gt=0, le=1_000_000)
    log_volume_sd: float = key("standard deviation of ln(volume)", default=1.6, ge=0, le=10)
    foreground: Pair[Annotated[float, Field(ge=0, le=0.5)]] = key(
        "smallest and largest share of a case's voxels that are lesions, vessels or organs", default=(0.0005, 0.02)
    )
    contrast: float = key(
        "contrast of a lesion to its surroundings; 1 is the full difference between the tissues",
        default=0.85,
        ge=0,
        le=10,
    )
    confounders: float = key(
        "brightness of vessels, cortex and ventricle lining that look like lesions; 0 leaves them out",
        default=0.55,
        ge=0,
        le=10,
    )
    noise: float = key("standard deviation of the (Rician) noise; white matter is 0.5", default=0.05, ge=0, le=10)
    bias: float = key("standard deviation of the logarithm of the bias field", default=0.12, ge=0, le=10)
    blur_mm: float = key(
        "standard deviation of the point spread, which hides small lesions", default=0.7, unit="mm", ge=0, le=100
    )

    @field_validator("shape")
    @classmethod
    def _fits_memory(cls, shape: tuple[int, ...]) -> tuple[int, ...]:
        if np.prod([*shape], dtype=float) > MOST_VOXELS:
            raise ValueError(f"must have at most {MOST_VOXELS:,} voxels, got {list(shape)}")
        return shape

    @field_validator("spacing_mm")
    @classmethod
    def _has_all_axes(cls, spacing: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        axes = len(info.data.get("shape", spacing))
        if not spacing:
            return (1.0,) * axes
        if len(spacing) != axes:
            raise ValueError(f"must be a list of {axes} numbers, as shape is, got {list(spacing)}")
        return spacing

    @field_validator("labels")
    @classmethod
    def _are_of_lesions(cls, labels: str, info: ValidationInfo) -> str:
        if labels != "lesion" and info.data.get("look", "lesions") != "lesions":
            raise ValueError(f"'{labels}' is a way to label lesions, but look is {info.data['look']}; leave it out")
        return labels

    @field_validator("negative_cases")
    @classmethod
    def _are_cases(cls, number: int, info: ValidationInfo) -> int:
        if number > info.data.get("cases", number):
            raise ValueError(f"must be at most the number of cases ({info.data['cases']}), got {number}")
        return number

    @field_validator("lesions", "foreground")
    @classmethod
    def _ascend(cls, limits: tuple[float, float], info: ValidationInfo) -> tuple[float, float]:
        least, most = limits
        if not (least <= most if info.field_name == "lesions" else least < most):
            raise ValueError(f"must be [least, most], got {list(limits)}")
        return limits

    def case_names(self) -> list[str]:
        """Names of all cases, in order."""
        return [f"phantom_{index:03d}" for index in range(self.cases)]

    def negatives(self) -> set[int]:
        """Indices of the cases without a lesion."""
        order = np.random.default_rng([self.seed, 1]).permutation(self.cases)
        return set(order[: self.negative_cases].tolist())
