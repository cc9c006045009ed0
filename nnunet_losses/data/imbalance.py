"""How unbalanced a data set is: share of foreground, number and sizes of lesions, what nnU-Net's grid leaves."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from nnunet_losses.base.scale import Length
from nnunet_losses.data.summary import CaseSummary, DatasetSummary

FEW_VOXELS = 10
_VANISHING = 0.01
"""Share of vanishing lesions from which on a grid is warned of."""


@dataclass(frozen=True)
class GridCase:
    """What one label of one case becomes in the network's grid.

    case, label: names.
    lesions: number of lesions in the file.
    sizes: (k,) voxels of the lesions in the grid, where close ones may have merged.
    vanished: sizes, in voxels of the file, of the lesions of which no voxel is left.
    without: share of all places for a patch at which it holds no voxel of any label.
    """

    case: str
    label: str
    lesions: int
    sizes: tuple[int, ...]
    vanished: tuple[int, ...]
    without: float


def voxel_size(case: CaseSummary) -> float:
    """Size of a voxel in mm³ (3D), mm² (2D), or 1 pixel."""
    return 1.0 if case.unit == Length.PX else float(np.prod(case.spacing_mm))


def size_unit(summary: DatasetSummary) -> str:
    """The unit of sizes: "mm³", "mm²", or "px"."""
    if any(case.unit == Length.PX for case in summary.cases):
        return "px"
    return "mm²" if any(len(case.shape) == 2 for case in summary.cases) else "mm³"


def lesion_sizes(summary: DatasetSummary, label: str) -> np.ndarray:
    """Sizes of all lesions of a label, in the unit of `size_unit`."""
    return np.array([n * voxel_size(case) for case in summary.cases for n in case.lesion_voxels[label]], np.float64)


def gini(values: ArrayLike) -> float:
    """Gini coefficient: 0 if all values are equal, towards 1 if one holds nearly everything; NaN without values.

    >>> gini([1, 1, 1, 1]), gini([0, 0, 0, 4])
    (0.0, 0.75)
    """
    x = np.sort(np.asarray(values, np.float64))
    if not len(x) or not x.sum():
        return float("nan")
    n = len(x)
    return float(2 * (np.arange(1, n + 1) * x).sum() / (n * x.sum()) - (n + 1) / n)


def imbalance(summary: DatasetSummary, grid: Sequence[GridCase] = ()) -> pd.DataFrame:
    """One row a label, with all that makes some losses fail where others do not.

    Args:
        summary: of the data set.
        grid: what lesions become in the network's grid, if that is known.

    Returns:
        Columns ``label``, ``cases``, ``empty_cases``; ``foreground_min`` (``_median``, ``_max``), the share of a case's
        voxels; ``lesions``, ``lesions_min`` (``_median``, ``_max``) in a case; ``size_min`` (``_median``, ``_max``) in
        ``unit``; ``few_voxels``, the share of lesions of at most 10 voxels; ``gini`` of the sizes. With ``grid`` also
        ``grid_cases``, the number of cases followed, ``grid_size_median`` in voxels of the grid, ``vanished``, and
        ``patches_without``, the share of patches without foreground.
    """
    rows = []
    for label in summary.labels:
        cases = summary.cases
        shares = [case.voxels[label] / np.prod(case.shape) for case in cases]
        counts = [case.lesions[label] for case in cases]
        sizes = lesion_sizes(summary, label)
        voxels = np.array([n for case in cases for n in case.lesion_voxels[label]])
        row = {
            "label": label,
            "cases": len(cases),
            "empty_cases": sum(not count for count in counts),
            **_spread("foreground", shares),
            "lesions": sum(counts),
            **_spread("lesions", counts),
            "unit": size_unit(summary),
            **_spread("size", sizes),
            "few_voxels": float((voxels <= FEW_VOXELS).mean()) if len(voxels) else float("nan"),
            "gini": gini(sizes),
        }
        if mine := [case for case in grid if case.label == label]:
            row["grid_cases"] = len(mine)
            row["grid_size_median"] = _median(n for case in mine for n in case.sizes)
            row["vanished"] = sum(len(case.vanished) for case in mine)
            row["patches_without"] = float(np.mean([case.without for case in mine]))
        rows.append(row)
    return pd.DataFrame(rows)


def sentences(facts: pd.DataFrame) -> Iterator[str]:
    """The rows of `imbalance` for a person."""
    for row in facts.to_dict("records"):
        said = (
            f"{row['label']}: foreground {row['foreground_min']:.3%} / {row['foreground_median']:.3%} / "
            f"{row['foreground_max']:.3%} of a case's voxels (min / median / max); {row['lesions']:,} lesions, "
            f"{row['lesions_min']:g} / {row['lesions_median']:g} / {row['lesions_max']:g} a case"
        )
        if row["empty_cases"]:
            said += f", {row['empty_cases']} of {row['cases']} cases without"
        if row["lesions"]:
            said += (
                f"; size {_short(row['size_min'])} / {_short(row['size_median'])} / {_short(row['size_max'])} "
                f"{row['unit']}, "
                f"{row['few_voxels']:.0%} of at most {FEW_VOXELS} voxels, Gini {row['gini']:.2f}"
            )
        if "vanished" in row:
            some = f" ({row['grid_cases']:g} cases)" if row["grid_cases"] < row["cases"] else ""
            said += (
                f"; in the network's grid{some} {row['grid_size_median']:g} voxels (median), {row['vanished']:g} "
                f"vanish, {row['patches_without']:.0%} of the patches have no foreground"
            )
        yield said + "."


def vanishing(grid: Sequence[GridCase], name: str, spacing: Sequence[float]) -> list[str]:
    """One sentence for each label of which a grid loses lesions.

    Args:
        grid: what lesions become in it.
        name: of the configuration.
        spacing: of the grid.
    """
    found = []
    for label in dict.fromkeys(case.label for case in grid):
        mine = [case for case in grid if case.label == label]
        lost, lesions = [n for case in mine for n in case.vanished], sum(case.lesions for case in mine)
        if lesions and len(lost) >= max(1, _VANISHING * lesions):
            found.append(
                f"In the grid of {name} ({' x '.join(f'{mm:.3g}' for mm in spacing)} mm) {len(lost):,} of {lesions:,} "
                f"lesions '{label}' vanish ({len(lost) / lesions:.1%}; the largest has {max(lost):,} voxels in its "
                "file), so no loss can learn them; choose a finer spacing."
            )
    return found


def _spread(name: str, values: Sequence[float] | np.ndarray) -> dict[str, float]:
    if not len(values):
        return {f"{name}_{what}": float("nan") for what in ("min", "median", "max")}
    return {
        f"{name}_min": float(np.min(values)),
        f"{name}_median": float(np.median(values)),
        f"{name}_max": float(np.max(values)),
    }


def _short(size: float) -> str:
    return f"{size:,.0f}" if size >= 1000 else f"{size:.3g}"


def _median(values: Iterable[float]) -> float:
    listed = list(values)
    return float(np.median(listed)) if listed else float("nan")
