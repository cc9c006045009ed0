"""The files of a published data set that are used. Whatever is missing is named before anything is converted."""

import logging
from collections.abc import Sequence
from pathlib import Path

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.names import name_problem
from nnunet_losses.data.inspection import refuse
from nnunet_losses.data.label_maps import MERGED
from nnunet_losses.data.originals.layout import OriginalCase
from nnunet_losses.data.originals.layouts import LAYOUTS
from nnunet_losses.data.originals.options import Original

log = logging.getLogger(__name__)


def chosen_channels(original: Original) -> tuple[str, ...]:
    """The channels in their order.

    Raises:
        UserError: the layout does not have one.
    """
    there = tuple(LAYOUTS[original.layout].channels)
    for channel in original.channels:
        if channel not in there:
            raise UserError(f"source.original.channels: {original.layout} has no '{channel}' but {', '.join(there)}.")
    return original.channels or there


def chosen_reference(original: Original) -> str:
    """The label map to learn, or how it is made of the raters'.

    Raises:
        UserError: the layout does not have it.
    """
    layout = LAYOUTS[original.layout]
    there = (*layout.labels, *(MERGED if layout.raters else ()))
    if original.reference is None and there[0] in layout.raters:
        raise UserError(f"{original.layout} has no consensus; choose 'reference' among {', '.join(there)}.")
    reference = original.reference or there[0]
    if reference not in there:
        raise UserError(f"source.original.reference: {original.layout} has no '{reference}' but {', '.join(there)}.")
    return reference


def find_cases(original: Original, root: Path, *, complete: bool = True) -> dict[str, OriginalCase]:
    """The labelled cases of a published data set, without those to leave out.

    Args:
        original: the data set.
        root: the folder with its files.
        complete: whether all cases must be there.

    Raises:
        UserError: the folder is missing or of another layout, files are missing, or there are not as many cases as
            there must be.
    """
    layout = LAYOUTS[original.layout]
    if original.variant is not None and original.variant not in layout.variants:
        there = ", ".join(layout.variants) or "none"
        raise UserError(f"source.original.variant: {original.layout} has {there}, not '{original.variant}'.")
    found = layout.find(root, original.variant) if root.is_dir() else {}
    if not found:
        raise UserError(how_to_get(original, root))
    channels, reference = chosen_channels(original), chosen_reference(original)
    needed = layout.raters if reference in MERGED else (reference,)
    without = [name for name, case in found.items() if not case.labels]
    if without:
        log.info("%s: %d cases have no label map and are left out: %s.", root, len(without), _some(without))
    labelled = {name: case for name, case in found.items() if case.labels}
    problems = []
    if complete and original.cases is not None and len(labelled) != original.cases:
        problems.append(
            f"There are {len(labelled)} labelled cases, not {original.cases}; complete the download."
            + (f" Without a label map: {_some(without)}." if without else "")
        )
    if complete:
        problems += [
            f"There is no case '{name}', which source.original.exclude names; correct it."
            for name in sorted(set(original.exclude) - set(found))
        ]
    kept = {name: case for name, case in labelled.items() if name not in original.exclude}
    for name, case in kept.items():
        if problem := name_problem(name):
            problems.append(f"The case name {name!a} {problem}.")
        missing = [channel for channel in channels if channel not in case.images]
        missing += [label for label in needed if label not in case.labels]
        if case.mask is None and (original.mask or (original.crop is not None and original.crop.to == "mask")):
            missing.append("the mask")
        if missing:
            problems.append(f"Case '{name}' lacks {', '.join(missing)}; complete the download or exclude the case.")
    refuse(root, problems)
    return kept


def how_to_get(original: Original, root: Path) -> str:
    """What to do where the files are not there."""
    if original.page is None:
        return f"{root} has no files in the layout {original.layout}; correct 'path', or remove {root} and try again."
    wanted = "".join(f"\n- {line}" for line in original.wanted)
    return (
        f"{root} has no files in the layout {original.layout}, and they cannot be downloaded without you. Go to "
        f"{original.page} (register if it asks you to), download the files named below, unpack them into {root} (or "
        f"make that a link to where they are), and run the same command again.{wanted}"
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
