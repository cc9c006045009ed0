"""The mean of the probabilities of several trainings, as predictions like any other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the library's own habit

from nnunet_losses.base.dataset import read_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import new_folder
from nnunet_losses.base.images import read_geometry, readable
from nnunet_losses.base.labels import LabelSet
from nnunet_losses.base.names import PROBABILITIES
from nnunet_losses.evaluation.probabilities import read_probabilities


def ensemble_predictions(
    members: Sequence[tuple[Path, Path]], dataset_json: Path, *, segmentations: Path, probabilities: Path
) -> int:
    """Average the probabilities of every case, and segment by them as nnU-Net does; a case at a time.

    Args:
        members: folders of label maps and of ``.npz`` files, of each member, all of the same cases.
        dataset_json: nnU-Net's file (``labels``, ``file_ending``, with regions also ``regions_class_order``).
        segmentations: folder for ``<case><file ending>``, complete or absent.
        probabilities: folder for ``<case>.npz``, complete or absent.

    Returns:
        The number of cases.

    Raises:
        UserError: members do not have the same cases, or a file cannot be read or is of another shape.
    """
    content = read_dataset_json(dataset_json, ["labels", "file_ending"])
    labels, ending = LabelSet.parse(content["labels"]), str(content["file_ending"])
    cases = _cases(members, ending)
    with new_folder(segmentations, replace=True) as maps, new_folder(probabilities, replace=True) as arrays:
        for case in cases:
            template = members[0][0] / f"{case}{ending}"
            shape = read_geometry(template).shape
            mean = _mean([folder / f"{case}{PROBABILITIES}" for _, folder in members], shape, labels.channels)
            _write_like(template, _segmented(mean, labels, content), maps / f"{case}{ending}")
            stored = mean.transpose(0, *range(len(shape), 0, -1))
            if len(shape) == 2:
                stored = stored[:, None]
            np.savez_compressed(arrays / f"{case}{PROBABILITIES}", probabilities=stored)
    return len(cases)


def _cases(members: Sequence[tuple[Path, Path]], ending: str) -> list[str]:
    found: dict[Path, set[str]] = {}
    for maps, arrays in members:
        for folder, suffix in ((maps, ending), (arrays, PROBABILITIES)):
            if not folder.is_dir():
                raise UserError(f"There is no folder {folder}.")
            found[folder] = {p.name.removesuffix(suffix) for p in folder.iterdir() if p.name.endswith(suffix)}
    first, *others = found
    for folder in others:
        if lacking := found[first] ^ found[folder]:
            raise UserError(
                f"{first} and {folder} do not hold the same cases ({min(lacking)} is in one of them only); predict "
                f"again what is missing."
            )
    return sorted(found[first])


def _mean(files: Sequence[Path], shape: tuple[int, ...], channels: int) -> np.ndarray:
    """(C, *S) float32, axes as in `nnunet_losses.base.images`."""
    total = np.zeros((channels, *shape), np.float32)
    for file in files:
        total += read_probabilities(file, shape, channels)
    total /= len(files)
    return total


def _segmented(mean: np.ndarray, labels: LabelSet, content: dict[str, Any]) -> np.ndarray:
    if not labels.regions:
        return mean.argmax(axis=0).astype(np.uint8 if labels.channels < 256 else np.uint16)
    result = np.zeros(mean.shape[1:], np.uint8 if max(labels.known) < 256 else np.uint16)
    for label, value in zip(labels.labels, content.get("regions_class_order") or (), strict=True):
        result[mean[label.channel] > 0.5] = value
    return result


def _write_like(template: Path, segmentation: np.ndarray, target: Path) -> None:
    """Write a label map in the place and format of another one."""
    with readable(template):
        like = sitk.ReadImage(str(template))
    image = sitk.GetImageFromArray(segmentation.T)
    image.CopyInformation(like)
    sitk.WriteImage(image, str(target), useCompression=True)
