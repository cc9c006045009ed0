"""Training patches by lesion: each lesion of the training cases is as likely a centre as any other, whatever its size.

nnU-Net draws a case, a class of it and then a voxel of that class, so that large lesions win, and small ones may be
absent from the voxels that it has stored to draw from.
"""

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_losses.base.files import write_atomically
from nnunet_losses.losses import label_components
from nnunet_losses.nnunet.training.errors import StopTraining

MOST_VOXELS = 10_000
"""Voxels of a lesion that are kept to draw a centre from."""


def prepare_lesions(folder: Path, dataset: Any, labels: Any) -> dict[str, int]:
    """Store the voxels of each lesion of preprocessed cases, unless that has been done; give the lesions of each case.

    A lesion is a connected component (26 neighbours) of a label, or of a region.

    Args:
        folder: for ``<case>.npz``.
        dataset: nnU-Net's preprocessed data set of these cases.
        labels: nnU-Net's label manager.

    Raises:
        StopTraining: no case has a lesion.
    """
    counts = {}
    for case in dict.fromkeys(dataset.identifiers):
        stored = folder / f"{case}.npz"
        if not stored.is_file() or stored.stat().st_mtime < Path(dataset.source_folder, f"{case}.pkl").stat().st_mtime:
            _, segmentation, _, _ = dataset.load_case(case)
            lesions = find_lesions(segmentation[:][0], labels, seed=zlib.crc32(str(case).encode()))
            with write_atomically(stored) as temporary, temporary.open("wb") as file:
                sizes = np.array([len(lesion) for lesion in lesions], np.int64)
                np.savez(file, sizes=sizes, voxels=np.concatenate([np.zeros((0, 3), np.uint16), *lesions]))
        with np.load(stored) as content:
            counts[str(case)] = len(content["sizes"])
    if not any(counts.values()):
        raise StopTraining(f"None of the {len(counts)} training cases has a lesion to centre patches on.")
    return counts


def find_lesions(segmentation: NDArray[np.integer], labels: Any, seed: int) -> list[NDArray[np.uint16]]:
    """The voxels (n, 3) of each lesion, of large ones as many as are kept, drawn at random.

    Args:
        segmentation: (*S) preprocessed label map; −1 and the ignore label are no lesions.
        labels: nnU-Net's label manager.
        seed: of the draw.
    """
    random = np.random.default_rng(seed)
    if labels.has_regions:
        regions = [np.isin(segmentation, region) for region in labels.foreground_regions]
        maps = list(label_components(np.stack(regions)))
    else:
        foreground = np.isin(segmentation, labels.foreground_labels)
        maps = [label_components(np.where(foreground, segmentation, 0))]
    found = []
    for numbers in maps:
        places = np.argwhere(numbers)
        ids = numbers[tuple(places.T)]
        order = np.argsort(ids, kind="stable")
        for lesion in np.split(places[order].astype(np.uint16), np.flatnonzero(np.diff(ids[order])) + 1):
            if len(lesion) > MOST_VOXELS:
                lesion = lesion[random.choice(len(lesion), MOST_VOXELS, replace=False)]
            found.extend([lesion] if len(lesion) else [])
    return found


class CasesByLesion:
    """nnU-Net's data set, from which its loader draws a case by its number of lesions, and a centre by lesion.

    A case without a lesion is never drawn.
    """

    def __init__(self, cases: Any, folder: Path, counts: dict[str, int], kept: Iterable[Any] = ()) -> None:
        self.cases = cases
        self.folder = folder
        self.kept = tuple(kept)
        # the loader draws one of these, all alike
        self.identifiers = [case for case in cases.identifiers for _ in range(counts[str(case)])]

    def load_case(self, identifier: str) -> tuple[Any, ...]:
        """As nnU-Net's: image, segmentation, segmentation of the previous stage, properties.

        In the properties, every lesion takes the place of a class.
        """
        *rest, properties = self.cases.load_case(identifier)
        with np.load(self.folder / f"{identifier}.npz") as content:
            sizes, voxels = content["sizes"], content["voxels"].astype(np.int64)
        places = np.concatenate((np.zeros((len(voxels), 1), np.int64), voxels), 1)  # a channel first, as nnU-Net has it
        locations: dict[Any, Any] = dict(enumerate(np.split(places, np.cumsum(sizes)[:-1])))
        # where voxels are ignored, nnU-Net draws its other patches from those that are not
        locations |= {key: properties["class_locations"][key] for key in self.kept}
        return *rest, properties | {"class_locations": locations}
