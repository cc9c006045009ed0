"""Segment new images with an exported model at its operating point, a case at a time."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit, logit

from nnunet_losses.base.components import bounding_box, connected_components
from nnunet_losses.base.dataset import read_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import check_writable, write_atomically
from nnunet_losses.base.labels import Label, LabelSet
from nnunet_losses.base.names import FINAL_CHECKPOINT, PLANS_JSON, PROBABILITIES
from nnunet_losses.nnunet.names.grammar import parse_trainer_name
from nnunet_losses.nnunet.results.models import read_model
from nnunet_losses.nnunet.results.operating_points import (
    OPERATING_POINT_JSON,
    LabelPoint,
    ModelPoint,
    read_point,
)
from nnunet_losses.nnunet.training.changes.parts import OwnFusion
from nnunet_losses.nnunet.training.checkpoint import safe_loading
from nnunet_losses.nnunet.training.fusion import FusionPredictor
from nnunet_losses.nnunet.training.trainer import make_trainer

SATURATED = 2.0**-24
"""The smallest distance of a probability from 0 and 1 that counts, as in the tables."""

Segmentation = NDArray[np.integer]
Probabilities = NDArray[np.floating]


def segment_images(
    model: Path,
    images: Path,
    out: Path,
    *,
    point: Path | None = None,
    folds: Sequence[str] = (),
    save_probabilities: bool = False,
    device: str = "cuda",
) -> list[Path]:
    """Segment every case of a folder of images; one case at a time is in the memory.

    Args:
        model: folder of an exported model, with ``operating_point.json``.
        images: nnU-Net's image files (``<case>_0000<ending>``).
        out: folder for ``<case><ending>``.
        point: another operating point than that of the model.
        folds: those whose networks predict together; all in the folder if empty.
        save_probabilities: also write ``<case>.npz``, each label's log-odds divided by its temperature.
        device: cuda, cpu or mps.

    Returns:
        The segmentations, by case.

    Raises:
        UserError: something is missing, damaged, or does not fit the model.
    """
    from nnunetv2.utilities.utils import create_lists_from_splitted_dataset_folder

    chosen = read_point(point or model / OPERATING_POINT_JSON)
    if not (model / PLANS_JSON).is_file():
        raise UserError(f"{model} holds no {PLANS_JSON}; give the folder of an exported model.")
    content = read_dataset_json(model, ["labels", "file_ending"])
    labels, ending = LabelSet.parse(content["labels"]), str(content["file_ending"])
    require_labels(chosen, labels)
    if not images.is_dir():
        raise UserError(f"There is no folder {images}.")
    check_writable(out)
    predictor = load_predictor(model, folds, device)
    reader = predictor.plans_manager.image_reader_writer_class()
    cases = create_lists_from_splitted_dataset_folder(str(images), ending, num_processes=1)
    if not cases:
        raise UserError(f"{images} holds no images such as case_0000{ending}.")
    written = []
    for files in cases:
        case = Path(files[0]).name[: -len(f"_0000{ending}")]
        data, properties = reader.read_images(files)
        with contextlib.redirect_stdout(io.StringIO()):  # it tells every step
            own, probabilities = predictor.predict_single_npy_array(data, properties, None, None, True)
        result = apply_point(own, probabilities, labels, chosen, content.get("regions_class_order"))
        with write_atomically(out / f"{case}{ending}") as temporary:
            reader.write_seg(result, str(temporary), properties)
        if save_probabilities:
            with write_atomically(out / f"{case}{PROBABILITIES}") as temporary:
                np.savez_compressed(temporary, probabilities=scaled(probabilities, labels, chosen))
        written.append(out / f"{case}{ending}")
    return written


def load_predictor(model: Path, folds: Sequence[str], device: str) -> Any:
    """nnU-Net's predictor with the networks of a model's folds, fusing windows as their trainer's recipe does.

    Raises:
        UserError: there is no such fold, a checkpoint is damaged or not safe to load, or the model needs the prediction
            of another one.
    """
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    found = sorted(path.parent.name.removeprefix("fold_") for path in model.glob(f"fold_*/{FINAL_CHECKPOINT}"))
    if lacking := set(folds) - set(found):
        raise UserError(f"{model} has no fold {min(lacking)}; it has {', '.join(found) or 'none'}.")
    if not found:
        raise UserError(f"{model} holds no fold_*/{FINAL_CHECKPOINT}; give the folder of an exported model.")
    wanted = list(folds) or found
    checkpoints = [read_model(model / f"fold_{fold}" / FINAL_CHECKPOINT, None)[0] for fold in wanted]
    trainer = str(checkpoints[0].get("trainer_name"))
    ours = make_trainer(trainer) if parse_trainer_name(trainer) is not None else None
    kind = partial(FusionPredictor, ours.fusion) if ours and issubclass(ours, OwnFusion) else nnUNetPredictor
    with contextlib.redirect_stdout(io.StringIO()):
        predictor = kind(perform_everything_on_device=device == "cuda", device=torch.device(device), allow_tqdm=False)
        with safe_loading(model / f"fold_{wanted[0]}" / FINAL_CHECKPOINT):
            predictor.initialize_from_trained_model_folder(str(model), wanted, FINAL_CHECKPOINT)
    if predictor.configuration_manager.previous_stage_name is not None:
        raise UserError(f"{model} is the second stage of a cascade, which needs the prediction of the first.")
    return predictor


def require_labels(point: ModelPoint, labels: LabelSet) -> None:
    """Make sure that an operating point is for these labels.

    Raises:
        UserError: it is for others.
    """
    own = {label.name for label in labels.labels}
    if own != set(point.labels):
        raise UserError(
            f"The operating point is for the labels {', '.join(sorted(point.labels))}, the model has "
            f"{', '.join(sorted(own))}; export the model again with --operating-point."
        )


def apply_point(
    own: Segmentation,
    probabilities: Probabilities,
    labels: LabelSet,
    point: ModelPoint,
    regions_class_order: Sequence[int] | None = None,
) -> Segmentation:
    """The segmentation at an operating point.

    Of several labels that a voxel exceeds the thresholds of, it gets the one whose probability is the largest multiple
    of its threshold. A label without a threshold keeps what nnU-Net gave it; elsewhere the others decide. Regions are
    cut independently and laid over each other in nnU-Net's order. Components that are too small, or nowhere certain
    enough, are removed; their voxels become background, or what lies below them.

    Args:
        own: (*S) nnU-Net's segmentation.
        probabilities: (C, *S) in nnU-Net's channels.
        labels: as in dataset.json.
        point: the operating point.
        regions_class_order: of regions, the value that each writes.
    """
    result = np.zeros_like(own)
    if labels.regions:
        for label, value in zip(labels.labels, regions_class_order or (), strict=True):
            chosen, p = point.labels[label.name], probabilities[label.channel]
            mask = p > (0.5 if chosen.threshold is None else chosen.threshold)
            result[kept(mask, p, chosen, point.connectivity)] = value
        return result
    for label, mask in _masks(own, probabilities, labels, point):
        mask = kept(mask, probabilities[label.channel], point.labels[label.name], point.connectivity)
        result[mask] = label.values[0]
    return result


def _masks(
    own: Segmentation, probabilities: Probabilities, labels: LabelSet, point: ModelPoint
) -> list[tuple[Label, NDArray[np.bool_]]]:
    """The voxels of each label, none in two of them."""
    best, winner = np.ones(own.shape, np.float32), np.zeros(own.shape, np.int16)  # multiple of the threshold; channel
    for label in labels.labels:
        threshold = point.labels[label.name].threshold
        if threshold is None:
            mask = own == label.values[0]
            best[mask], winner[mask] = np.inf, label.channel
        else:
            multiple = probabilities[label.channel] / np.float32(threshold)
            mask = multiple > best
            best[mask], winner[mask] = multiple[mask], label.channel
    return [(label, winner == label.channel) for label in labels.labels]


def kept(mask: NDArray[np.bool_], p: Probabilities, point: LabelPoint, connectivity: int) -> NDArray[np.bool_]:
    """The components of a mask that are large and certain enough.

    Args:
        mask: (*S) voxels of a label.
        p: (*S) its probability.
        point: its operating point.
        connectivity: voxel neighbourhood.
    """
    box = bounding_box(mask)
    if box is None or (point.min_voxels <= 1 and point.min_score is None):
        return mask
    numbers, count = connected_components(np.ascontiguousarray(mask[box]), connectivity)
    keep = np.bincount(numbers.ravel(), minlength=count + 1) >= point.min_voxels
    if point.min_score is not None:
        largest = ndimage.maximum(p[box], numbers, np.arange(1, count + 1))
        keep[1:] &= logit(np.clip(np.asarray(largest, np.float64), SATURATED, 1 - SATURATED)) >= point.min_score
    keep[0] = False
    result = np.zeros_like(mask)
    result[box] = keep[numbers]
    return result


def scaled(probabilities: Probabilities, labels: LabelSet, point: ModelPoint) -> Probabilities:
    """The probabilities after temperature scaling, each label against all others.

    Of one label or of regions this is temperature scaling of the network. Of several labels those of a voxel are
    divided by their sum where it exceeds 1; the background gets the rest.

    Args:
        probabilities: (C, *S) in nnU-Net's channels.
        labels: as in dataset.json.
        point: holds the temperatures.
    """
    result = probabilities.astype(np.float32)
    temperatures: Mapping[int, float | None] = {
        label.channel: point.labels[label.name].temperature for label in labels.labels
    }
    if not any(temperatures.values()):
        return result
    for channel, temperature in temperatures.items():
        if temperature is not None:
            p = np.clip(result[channel].astype(np.float64), SATURATED, 1 - SATURATED)
            result[channel] = expit(logit(p) / temperature)
    if not labels.regions:
        total = result[1:].sum(axis=0)
        result[1:] /= np.maximum(total, 1)
        result[0] = np.maximum(1 - total, 0)
    return result
