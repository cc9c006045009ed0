"""How often each class occurs in the training cases of a fold, for losses that weight classes by frequency."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_losses.base.files import write_json
from nnunet_losses.base.labels import LabelSet
from nnunet_losses.nnunet.training.errors import StopTraining

FILE = "class_frequencies.json"
"""The user's own frequencies, beside ``splits_final.json``: a JSON object of shares by class name."""
SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class ClassFrequencies:
    """Shares of the annotated voxels, by the class names of dataset.json, in the order of the network's channels."""

    shares: Mapping[str, float]
    source: str
    """Where they come from, in words."""

    def __str__(self) -> str:
        return ", ".join(f"{name} {share:.3g}" for name, share in self.shares.items()) + f" ({self.source})"


def find_class_frequencies(preprocessed: Path, dataset: Any, labels: Any) -> ClassFrequencies:
    """The user's own frequencies, or else those in the preprocessed segmentations, which are counted once.

    Every process of a distributed training reads or counts for itself, so that none waits for another.

    Args:
        preprocessed: nnU-Net's folder of the data set, which holds ``splits_final.json``.
        dataset: nnU-Net's data set of the training cases of the fold, and of no others.
        labels: nnU-Net's label manager.

    Raises:
        StopTraining: the user's file is wrong, or no voxel is annotated.
    """
    classes = LabelSet.parse(labels.label_dict).classes
    if (preprocessed / FILE).is_file():
        return ClassFrequencies(_read_own(preprocessed / FILE, classes, labels.has_regions), f"from {FILE}")
    voxels = _cached_counts(preprocessed, dataset)
    ignored = {labels.ignore_label} if labels.has_ignore_label else set()
    # nnU-Net's cropping writes −1 outside of the image, and its augmentation turns that into background
    annotated = sum(count for value, count in voxels.items() if value not in ignored)
    if not annotated:
        raise StopTraining(f"No voxel of the {len(dataset.identifiers)} training cases in {preprocessed} is annotated.")
    shares = {
        name: sum(count for value, count in voxels.items() if max(value, 0) in values) / annotated
        for name, values in classes.items()
    }
    return ClassFrequencies(shares, f"counted in {len(dataset.identifiers)} training cases")


def _cached_counts(preprocessed: Path, dataset: Any) -> dict[int, int]:
    """Voxels of each label value in all cases together, from a cache unless it is older than the data."""
    folder, cases = Path(dataset.source_folder), sorted(map(str, dataset.identifiers))
    key = hashlib.sha256("\n".join(cases).encode()).hexdigest()[:12]
    cache = preprocessed / f"class_counts_{folder.name}_{key}.json"
    newest = max(file.stat().st_mtime for file in folder.iterdir())
    # without a sound cache, voxels are counted again
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        there = json.loads(cache.read_text(encoding="utf-8"))
        voxels = {int(value): count for value, count in there["voxels"].items()}
        sound = voxels and all(type(count) is int and count > 0 for count in voxels.values())
        if sound and there["cases"] == cases and cache.stat().st_mtime >= newest:
            return voxels
    counted = count_labels(dataset)
    with suppress(OSError):  # in a read-only folder, voxels are counted each time
        write_json(cache, {"data_identifier": folder.name, "cases": cases, "voxels": counted})
    return counted


def count_labels(dataset: Any) -> dict[int, int]:
    """Voxels of each value in the segmentations of nnU-Net's data set."""
    total: Counter[int] = Counter()
    for case in dataset.identifiers:
        _, segmentation, _, _ = dataset.load_case(case)
        values, counts = np.unique(segmentation[:][0], return_counts=True)
        total.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    return dict(sorted(total.items()))


def _read_own(file: Path, classes: Sequence[str] | Mapping[str, Any], regions: bool) -> dict[str, float]:
    example = json.dumps(dict.fromkeys(classes, 0.1 if regions else round(1 / len(classes), 3)))
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StopTraining(f"{file} is not JSON ({error}); write something like {example}, or remove it.") from None
    if not isinstance(given, dict) or given.keys() != set(classes):
        raise StopTraining(
            f"{file} must name each class of dataset.json once, like {example}, but names "
            f"{', '.join(given) if isinstance(given, dict) and given else 'none'}."
        )
    for name, share in given.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise StopTraining(f"{file}: the share of {name} must be a number from 0 to 1, got {json.dumps(share)}.")
    total = math.fsum(given.values())
    if not regions and abs(total - 1) > SUM_TOLERANCE:
        raise StopTraining(f"{file}: the shares must sum to 1, because a voxel has one label, but sum to {total:.4g}.")
    return {name: float(given[name]) for name in classes}
