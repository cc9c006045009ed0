"""Which label maps and which images of a BIDS folder a study takes."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import SAME_GRID_VOXELS, Geometry, NotOneVolumeError, read_geometry
from nnunet_losses.data.own.bids import DERIVATIVES, bids_files

LABEL_SUFFIXES = ("mask", "dseg", "roi", "seg", "label")
_LESION = re.compile(r"lesion|tumou?r|infarct|stroke|wmh|(?:^|_)label-L(?:_|$)", re.IGNORECASE)
_BRAIN = re.compile(r"desc-brain(?:_|$)|label-brain(?:_|$)")
"""Masks of the brain are tools of other programs, no reference to train on."""


@dataclass(frozen=True)
class LabelMaps:
    """The label maps to learn.

    derivatives: their folder below ``derivatives``.
    ends: of their names.
    cases: the files of each case.
    questions: what was not taken.
    """

    derivatives: str
    ends: list[str]
    cases: Mapping[str, Sequence[Path]]
    questions: list[str]


def find_label_maps(folder: Path) -> LabelMaps:
    """The label maps of lesions, or all of the folder of derivatives that has most.

    Raises:
        UserError: there are none, or all are of one subject.
    """
    derivatives = {
        place.name: bids_files(place) for place in sorted((folder / DERIVATIVES).iterdir()) if place.is_dir()
    }
    ends = {
        name: Counter(
            end for there in cases.values() for rest in there if (end := _label_end(rest)) and not _BRAIN.search(end)
        )
        for name, cases in derivatives.items()
    }
    with_labels = [name for name, counted in ends.items() if counted]
    if not with_labels:
        raise UserError(
            f"{folder / DERIVATIVES} has no label maps: none of its folders has files such as "
            "sub-01/anat/sub-01_label-lesion_mask.nii.gz or sub-01_dseg.nii.gz."
        )
    # fMRIPrep's segmentation of tissues, for example, is there for more cases than the lesions are
    chosen = max(
        with_labels,
        key=lambda name: (any(map(_LESION.search, [name, *ends[name]])), sum(ends[name].values())),
    )
    questions = []
    if others := ", ".join(name for name in with_labels if name != chosen):
        questions.append(f"Are the label maps those of derivatives/{chosen}? There are also: {others}.")
    taken = sorted(filter(_LESION.search, ends[chosen])) or sorted(ends[chosen])
    if others := ", ".join(sorted(set(ends[chosen]) - set(taken))):
        questions.append(f"Are the labels to learn {', '.join(taken)}? There are also: {others}.")
    labelled = {
        case: maps
        for case, there in derivatives[chosen].items()
        if (maps := [file for rest, file in there.items() if _label_end(rest) in taken])
    }
    if len({case.partition("_")[0] for case in labelled}) == 1:
        raise UserError(
            f"All label maps of {folder} are of {next(iter(labelled))}, and folds need two subjects; add cases."
        )
    return LabelMaps(chosen, taken, labelled, questions)


def label_name(end: str) -> str:
    """A name for a label, from the end of the names of its files.

    >>> label_name("label-lesion_mask"), label_name("dseg")
    ('lesion', 'dseg')
    """
    match = re.search(r"(?:label|desc)-([A-Za-z0-9]+)", end)
    return match[1] if match else end


def _label_end(rest: str) -> str:
    """What tells the label maps of a case apart: the entities label and desc, and the suffix; empty for an image."""
    *entities, suffix = rest.split("_")
    if not suffix.endswith(LABEL_SUFFIXES) or suffix == "probseg":  # a probability in each voxel
        return ""
    return "_".join([*(entity for entity in entities if entity.startswith(("label-", "desc-"))), suffix])


def find_channels(folder: Path, labels: Mapping[str, Sequence[Path]]) -> tuple[dict[str, str], list[str]]:
    """The channels, and the images that cannot be one.

    Args:
        folder: in BIDS.
        labels: the label maps of each case.

    Returns:
        Ends of names that every labelled case has once, on the grid of its label maps, by a name for the channel. The
        other ends that every case has once, each with the reason.

    Raises:
        UserError: there is no channel.
    """
    images = bids_files(folder)
    grids = {case: read_geometry(maps[0]) for case, maps in labels.items()}
    ends: list[str] = []
    left_out: dict[str, str] = {}
    there = {rest for case in labels for rest in images.get(case, {})}
    for rest in sorted((rest for rest in there if not _label_end(rest)), key=lambda rest: (len(rest), rest)):
        fitting = {
            case: [path for r, path in images.get(case, {}).items() if r == rest or r.endswith(f"_{rest}")]
            for case in labels
        }
        once = all(len(paths) == 1 for paths in fitting.values())
        if not once or any(rest == known or rest.endswith(f"_{known}") for known in [*ends, *left_out]):
            continue
        misfits = (f"{case}: {why}" for case in labels if (why := _misfit(fitting[case][0], grids[case])))
        if misfit := next(misfits, None):
            left_out[rest] = misfit
        else:
            ends.append(rest)
    reasons = [f"{end} ({why})" for end, why in left_out.items()]
    if not ends:
        raise UserError(
            f"No image of {folder} is there for all {len(labels)} cases that have a label map, on its grid"
            f"{f' ({why})' if (why := '; '.join(reasons)) else ''}; write a table of paths."
        )
    return {re.sub(r"w$", "", end): end for end in sorted(ends)}, reasons


def _misfit(image: Path, grid: Geometry) -> str | None:
    """Why an image cannot be a channel of a case whose label map is on this grid.

    Raises:
        UserError: it cannot be read.
    """
    try:
        geometry = read_geometry(image)
    except NotOneVolumeError:
        return "not one 3D volume"
    if geometry.shape != grid.shape:
        shapes = [" x ".join(map(str, of.shape)) for of in (geometry, grid)]
        return f"{shapes[0]} voxels, its label map {shapes[1]}"
    return "another place than its label map" if geometry.offset_voxels(grid) > SAME_GRID_VOXELS else None
