"""The labels and regions of a ``dataset.json``, as nnU-Net understands them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_losses.base.errors import UserError

LabelValues = int | Sequence[int]
BACKGROUND = "background"
IGNORE = "ignore"


@dataclass(frozen=True)
class Label:
    """One foreground label or region: its name, its values in a segmentation, its channel among the probabilities."""

    name: str
    values: tuple[int, ...]
    channel: int


@dataclass(frozen=True)
class LabelSet:
    """All labels of a data set.

    labels: foreground labels or regions in the order of the file.
    channels: number of probability channels: with labels one each, the background first (softmax); with regions one
        each, without background (sigmoid).
    ignore: the value of voxels that count nowhere; None if there is none.
    known: all values that a segmentation may hold, ascending.
    regions: whether any label has several values, so that labels may overlap.
    """

    labels: tuple[Label, ...]
    channels: int
    ignore: int | None
    known: tuple[int, ...]
    regions: bool

    @classmethod
    def parse(cls, labels: Mapping[str, LabelValues]) -> "LabelSet":
        """Read ``labels`` of a dataset.json: an integer each, or a list for a region.

        Raises:
            UserError: there is no foreground, or a value is neither an integer ≥ 0 nor a list of them.
        """
        values = {name: label_values(name, value) for name, value in labels.items()}
        ignore = values.pop(IGNORE, None)
        if ignore is not None and len(ignore) != 1:
            raise UserError(f"dataset.json: the label '{IGNORE}' must be one integer, got {list(ignore)}.")
        regions = any(len(value) > 1 for value in values.values())
        foreground = {name: value for name, value in values.items() if set(value) != {0}}
        if not foreground:
            raise UserError("dataset.json: labels holds no foreground label; add at least one.")
        parsed = tuple(
            Label(name, value, channel if regions else value[0])
            for channel, (name, value) in enumerate(foreground.items())
        )
        known = {0}.union(*foreground.values(), ignore or ())
        channels = len(parsed) if regions else max(label.channel for label in parsed) + 1
        return cls(parsed, channels, ignore[0] if ignore else None, tuple(sorted(known)), regions)

    @property
    def foreground(self) -> dict[str, tuple[int, ...]]:
        """The values of each foreground label or region by its name, in the order of the file."""
        return {label.name: label.values for label in self.labels}

    @property
    def classes(self) -> dict[str, tuple[int, ...]]:
        """The values of each class or region by its name, in the order of the network's channels."""
        if self.regions:
            return self.foreground
        return {BACKGROUND: (0,), **{label.name: label.values for label in sorted(self.labels, key=_channel)}}

    def unknown_value(self, segmentation: NDArray[np.integer]) -> int | None:
        """A value of the segmentation that the data set does not have; None if there is none."""
        if self.known == tuple(range(len(self.known))):  # nnU-Net's labels have no gaps: two fast reductions do
            low = 0 if segmentation.dtype.kind == "u" else int(segmentation.min())
            high = int(segmentation.max())
            return low if low < 0 else high if high >= len(self.known) else None
        unknown = np.setdiff1d(segmentation, self.known)
        return int(unknown[0]) if len(unknown) else None


def mask_of(segmentation: NDArray[np.integer], label: Label) -> NDArray[np.bool_]:
    """Where a segmentation holds any of the label's values."""
    mask = segmentation == label.values[0]
    for value in label.values[1:]:
        mask |= segmentation == value
    return mask


def label_values(name: str, value: Any) -> tuple[int, ...]:
    """The values of one label or region.

    Raises:
        UserError: they are neither an integer ≥ 0 nor a list of them.
    """
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not values or any(not isinstance(v, int) or isinstance(v, bool) or v < 0 for v in values):
        raise UserError(f"dataset.json: the label '{name}' must be an integer ≥ 0 or a list of them, got {value!r}.")
    return values


def label_problems(labels: Any, regions_class_order: Any = None) -> list[str]:
    """One sentence for each reason why nnU-Net could not train with these entries of a dataset.json."""
    if not isinstance(labels, Mapping):
        return [f'dataset.json: labels must be a table such as {{"background": 0, "lesion": 1}}, got {labels!r}.']
    try:
        values = {name: label_values(name, value) for name, value in labels.items()}
    except UserError as error:
        return [str(error)]
    problems = []
    if labels.get(BACKGROUND) != 0:
        problems.append('dataset.json: labels must hold "background": 0.')
    everything = sorted({value for own in values.values() for value in own})
    if everything != list(range(len(everything))):
        problems.append(f"dataset.json: label values must be 0, 1, 2, … without a gap, got {everything}.")
    if IGNORE in values and values[IGNORE] != (everything[-1],):
        problems.append(f"dataset.json: the ignore label must have the highest value ({everything[-1]}).")
    foreground = {name: own for name, own in values.items() if name not in (BACKGROUND, IGNORE)}
    if not foreground:
        problems.append("dataset.json: labels holds no foreground label; add at least one.")
    if any(len(own) > 1 for own in values.values()):
        order = regions_class_order
        if not isinstance(order, list | tuple) or len(order) != len(foreground):
            problems.append(
                f"dataset.json: labels holds regions, so regions_class_order must list {len(foreground)} values, one "
                "for each region."
            )
        return problems
    first: dict[int, str] = {}
    for name, (value,) in values.items():
        if value in first:
            problems.append(f"dataset.json: the labels '{first[value]}' and '{name}' have the same value {value}.")
        first[value] = name
    return problems


def _channel(label: Label) -> int:
    return label.channel
