"""Is a raw data set sound? All that is wrong with it, found before any long work; and what is in it, in numbers."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import cc3d
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.images import ENDINGS, READ_ERRORS, Grid, read_grid, read_voxels
from nnunet_losses.data.labels import Labels, dataset_json_problems, parse_labels
from nnunet_losses.data.layout import CaseFiles, list_cases, read_dataset_json

T = TypeVar("T")


@dataclass(frozen=True)
class CaseSummary:
    """One case in numbers; counts and lesion sizes (voxels of each 26-connected component) are per foreground label."""

    case: str
    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    foreground_fraction: float
    voxels: dict[str, int]
    lesion_voxels: dict[str, tuple[int, ...]]

    @property
    def lesions(self) -> dict[str, int]:
        """Number of lesions (connected components) per label."""
        return {label: len(sizes) for label, sizes in self.lesion_voxels.items()}


@dataclass(frozen=True)
class DatasetSummary:
    """A sound data set: what its dataset.json says, and its training cases in numbers."""

    name: str
    folder: Path
    channel_names: tuple[str, ...]
    labels: dict[str, int | tuple[int, ...]]
    ignore_label: int | None
    file_ending: str
    cases: tuple[CaseSummary, ...]

    def __str__(self) -> str:
        """One sentence."""
        fractions = [case.foreground_fraction for case in self.cases]
        lesions = [sum(case.lesions.values()) for case in self.cases]
        return (
            f"{self.name}: {len(self.cases)} cases, channels {', '.join(self.channel_names)}, "
            f"labels {', '.join(self.labels)}; foreground {min(fractions):.3%} to {max(fractions):.3%} of the voxels, "
            f"{min(lesions)} to {max(lesions)} connected components a case."
        )

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON can hold it."""
        summary: dict[str, Any] = {**asdict(self), "folder": str(self.folder)}
        return summary

    def to_frame(self) -> pd.DataFrame:
        """One row per case and foreground label: voxels, volume_mm3, fraction of the image, lesions and their size."""
        return pd.DataFrame(
            [
                {
                    "dataset": self.name,
                    "case": case.case,
                    "label": label,
                    "voxels": count,
                    "volume_mm3": count * float(np.prod(case.spacing_mm)),
                    "fraction": count / float(np.prod(case.shape)),
                    "lesions": case.lesions[label],
                    "median_lesion_mm3": (
                        float(np.median(case.lesion_voxels[label]) * np.prod(case.spacing_mm)) if count else np.nan
                    ),
                }
                for case in self.cases
                for label, count in case.voxels.items()
            ]
        )


