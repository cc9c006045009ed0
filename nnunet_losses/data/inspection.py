"""Is a raw data set sound? All that is wrong with it, found before any long work."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from nnunet_losses.base.components import component_sizes
from nnunet_losses.base.dataset import read_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import (
    ENDINGS,
    SAME_GRID_VOXELS,
    Geometry,
    read_geometry,
    read_segmentation,
)
from nnunet_losses.base.labels import LabelSet, label_problems, mask_of
from nnunet_losses.base.names import DATASET_JSON, IMAGES_FOLDER, LABELS_FOLDER, image_file
from nnunet_losses.data.layout import CaseFiles, ending_problems, list_cases
from nnunet_losses.data.looks import Look, find_copies, look, look_at
from nnunet_losses.data.summary import CaseSummary, DatasetSummary
from nnunet_losses.data.warnings import find_warnings

T = TypeVar("T")


class _Inspected(NamedTuple):
    """One case: its problems, and what was seen of it if it could be read."""

    problems: list[str]
    summary: CaseSummary | None = None
    looks: Mapping[int, Look] = {}
    label_digest: str = ""


MIN_CASES = 2  # cross-validation needs two
_SHOWN_PROBLEMS = 20
_REQUIRED = ("channel_names", "labels", "numTraining", "file_ending")


def inspect_dataset(folder: Path | str, *, workers: int = 1, progress: bool = False) -> DatasetSummary:
    """Check a data set in nnU-Net's raw layout and summarise it.

    All files are read once. What would make a training fail or mean nothing is a problem and raises; what may be right
    is a warning in the summary.

    Args:
        folder: ``nnUNet_raw/DatasetXXX_Name``.
        workers: threads over cases.
        progress: show a progress bar.

    Raises:
        UserError: something is wrong; the text lists it, one sentence each (what, where, what to do).
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"The data set's folder {folder} does not exist.")
    content = read_dataset_json(folder)
    files, problems = list_files(folder, content)
    labels = LabelSet.parse(content["labels"])

    def inspect(item: tuple[str, CaseFiles]) -> _Inspected:
        return _inspect_case(*item, labels, len(content["channel_names"]))

    with ThreadPoolExecutor(workers) as pool:
        inspected = pool.map(inspect, files.items())
        results = list(tqdm(inspected, total=len(files), desc=f"inspect {folder.name}", disable=not progress))
    problems += [problem for result in results for problem in result.problems]
    cases = tuple(result.summary for result in results if result.summary is not None)
    if cases and len(cases) == len(files) and not any(case.foreground_fraction for case in cases):
        problems.append(
            f"No label of {folder.name} has any foreground, only background or ignored voxels, so there is nothing to "
            "learn; check how the labels were exported."
        )
    refuse(folder, problems)
    channel_names = tuple(map(str, content["channel_names"].values()))
    looks = {name: result.looks for name, result in zip(files, results, strict=True)}
    digests = {name: result.label_digest for name, result in zip(files, results, strict=True)}
    copies = find_copies(looks)
    return DatasetSummary(
        name=folder.name,
        folder=folder,
        channel_names=channel_names,
        labels={name: values if len(values) > 1 else values[0] for name, values in labels.foreground.items()},
        ignore_label=labels.ignore,
        file_ending=content["file_ending"],
        cases=cases,
        lowest=tuple(min(of[c].low for of in looks.values()) for c in sorted({c for of in looks.values() for c in of})),
        copies=tuple(group.cases for group in copies),
        warnings=tuple(find_warnings(cases, looks, digests, copies, channel_names)),
    )


def list_files(
    folder: Path, content: Mapping[str, Any], *, downloaded: bool = False
) -> tuple[dict[str, CaseFiles], list[str]]:
    """The training cases, and all that dataset.json and the names of the files tell of problems.

    Args:
        folder: the raw data set.
        content: of its dataset.json.
        downloaded: whether dataset.json may name files in ``folder`` only, see `list_cases`.

    Raises:
        UserError: dataset.json cannot be understood, so that there is no list of cases.
    """
    refuse(folder, dataset_json_problems(content))
    files = list_cases(folder, content, downloaded=downloaded)
    return files, _file_problems(folder, content, files)


