"""What in a sound data set may be right, but should be looked at before weeks of training rest on it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from nnunet_losses.base.scale import mixed
from nnunet_losses.data.looks import Copies, Look, listed
from nnunet_losses.data.summary import CaseSummary

_UNIT, _FAR = 5.0, 20.0
"""Factors between a case's voxels and the median of all, along all axes or along one, that no protocol explains."""
_MOSTLY, _RARELY = 0.5, 0.1
_CT = "ct"


def find_warnings(
    cases: Sequence[CaseSummary],
    looks: Mapping[str, Mapping[int, Look]],
    label_digests: Mapping[str, str],
    copies: Sequence[Copies],
    channel_names: Sequence[str],
) -> list[str]:
    """One sentence for each thing that should be looked at: what, where, what to do.

    Args:
        cases: the cases in numbers.
        looks: at the image of each case and channel.
        label_digests: of the label map of each case, as a look would give them.
        copies: of `find_copies`.
        channel_names: in the order of the channels.
    """
    return [
        *_of_geometry(cases),
        *_of_values(looks, label_digests, channel_names),
        *_of_copies(cases, label_digests, copies),
        *_of_labels(cases),
    ]


def across_folds(splits: Sequence[Mapping[str, Sequence[str]]], copies: Sequence[Sequence[str]]) -> list[str]:
    """One sentence for each group of copies that a fold both trains on and is validated with."""
    found = []
    for group in copies:
        for fold, split in enumerate(splits):
            train, val = set(group) & set(split["train"]), set(group) & set(split["val"])
            if train and val:
                found.append(
                    f"Fold {fold} trains on {listed(sorted(train))} and is validated with {listed(sorted(val))}, "
                    "whose images are the same; keep them in one fold (folds: {group: ...}) or remove the copies."
                )
                break
    return found


def _of_geometry(cases: Sequence[CaseSummary]) -> Iterator[str]:
    units = Counter(case.unit for case in cases)
    if mixed(units):
        rare = min(units, key=lambda unit: units[unit])
        yield (
            f"{units[rare]} of {len(cases)} cases ({_which(cases, 'unit', rare)}) are measured in {rare}, the others "
            "are not: their files lack a spacing, or have one by mistake; correct their headers."
        )
    elif len({len(case.spacing_mm) for case in cases}) == 1:
        spacings = np.array([case.spacing_mm for case in cases])
        ratios = np.abs(np.log(spacings / np.median(spacings, 0)))
        # of one protocol, or of several scanners, slices differ and pixels hardly do
        for number in np.flatnonzero((ratios >= np.log(_UNIT)).all(1) | (ratios >= np.log(_FAR)).any(1)).tolist():
            yield (
                f"The voxels of case '{cases[number].case}' measure {_size(spacings[number])} mm, in the middle case "
                f"{_size(np.median(spacings, 0))} mm; check the unit of its header."
            )
    orientations = Counter(case.orientation for case in cases)
    if len(orientations) > 1:
        rare = min(orientations, key=lambda axes: orientations[axes])
        usual = max(orientations, key=lambda axes: orientations[axes])
        yield (
            f"{orientations[rare]} of {len(cases)} cases ({_which(cases, 'orientation', rare)}) have the orientation "
            f"{rare}, most have {usual}; nnU-Net does not turn them. Bring all to one orientation."
        )


def _of_values(
    looks: Mapping[str, Mapping[int, Look]], label_digests: Mapping[str, str], names: Sequence[str]
) -> Iterator[str]:
    for case, of in looks.items():
        for channel, seen in of.items():
            name = names[channel] if channel < len(names) else str(channel)
            if seen.low == seen.high:
                yield (
                    f"Case '{case}': all voxels of {name} are {seen.low:g}; if the image is missing, leave the case "
                    "out or the channel."
                )
            elif seen.digest == label_digests.get(case):
                yield (
                    f"Case '{case}': the image {name} is its own label map, so a network would read off the answer; "
                    "replace it."
                )
            elif name.lower() == _CT and seen.low >= 0:
                yield (
                    f"Case '{case}': {name} has values from {seen.low:g} to {seen.high:g}, so these are no Hounsfield "
                    "units (air has -1000); subtract the offset, or name the channel otherwise."
                )
        twins = Counter(seen.digest for seen in of.values() if seen.low < seen.high)
        for digest, count in twins.items():
            if count > 1:
                same = [names[c] if c < len(names) else str(c) for c, seen in of.items() if seen.digest == digest]
                yield f"Case '{case}': the channels {' and '.join(same)} are the same image; replace one of them."


def _of_copies(
    cases: Sequence[CaseSummary],
    label_digests: Mapping[str, str],
    copies: Sequence[Copies],
) -> Iterator[str]:
    for group in copies:
        how = "the same image" if group.exact else "nearly the same image"
        yield (
            f"{listed(group.cases)} have {how}; keep them in one fold (a study's folds: {{group: ...}}) or remove the "
            "copies, or else a network is validated on what it was trained with."
        )
    same_image = {frozenset(pair) for group in copies for pair in [(a, b) for a in group.cases for b in group.cases]}
    filled = {case.case: label_digests[case.case] for case in cases if case.foreground_fraction > 0}
    first: dict[str, str] = {}
    for case, digest in filled.items():
        other = first.setdefault(digest, case)
        if other != case and frozenset((case, other)) not in same_image:
            yield (
                f"'{other}' and '{case}' have the same label map, but other images; check whether one label was stored "
                "under two names."
            )


def _of_labels(cases: Sequence[CaseSummary]) -> Iterator[str]:
    for label in cases[0].voxels if cases else ():
        if not any(case.voxels[label] for case in cases):
            yield f"No case has the label '{label}'; correct the labels of dataset.json, or remove it."
    filled = sorted(case.foreground_fraction for case in cases if case.foreground_fraction > 0)
    if not filled or filled[len(filled) // 2] > _RARELY:
        return
    for case in cases:
        if case.foreground_fraction > _MOSTLY:
            yield (
                f"Case '{case.case}': {case.foreground_fraction:.0%} of the voxels are foreground, in the middle case "
                f"{filled[len(filled) // 2]:.2%}; check whether foreground and background are swapped."
            )


def _size(spacing: Iterable[float]) -> str:
    return " x ".join(f"{mm:.3g}" for mm in spacing)


def _which(cases: Sequence[CaseSummary], attribute: str, value: str) -> str:
    return listed([case.case for case in cases if getattr(case, attribute) == value], 3)