def inspect_dataset(
    folder: Path | str,
    *,
    workers: int = 1,
    affine_tolerance_voxels: float = 0.1,
    min_cases: int = 2,
    shown: int = 20,
    progress: bool = False,
) -> DatasetSummary:
    """Check a data set in nnU-Net's raw layout and summarise it: headers of all files, voxels of the labels alone.

    Args:
        folder: ``nnUNet_raw/DatasetXXX_Name``.
        workers: threads over cases.
        affine_tolerance_voxels: how far (in voxels) a corner of a label may lie from its image's.
        min_cases: fewer training cases are refused; cross-validation needs two.
        shown: problems listed in the error; the rest are counted.
        progress: show a progress bar.

    Raises:
        UserError: lists what is wrong, one sentence each (what, where, what to do).
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"The data set's folder {folder} does not exist.")
    content = read_dataset_json(folder)
    problems = dataset_json_problems(content)
    if problems:
        _raise(folder, problems, shown)
    labels = parse_labels(content)
    files = list_cases(folder, content)
    problems = _file_problems(folder, content, files, min_cases)

    def inspect(item: tuple[str, CaseFiles]) -> tuple[list[str], CaseSummary | None]:
        return _inspect_case(*item, labels, len(content["channel_names"]), affine_tolerance_voxels)

    with ThreadPoolExecutor(workers) as pool:
        results = list(
            tqdm(
                pool.map(inspect, files.items()),
                total=len(files),
                desc=f"inspect {folder.name}",
                disable=not progress,
            )
        )
    problems += [problem for found, _ in results for problem in found]
    cases = tuple(summary for _, summary in results if summary is not None)
    if cases and len(cases) == len(files) and not any(case.foreground_fraction for case in cases):
        problems.append(
            f"No label of {folder.name} has any foreground (only background or ignored voxels): nothing to learn; "
            "check how the labels were exported."
        )
    if problems:
        _raise(folder, problems, shown)
    return DatasetSummary(
        name=folder.name,
        folder=folder,
        channel_names=tuple(content["channel_names"].values()),
        labels={name: values if len(values) > 1 else values[0] for name, values in labels.foreground.items()},
        ignore_label=labels.ignore,
        file_ending=content["file_ending"],
        cases=cases,
    )


def _raise(folder: Path, problems: Sequence[str], shown: int) -> None:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    first = f" (the first {shown})" if len(problems) > shown else ""
    raise UserError(f"{folder} has {count}{first}:\n" + "\n".join(f"- {problem}" for problem in problems[:shown]))


def _file_problems(folder: Path, content: dict[str, Any], files: dict[str, CaseFiles], min_cases: int) -> list[str]:
    """What file names alone tell."""
    problems = []
    ending = content["file_ending"]
    if len(files) < min_cases:
        problems.append(
            f"imagesTr has {len(files)} training case(s) named <case>_0000{ending}, at least {min_cases} are needed."
        )
    if content["numTraining"] != len(files):
        problems.append(
            f"dataset.json says numTraining {content['numTraining']}, but there are {len(files)} cases; correct it."
        )
    seen: dict[str, str] = {}
    for name in files:
        if name.lower() in seen:
            problems.append(f"The case names '{seen[name.lower()]}' and '{name}' differ in case alone; rename one.")
        seen[name.lower()] = name
    if "dataset" in content:
        return problems
    known = {path for case in files.values() for path in case.images.values()}
    for path in sorted((folder / "imagesTr").iterdir()):
        if path in known or path.name.startswith(".") or not path.name.endswith(ENDINGS):
            continue
        if path.name.endswith(ending):
            problems.append(f"imagesTr/{path.name} has no channel number; name it <case>_0000{ending}.")
        else:
            problems.append(
                f"imagesTr/{path.name} does not end in '{ending}', the file_ending of dataset.json; convert it."
            )
    if (folder / "labelsTr").is_dir():
        for path in sorted((folder / "labelsTr").iterdir()):
            if path.name.startswith(".") or not path.name.endswith(ENDINGS):
                continue
            if not path.name.endswith(ending):
                problems.append(
                    f"labelsTr/{path.name} does not end in '{ending}', the file_ending of dataset.json; convert it."
                )
            elif path.name[: -len(ending)] not in files:
                problems.append(f"labelsTr/{path.name} has no image in imagesTr; add the image or remove the label.")
    return problems


def _inspect_case(
    name: str, files: CaseFiles, labels: Labels, channels: int, tolerance: float
) -> tuple[list[str], CaseSummary | None]:
    problems: list[str] = []
    grids: dict[str, Grid] = {}
    for path in files.images.values():
        if grid := _try(read_grid, path, problems):
            grids[path.name] = grid
    per_file = sum(grid.channels for grid in grids.values())
    if len(grids) == len(files.images) and per_file != channels:
        # Several channels in one file (a colour picture) count as several.
        if missing := [c for c in range(channels) if c not in files.images]:
            problems.append(
                f"Case '{name}' lacks channel {missing[0]} ({_channel_file(files, missing[0])}); add that image."
            )
        else:
            problems.append(
                f"Case '{name}' has {per_file} channels, dataset.json names {channels}; correct one of them."
            )
    if not files.label.is_file():
        problems.append(
            f"Case '{name}' has no label file {files.label.parent.name}/{files.label.name}; add it or "
            "leave the case out."
        )
        return problems, None
    label_grid = _try(read_grid, files.label, problems)
    if label_grid is None:
        return problems, None
    for image, grid in grids.items():
        if grid.shape != label_grid.shape:
            problems.append(
                f"Case '{name}': image {image} has shape {grid.shape}, its label {label_grid.shape}; "
                "resample the label to the image."
            )
        elif (offset := _corner_offset_voxels(grid, label_grid)) > tolerance:
            problems.append(
                f"Case '{name}': the affines of image {image} and its label differ (a corner by {offset:.3g} voxels); "
                "put both on one grid."
            )
    voxels = _try(read_voxels, files.label, problems)
    if voxels is None:
        return problems, None
    problem, summary = _summarise(name, voxels, label_grid, labels)
    return [*problems, *problem], summary


def _channel_file(files: CaseFiles, channel: int) -> str:
    example = next(iter(files.images.values()))
    stem, _, ending = example.name.rpartition("_")
    return f"{stem}_{channel:04d}{ending[4:]}"


def _try(read: Callable[[Path], T], path: Path, problems: list[str]) -> T | None:
    try:
        return read(path)
    except READ_ERRORS as error:
        reason = " ".join(str(error).split())[:200]
        problems.append(f"{path.parent.name}/{path.name} cannot be read ({reason}); replace it by an intact file.")
        return None


def _corner_offset_voxels(a: Grid, b: Grid) -> float:
    """Largest distance between corresponding corners of two grids of one shape, in edges of the smallest voxel."""
    n = len(a.shape)
    if a.affine.shape[0] > n + 1:  # NIfTI gives 2D images a 3D affine
        a, b = (Grid((*g.shape, *[1] * (g.affine.shape[0] - 1 - n)), g.affine) for g in (a, b))
        n = len(a.shape)
    corners = np.array(np.meshgrid(*[(0, s - 1) for s in a.shape], indexing="ij")).reshape(n, -1)
    difference = (a.affine - b.affine)[:-1]
    moved = difference[:, :-1] @ corners + difference[:, -1:]
    return float(np.sqrt((moved**2).sum(0)).max() / max(min(a.spacing_mm), 1e-6))


def _summarise(name: str, voxels: NDArray[Any], grid: Grid, labels: Labels) -> tuple[list[str], CaseSummary | None]:
    where = f"The label of case '{name}'"
    if not np.issubdtype(voxels.dtype, np.integer) and voxels.dtype != bool:
        whole = np.rint(voxels)
        wrong = ~np.isfinite(voxels) | (voxels != whole)
        if wrong.any():
            return [
                f"{where} holds {voxels[wrong][0]:g} ({int(wrong.sum())} voxels are no integers); store whole numbers."
            ], None
        voxels = whole.astype(np.int64)
    low, high = int(voxels.min()), int(voxels.max())
    counts = np.bincount(voxels.ravel()) if low >= 0 and high < 1 << 16 else None
    there = np.unique(voxels) if counts is None else np.flatnonzero(counts)
    unknown = sorted(set(there.tolist()) - labels.values)
    if unknown or counts is None:
        listed = ", ".join(map(str, unknown[:5])) + (", ..." if len(unknown) > 5 else "")
        return [f"{where} holds the value {listed}, which dataset.json does not name; relabel it or add a label."], None
    counts = np.pad(counts, (0, max(labels.values) + 1 - min(len(counts), max(labels.values) + 1)))
    sizes = {label: _component_sizes(voxels, values) for label, values in labels.foreground.items()}
    foreground = sorted({value for values in labels.foreground.values() for value in values})
    return [], CaseSummary(
        case=name,
        shape=grid.shape,
        spacing_mm=grid.spacing_mm[: len(grid.shape)],
        foreground_fraction=float(counts[foreground].sum() / voxels.size),
        voxels={label: int(counts[list(values)].sum()) for label, values in labels.foreground.items()},
        lesion_voxels=sizes,
    )


def _component_sizes(voxels: NDArray[Any], values: tuple[int, ...]) -> tuple[int, ...]:
    """Sizes of the connected components (26 or, in 2D, 8 neighbours) of these label values."""
    mask = np.isin(voxels, values)
    occupied = [np.flatnonzero(mask.any(tuple(a for a in range(mask.ndim) if a != axis))) for axis in range(mask.ndim)]
    if not occupied[0].size:
        return ()
    box = tuple(slice(int(index[0]), int(index[-1]) + 1) for index in occupied)
    components = cc3d.connected_components(
        np.ascontiguousarray(mask[box], dtype=np.uint8), connectivity=26 if mask.ndim == 3 else 8
    )
    return tuple(int(n) for n in np.bincount(components.ravel())[1:])
