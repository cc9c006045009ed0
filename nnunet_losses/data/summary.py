"""What a sound data set holds, in numbers."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.labels import BACKGROUND, IGNORE
from nnunet_losses.base.scale import Length


@dataclass(frozen=True)
class CaseSummary:
    """One case in numbers.

    unit: of lengths: "mm", or "px" in pictures without spacing.
    orientation: the direction of each array axis, such as "RAS"; empty in 2D.
    foreground_fraction: share of the voxels that have any foreground label.
    voxels: number of voxels of each foreground label or region.
    lesion_voxels: sizes in voxels of the connected components (lesions) of each.
    """

    case: str
    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    unit: str
    orientation: str
    foreground_fraction: float
    voxels: dict[str, int]
    lesion_voxels: dict[str, tuple[int, ...]]

    @property
    def lesions(self) -> dict[str, int]:
        """Number of lesions of each foreground label or region."""
        return {label: len(sizes) for label, sizes in self.lesion_voxels.items()}


@dataclass(frozen=True)
class DatasetSummary:
    """A sound data set: what its dataset.json says, and its training cases in numbers.

    lowest: smallest value of each image file of a case, over all cases.
    copies: groups of cases with the same image, exactly or nearly.
    warnings: what may be right, but should be looked at, one sentence each.
    """

    name: str
    folder: Path
    channel_names: tuple[str, ...]
    labels: dict[str, int | tuple[int, ...]]
    ignore_label: int | None
    file_ending: str
    cases: tuple[CaseSummary, ...]
    lowest: tuple[float, ...] = ()
    copies: tuple[tuple[str, ...], ...] = ()
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        fractions = [case.foreground_fraction for case in self.cases]
        lesions = [sum(case.lesions.values()) for case in self.cases]
        return (
            f"{self.name}: {len(self.cases)} cases, channels {', '.join(self.channel_names)}, "
            f"labels {', '.join(self.labels)}, {self._voxels()}; "
            f"foreground {_range(f'{min(fractions):.3%}', f'{max(fractions):.3%}')} of the voxels, "
            f"{_range(f'{min(lesions)}', f'{max(lesions)}')} connected components per case."
        )

    def _voxels(self) -> str:
        """The sizes of voxels in words: one, or the smallest and the largest along each axis."""
        if any(case.unit == Length.PX for case in self.cases):
            return "pixels without a size"
        if len({len(case.spacing_mm) for case in self.cases}) > 1:
            return "images of two and of three dimensions"
        axes = list(zip(*(case.spacing_mm for case in self.cases), strict=True))
        ranges = [_range(f"{min(a):.3g}", f"{max(a):.3g}") for a in axes]
        return f"voxels of {' x '.join(ranges)} mm"

    @property
    def label_table(self) -> dict[str, int | tuple[int, ...]]:
        """The labels as dataset.json has them, background and ignored voxels included."""
        ignored = {} if self.ignore_label is None else {IGNORE: self.ignore_label}
        return {BACKGROUND: 0, **self.labels, **ignored}

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON can hold it."""
        summary: dict[str, Any] = {**asdict(self), "folder": str(self.folder)}
        return summary


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def read_lesion_counts(path: Path, cases: Iterable[str]) -> dict[str, int]:
    """The number of lesions of each case, of all labels together, from a ``summary.json`` of the command ``prepare``.

    Raises:
        UserError: the file cannot be read, or lacks a case.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        counts = {case["case"]: sum(map(len, case["lesion_voxels"].values())) for case in content["cases"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as a summary that 'nnunet-losses prepare' wrote: {error}.") from None
    for case in cases:
        if case not in counts:
            raise UserError(f"{path} has no case {case}; run 'nnunet-losses prepare --summary {path}' again.")
    return {case: counts[case] for case in cases}
