"""Stored voxel weights: a map for each case, in a folder beside the labels, augmented together with the image."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunet_losses.base.files import write_atomically
from nnunet_losses.nnunet.training.errors import StopTraining


def find_weight_maps(folder: Path, cases: Iterable[str], file_ending: str) -> dict[str, Path]:
    """The map of each case.

    Raises:
        StopTraining: a case has none.
    """
    maps = {case: folder / f"{case}{file_ending}" for case in cases}
    if missing := [str(file) for file in maps.values() if not file.is_file()]:
        raise StopTraining(
            f"There is no weight map {missing[0]} ({len(missing)} of {len(maps)} cases have none); write one for each "
            f"case, on the grid of its label."
        )
    return maps


def digest(maps: dict[str, Path]) -> str:
    """A fingerprint of the maps' content."""
    total = hashlib.sha256()
    for case, file in sorted(maps.items()):
        total.update(case.encode() + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def prepare_weight_maps(maps: dict[str, Path], target: Path, dataset: Any, plans: Any, configuration: Any) -> None:
    """Resample the maps to the grid of the preprocessed cases, unless that has been done.

    They take the steps of an image in nnU-Net's preprocessing, with its own functions: transpose, crop, resample
    (linearly, like probabilities, so that no weight leaves the range of the map).

    Args:
        maps: the map of each case.
        target: folder for ``<case>.npy``.
        dataset: nnU-Net's preprocessed data set of these cases.
        plans: nnU-Net's plans manager.
        configuration: nnU-Net's configuration manager.

    Raises:
        StopTraining: a map has another shape than the image of its case, or weights that are not finite and ≥ 0.
    """
    for case, file in maps.items():
        stored = target / f"{case}.npy"
        newest = max(path.stat().st_mtime for path in (file, Path(dataset.source_folder, f"{case}.pkl")))
        if stored.is_file() and stored.stat().st_mtime >= newest:
            continue
        image, _, _, properties = dataset.load_case(case)
        weights, _ = plans.image_reader_writer_class().read_images([str(file)])
        weights = weights.transpose([0, *(axis + 1 for axis in plans.transpose_forward)])
        if weights.shape != (1, *properties["shape_before_cropping"]):
            raise StopTraining(
                f"{file} has shape {weights.shape[1:]} where the image of {case} has "
                f"{tuple(properties['shape_before_cropping'])} (in nnU-Net's order of axes); write it on the grid of "
                "the label."
            )
        if not (np.isfinite(weights).all() and weights.min() >= 0):
            raise StopTraining(f"{file} holds weights that are negative or not finite; correct that map.")
        weights = weights[:, *(slice(*bounds) for bounds in properties["bbox_used_for_cropping"])]
        before = [properties["spacing"][axis] for axis in plans.transpose_forward]
        # a 2D configuration leaves the first axis as it is
        after = [*before[: len(before) - len(configuration.spacing)], *configuration.spacing]
        weights = configuration.resampling_fn_probabilities(weights, image.shape[1:], before, after)
        with write_atomically(stored) as temporary:
            np.save(temporary, np.asarray(weights, np.float32).clip(0))


class CasesWithWeights:
    """nnU-Net's data set with one more channel in each image: the weight minus 1.

    nnU-Net pads images with 0, which then means weight 1.
    """

    def __init__(self, cases: Any, folder: Path) -> None:
        self.cases = cases
        self.folder = folder
        self.identifiers = cases.identifiers

    def load_case(self, identifier: str) -> tuple[Any, ...]:
        """As nnU-Net's: image, segmentation, segmentation of the previous stage, properties."""
        image, *others = self.cases.load_case(identifier)
        return _WithWeights(image, np.load(self.folder / f"{identifier}.npy", mmap_mode="r")), *others


class _WithWeights:
    """An array (C + 1, *S) that reads from disk only the region that is asked for."""

    def __init__(self, image: Any, weights: NDArray[np.float32]) -> None:
        self.image = image
        self.weights = weights
        self.shape = (image.shape[0] + 1, *image.shape[1:])

    def __getitem__(self, region: tuple[slice, ...]) -> NDArray[np.float32]:
        return np.concatenate((self.image[region][:], self.weights[region] - 1))