def missing_labels(files: Mapping[str, CaseFiles]) -> list[str]:
    """One sentence for each case whose label map is not there."""
    return [
        f"Case '{name}' has no label file {_short(case.label)}; add it or leave the case out."
        for name, case in files.items()
        if not case.label.is_file()
    ]


def refuse(folder: Path, problems: Sequence[str]) -> None:
    """Raise a UserError that lists the problems, if there are any."""
    if not problems:
        return
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    first = f" (the first {_SHOWN_PROBLEMS})" if len(problems) > _SHOWN_PROBLEMS else ""
    listed = "\n".join(f"- {problem}" for problem in problems[:_SHOWN_PROBLEMS])
    raise UserError(f"{folder} has {count}{first}:\n{listed}")


def dataset_json_problems(content: Mapping[str, Any]) -> list[str]:
    """One sentence for each thing in a dataset.json that nnU-Net could not use."""
    if missing := [key for key in _REQUIRED if key not in content]:
        return [f"dataset.json has no '{key}'; add it as nnU-Net's dataset format asks." for key in missing]
    problems = []
    channels = content["channel_names"]
    if not isinstance(channels, dict) or set(channels) != {str(c) for c in range(len(channels))} or not channels:
        problems.append(f'dataset.json: channel_names must be a table with the keys "0", "1", …, got {channels!r}.')
    problems += ending_problems(content)
    return problems + label_problems(content["labels"], content.get("regions_class_order"))


def _file_problems(folder: Path, content: Mapping[str, Any], files: Mapping[str, CaseFiles]) -> list[str]:
    """What file names alone tell."""
    problems = []
    ending = content["file_ending"]
    if len(files) < MIN_CASES:
        problems.append(
            f"{IMAGES_FOLDER} has {len(files)} training case(s) named <case>_0000{ending}; at least {MIN_CASES} are "
            "needed."
        )
    if content["numTraining"] != len(files):
        problems.append(
            f"{DATASET_JSON} says numTraining {content['numTraining']}, but there are {len(files)} cases; correct it."
        )
    seen: dict[str, str] = {}
    for name in files:
        if name.lower() in seen:
            problems.append(f"The case names '{seen[name.lower()]}' and '{name}' differ in case alone; rename one.")
        seen[name.lower()] = name
    if "dataset" in content:
        return problems
    known = {path for case in files.values() for path in case.images.values()}
    for path in images_in(folder / IMAGES_FOLDER, ending):
        if path in known:
            continue
        if path.name.endswith(ending):
            problems.append(f"{_short(path)} has no channel number; name it <case>_0000{ending}.")
        else:
            problems.append(_wrong_ending(path, ending))
    for path in images_in(folder / LABELS_FOLDER, ending):
        if not path.name.endswith(ending):
            problems.append(_wrong_ending(path, ending))
        elif path.name.removesuffix(ending) not in files:
            problems.append(f"{_short(path)} has no image in {IMAGES_FOLDER}; add the image or remove the label.")
    return problems


