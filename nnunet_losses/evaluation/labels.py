"""The labels and regions of a `dataset.json`, by name."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nnunet_losses.base.errors import UserError

LabelValues = int | Sequence[int]


@dataclasses.dataclass(frozen=True)
class Label:
    """One foreground label or region: its name, its values in a segmentation, its channel among the probabilities."""

    name: str
    values: tuple[int, ...]
    channel: int


@dataclasses.dataclass(frozen=True)
class LabelSet:
    """All foreground labels in order, the number of probability channels, the ignored value, and what may occur."""

    labels: tuple[Label, ...]
    channels: int
    ignore: int | None
    known: tuple[int, ...]

    @classmethod
    def parse(cls, labels: Mapping[str, LabelValues]) -> "LabelSet":
        """Read nnU-Net's `labels`: an integer each, or a list for a region; `ignore` and the background are special.

        nnU-Net's channels: with plain labels one per label (softmax, background first); as soon as one label is a
        list, one per foreground region in the order of the file (sigmoid).
        """
        values = {name: _integers(name, value) for name, value in labels.items()}
        ignore = values.pop("ignore", None)
        if ignore is not None and len(ignore) != 1:
            raise UserError(f"dataset.json: label 'ignore' is {list(ignore)}, expected one integer")
        regions = any(not isinstance(value, int) for name, value in labels.items() if name != "ignore")
        foreground = {name: value for name, value in values.items() if set(value) != {0}}
        if not foreground:
            raise UserError("dataset.json: 'labels' holds no foreground label")
        parsed = tuple(
            Label(name, value, channel if regions else value[0])
            for channel, (name, value) in enumerate(foreground.items())
        )
        known = {0}.union(*foreground.values(), ignore or ())
        channels = len(parsed) if regions else max(label.channel for label in parsed) + 1
        return cls(parsed, channels, ignore[0] if ignore else None, tuple(sorted(known)))

    def unknown_value(self, segmentation: NDArray[np.integer]) -> int | None:
        """A value of the segmentation that the data set does not have, None if there is none."""
        if self.known == tuple(range(len(self.known))):  # nnU-Net's labels are consecutive: fast reductions do
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


class BlockwiseMask:
    """Where a flat segmentation holds any of the label's values, of the voxels in a slice: ``mask[start:stop]``.

    A whole mask would take as much memory as the segmentation.
    """

    def __init__(self, segmentation: NDArray[np.integer], label: Label, ignored: NDArray[np.bool_] | None) -> None:
        self._segmentation = segmentation
        self._label = label
        self._ignored = ignored

    def __getitem__(self, part: slice) -> NDArray[np.bool_]:
        mask = mask_of(self._segmentation[part], self._label)
        return mask if self._ignored is None else mask & ~self._ignored[part]


def _integers(name: str, value: LabelValues) -> tuple[int, ...]:
    values = (value,) if isinstance(value, int) else tuple(value) if isinstance(value, list | tuple) else ()
    if not values or not all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in values):
        raise UserError(f"dataset.json: label {name!r} is {value!r}, expected an integer or a list of integers")
    return values