def images_in(folder: Path, ending: str) -> list[Path]:
    """The files of a folder that are images by their names, hidden ones left out."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    endings = (*ENDINGS, ending.lower())
    return [path for path in paths if path.name.lower().endswith(endings) and not path.name.startswith(".")]


def _wrong_ending(path: Path, ending: str) -> str:
    return f"{_short(path)} does not end in '{ending}', the file_ending of {DATASET_JSON}; convert it."


def _short(path: Path) -> str:
    name = f"{path.parent.name}/{path.name}"
    return name if name.isprintable() else ascii(name)


def _inspect_case(name: str, files: CaseFiles, labels: LabelSet, channels: int) -> _Inspected:
    problems: list[str] = []
    images: dict[str, Geometry] = {}
    looks: dict[int, Look] = {}
    for channel, path in files.images.items():
        if geometry := _try(read_geometry, path, problems):
            images[path.name] = geometry
            if seen := _try(partial(look_at, channels=geometry.channels), path, problems):
                looks[channel] = seen
                if seen.not_finite:
                    problems.append(
                        f"Case '{name}': image {path.name} holds NaN or infinity in {seen.not_finite} voxels, which "
                        "makes every loss NaN; replace them, or let 'not_finite: 0' in the data-set file (of init, "
                        "--not-finite 0) do it."
                    )
    found = sum(geometry.channels for geometry in images.values())
    if len(images) == len(files.images) and found != channels:
        # Several channels in one file (a colour picture) count as several.
        if missing := [c for c in range(channels) if c not in files.images]:
            problems.append(
                f"Case '{name}' lacks channel {missing[0]} ({_channel_file(name, files, missing[0])}); add that image."
            )
        else:
            problems.append(f"Case '{name}' has {found} channels, dataset.json names {channels}; correct one of them.")
    if without_label := missing_labels({name: files}):
        return _Inspected([*problems, *without_label])
    label_geometry = _try(read_geometry, files.label, problems)
    if label_geometry is None:
        return _Inspected(problems)
    for image, geometry in images.items():
        if geometry.shape != label_geometry.shape:
            problems.append(
                f"Case '{name}': image {image} has shape {geometry.shape}, its label {label_geometry.shape}; "
                "resample the label to the image."
            )
        elif (offset := geometry.offset_voxels(label_geometry)) > SAME_GRID_VOXELS:
            problems.append(
                f"Case '{name}': the affines of image {image} and its label differ (a corner by {offset:.3g} voxels); "
                "put both on one grid."
            )
    segmentation = _try(read_segmentation, files.label, problems)
    if segmentation is None:
        return _Inspected(problems)
    problem, summary = _summarise(name, segmentation, label_geometry, labels)
    return _Inspected([*problems, *problem], summary, looks, look(segmentation).digest)


def _channel_file(name: str, files: CaseFiles, channel: int) -> str:
    example = next(iter(files.images.values()))
    ending = example.name.rpartition("_")[2][4:]
    return image_file(example.parent.parent, name, channel, ending).name


def _try(read: Callable[[Path], T], path: Path, problems: list[str]) -> T | None:
    try:
        return read(path)
    except UserError as error:
        problems.append(str(error))
        return None


def _summarise(
    name: str, segmentation: NDArray[np.integer], geometry: Geometry, labels: LabelSet
) -> tuple[list[str], CaseSummary | None]:
    low, high = int(segmentation.min()), int(segmentation.max())
    counts = np.bincount(segmentation.ravel()) if low >= 0 and high < 1 << 16 else None
    there = np.unique(segmentation) if counts is None else np.flatnonzero(counts)
    unknown = sorted(set(there.tolist()) - set(labels.known))
    if unknown or counts is None:
        listed = ", ".join(map(str, unknown[:5])) + (", …" if len(unknown) > 5 else "")
        return [
            f"The label of case '{name}' holds the value {listed}, which dataset.json does not name; relabel it or add "
            "a label."
        ], None
    counts = np.pad(counts, (0, max(labels.known) + 1 - len(counts)))
    foreground = sorted({value for label in labels.labels for value in label.values})
    return [], CaseSummary(
        case=name,
        shape=geometry.shape,
        spacing_mm=geometry.spacing_mm,
        unit=str(geometry.unit),
        orientation=geometry.orientation,
        foreground_fraction=float(counts[foreground].sum() / segmentation.size),
        voxels={label.name: int(counts[list(label.values)].sum()) for label in labels.labels},
        lesion_voxels={
            label.name: tuple(component_sizes(mask_of(segmentation, label)).tolist()) for label in labels.labels
        },
    )
