"""One case: a reference, prepared once, against the predictions of any number of trainers."""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.labels import Label, LabelSet, LabelValues, mask_of
from nnunet_losses.base.metrics import IMAGE_DIAGONAL, metric_named
from nnunet_losses.base.metrics.challenges import CHALLENGES
from nnunet_losses.base.metrics.lesion import of_stratum
from nnunet_losses.base.metrics.voxel import Counts
from nnunet_losses.base.names import DATASET_JSON
from nnunet_losses.base.scale import Length, Scale
from nnunet_losses.base.states import CaseStatus
from nnunet_losses.evaluation import tables
from nnunet_losses.evaluation.blocks import BlockwiseMask
from nnunet_losses.evaluation.calibration import calibration, calibration_region
from nnunet_losses.evaluation.candidates import component_scores
from nnunet_losses.evaluation.challenges import RULES, Pair, challenge_metrics
from nnunet_losses.evaluation.lesions import Matching, Side, lesion_metrics, stratified_metrics
from nnunet_losses.evaluation.log_odds import log_odds_counts
from nnunet_losses.evaluation.overlap import count_voxels, overlap_metrics
from nnunet_losses.evaluation.settings import EvaluationSettings
from nnunet_losses.evaluation.structure import Grid, Structure
from nnunet_losses.evaluation.surface import surface_metrics
from nnunet_losses.evaluation.thresholds import threshold_counts, threshold_grid

Segmentation = NDArray[np.integer]
Probability = NDArray[np.floating]


class Reference:
    """The reference segmentation of one case, with everything that does not depend on a prediction.

    Components, borders, distances near them and search trees are computed on first use and kept, so that a second
    trainer costs less. Voxels of the label `ignore` count nowhere, on either side.

    Args:
        reference: (*S) integer labels, 2D or 3D.
        spacing: mm along each array axis.
        labels: as in dataset.json.
        settings: what is measured; the defaults if absent.
        unit: of lengths; pixels (px) if the images have no spacing. Then tolerances and limits are in pixels, too.

    Raises:
        UserError: the image is not 2D or 3D, its spacing does not fit, or it holds a value that is no label.
    """

    def __init__(
        self,
        reference: Segmentation,
        spacing: Sequence[float],
        labels: Mapping[str, LabelValues] | LabelSet,
        settings: EvaluationSettings | None = None,
        unit: Length = Length.MM,
    ) -> None:
        self.settings = settings or EvaluationSettings()
        self.labels = labels if isinstance(labels, LabelSet) else LabelSet.parse(labels)
        self.shape = reference.shape
        # Images read from files lie in memory last axis first; turning both sides around costs nothing.
        self._turned = reference.flags.f_contiguous and not reference.flags.c_contiguous
        self.grid = _grid(self.shape, spacing, unit, turned=self._turned)
        self.segmentation = self._arranged(_integers(reference, "reference"))
        self._check_labels(self.segmentation, "reference")
        self._structures: dict[tuple[str, int], Structure] = {}
        self._check_preset()
        self._near: dict[str, NDArray[np.bool_]] = {}

    @cached_property
    def ignored(self) -> NDArray[np.bool_] | None:
        """(*S) voxels of the label `ignore`, None if there is none."""
        if self.labels.ignore is None:
            return None
        ignored = self.segmentation == self.labels.ignore
        return ignored if ignored.any() else None

    @cached_property
    def valid_voxels(self) -> int:
        """Number of voxels that count."""
        return self.segmentation.size - (0 if self.ignored is None else int(np.count_nonzero(self.ignored)))

    def structure(self, label: Label, connectivity: int | None = None) -> Structure:
        """The reference side of a label; its components are connected as the settings have it if nothing is given."""
        connectivity = connectivity or self.settings.connectivity
        key = (label.name, connectivity)
        if key not in self._structures:
            mask = self._mask(self.segmentation, label)
            self._structures[key] = Structure(mask, self.grid, connectivity)
        return self._structures[key]

    def predicted_structure(self, prediction: Segmentation, label: Label) -> Structure:
        """The predicted side of a label, from what `prediction` gave."""
        return Structure(self._mask(prediction, label), *self._how)

    def truth(self, label: Label) -> BlockwiseMask:
        """The reference mask of a label, flat over the image."""
        ignored = None if self.ignored is None else self.ignored.ravel()
        return BlockwiseMask(self.segmentation.ravel(), label, ignored)

    def near(self, label: Label) -> NDArray[np.bool_]:
        """Where calibration is measured: around the label's lesions, flat over the image."""
        if label.name not in self._near:
            near = calibration_region(self.structure(label), self.settings.margin_mm)
            if self.ignored is not None:
                near &= ~self.ignored
            self._near[label.name] = near.reshape(-1)
        return self._near[label.name]

    def prediction(self, prediction: Segmentation) -> Segmentation:
        """A prediction, checked and in the memory order of the reference."""
        if prediction.shape != self.shape:
            raise UserError(f"the prediction has shape {prediction.shape}, its reference {self.shape}.")
        arranged = self._arranged(_integers(prediction, "prediction"))
        self._check_labels(arranged, "prediction")
        return arranged

    def probability(self, probabilities: Probability, label: Label) -> Probability:
        """The label's probability, flat over the image, from (C, *S) probabilities."""
        wanted = (self.labels.channels, *self.shape)
        if probabilities.shape != wanted:
            raise UserError(
                f"the probabilities have shape {probabilities.shape}, expected {wanted}: channels, image axes."
            )
        return self._arranged(probabilities[label.channel]).ravel()

    @property
    def _how(self) -> tuple[Grid, int]:
        return self.grid, self.settings.connectivity

    def _arranged(self, image: NDArray) -> NDArray:
        return np.ascontiguousarray(image.T if self._turned else image).reshape(self.grid.shape)

    def _mask(self, segmentation: Segmentation, label: Label) -> NDArray[np.bool_]:
        mask = mask_of(segmentation, label)
        if self.ignored is not None:
            mask &= ~self.ignored
        return mask

    def _check_preset(self) -> None:
        preset = self.settings.preset
        wanted = None if preset is None else RULES[preset].labels
        if wanted is not None and len(self.labels.labels) != wanted:
            raise UserError(
                f"the preset {preset} is defined for {wanted} labels or regions ({CHALLENGES[str(preset)].title}), but "
                f"{DATASET_JSON} has {len(self.labels.labels)}."
            )

    def _check_labels(self, segmentation: Segmentation, side: str) -> None:
        unknown = self.labels.unknown_value(segmentation)
        if unknown is not None:
            raise UserError(unknown_label(side, unknown))


def evaluate_case(
    reference: Reference, prediction: Segmentation, probabilities: Probability | None = None
) -> dict[str, pd.DataFrame]:
    """Measure one prediction.

    Args:
        reference: the reference of the case.
        prediction: (*S) integer labels.
        probabilities: (C, *S) in nnU-Net's channels (softmax of all labels, or one for each region). Without them,
            scores are NaN and the tables `thresholds`, `calibration` and `log_odds` are empty.

    Returns:
        The tables `cases`, `lesions`, `thresholds`, `calibration` and `log_odds`, without the columns that identify the
        case.

    Raises:
        UserError: shapes or values do not fit the reference.
    """
    arranged = reference.prediction(prediction)
    parts = [_evaluate_label(reference, arranged, probabilities, label) for label in reference.labels.labels]
    return {name: tables.join(name, [part[name] for part in parts if name in part]) for name in tables.COLUMNS}


def broken_case(reference: Reference, *, with_probabilities: bool) -> dict[str, pd.DataFrame]:
    """The tables that stand for a prediction that cannot be measured.

    They are those of an empty prediction, so that every lesion is missed, but each metric is undefined, with status
    `prediction_broken`. A metric that has no meaning for the case, whatever was predicted, keeps its status: one that
    needs a reference where there is none, and one of a lesion size that the reference does not have.

    with_probabilities: whether there were to be any; the table `thresholds` then holds only misses.
    """
    nothing = np.zeros((reference.labels.channels, *reference.shape), np.float32) if with_probabilities else None
    found = evaluate_case(reference, np.zeros(reference.shape, np.uint8), nothing)
    cases = found["cases"]
    meaningless = cases["metric"].map(lambda name: metric_named(name).needs_reference)
    of_sizes = [metric.name for stratum, _ in reference.settings.strata_mm for metric in of_stratum(stratum)]
    meaningless |= cases["metric"].isin(of_sizes)
    keep = (meaningless & (cases["status"] == CaseStatus.BOTH_EMPTY)) | (cases["metric"] == IMAGE_DIAGONAL.name)
    found["cases"] = cases.assign(
        value=cases["value"].where(keep), status=cases["status"].where(keep, str(CaseStatus.PREDICTION_BROKEN))
    )
    for name in ("calibration", "log_odds"):  # no probability was predicted
        found[name] = found[name].iloc[:0]
    return found


def unknown_label(side: str, value: int) -> str:
    """What is wrong with a segmentation that holds a value without a label; side: "reference" or "prediction"."""
    return f"the {side} holds the value {value}, which {DATASET_JSON} does not name."


def _evaluate_label(
    reference: Reference, prediction: Segmentation, probabilities: Probability | None, label: Label
) -> dict[str, pd.DataFrame]:
    settings, grid = reference.settings, reference.grid
    true, predicted = reference.structure(label), reference.predicted_structure(prediction, label)
    matching = Matching(true, predicted)
    status = CaseStatus.of(true.size, predicted.size)
    counts = count_voxels(true, predicted, reference.valid_voxels)
    metrics = {
        **overlap_metrics(counts, settings),
        **_surface_metrics(true, predicted, settings),
        **lesion_metrics(true, predicted, matching, settings),
        IMAGE_DIAGONAL.name: grid.diagonal,
    }
    if settings.preset is not None:
        metrics |= challenge_metrics(settings.preset, _challenge_pair(reference, predicted, label, counts))
    rows = tables.metric_rows(metrics, status, grid.scale)
    for stratum in stratified_metrics(true, predicted, matching, settings.strata_mm):
        rows += tables.metric_rows(stratum.metrics, CaseStatus.of(stratum.reference, stratum.predicted), grid.scale)

    found: dict[str, pd.DataFrame] = {}
    scores = np.full((2, len(predicted.components)), np.nan)
    if probabilities is not None:
        probability = reference.probability(probabilities, label)
        truth = reference.truth(label)
        ignored = None if reference.ignored is None else reference.ignored.ravel()
        found["thresholds"] = threshold_counts(probability, truth, ignored, threshold_grid(settings))
        scores = np.stack(component_scores(predicted, probability))
        _check_agreement(predicted, probability, label, reference.labels.channels)
        near = reference.near(label)
        metrics, found["calibration"] = calibration(probability, truth, near, settings.calibration_bins)
        found["log_odds"] = log_odds_counts(probability, truth, near)
        rows += tables.metric_rows(metrics, status, grid.scale)
    found["cases"] = pd.DataFrame(rows)
    found["lesions"] = _lesion_table(true, predicted, matching, scores)
    for table in found.values():
        table.insert(0, "label", label.name)
    return found


def _challenge_pair(reference: Reference, predicted: Structure, label: Label, counts: Counts) -> Pair:
    """Both sides with the components that the challenge has."""
    connectivity = RULES[str(reference.settings.preset)].connectivity
    true, position = reference.structure(label, connectivity), reference.labels.labels.index(label)
    if connectivity != predicted.connectivity:
        predicted = predicted.connected(connectivity)
    return Pair(true, predicted, counts, position)


def _surface_metrics(true: Structure, predicted: Structure, settings: EvaluationSettings) -> dict[str, float]:
    if true.size and predicted.size:
        metrics = surface_metrics((true.border, predicted.border), (true.surfels, predicted.surfels), settings)
        predicted.forget_surfaces()
        return metrics
    distances = dict.fromkeys(("hd", "hd95", "hd95_pooled", "assd", "masd"), math.nan)
    nothing_within = 0.0 if true.size or predicted.size else math.nan
    names = (*settings.nsd_names("nsd"), *settings.nsd_names("nsd_surfel"))
    return {**distances, **dict.fromkeys(names, nothing_within)}


def _lesion_table(true: Structure, predicted: Structure, matching: Matching, scores: NDArray) -> pd.DataFrame:
    partner = matching.reference.partner
    missed = np.append(scores, [[np.nan], [np.nan]], axis=1)  # partner -1: no component hits the lesion
    sides = [
        _lesion_columns("reference", true, matching.reference, missed[:, partner]),
        _lesion_columns("prediction", predicted, matching.prediction, scores),
    ]
    return pd.DataFrame({name: np.concatenate([side[name] for side in sides]) for name in sides[0]})


def _lesion_columns(side: str, structure: Structure, match: Side, scores: NDArray) -> dict[str, NDArray]:
    sizes = structure.components.sizes
    return {
        "side": np.full(len(sizes), side, object),
        "component": np.arange(1, len(sizes) + 1),
        "voxels": sizes,
        "volume_mm3": sizes * structure.grid.voxel_mm3,
        "diameter_mm": structure.grid.diameter(sizes),
        "unit": np.full(len(sizes), str(structure.grid.scale.length), object),
        "dimensions": np.full(len(sizes), structure.grid.scale.dimensions),
        "matched": match.matches > 0,
        "matches": match.matches,
        "partner": match.partner + 1,
        "dice": match.dice,
        "iou": match.iou,
        "overlap_fraction": match.overlap_fraction,
        "score_max": scores[0],
        "score_mean": scores[1],
        "touches_border": structure.touches_border,
    }


def _check_agreement(predicted: Structure, probability: Probability, label: Label, channels: int) -> None:
    """The predicted class has at least 1/C of the probability, unless axes are swapped or the file is another's."""
    chosen = probability[predicted.image_index]
    if len(chosen) and np.median(chosen) < 1 / (channels + 1):
        raise UserError(
            f"the probabilities of '{label.name}' contradict the segmentation (median {np.median(chosen):.3g} in its "
            "voxels): they belong to another prediction, or their axes are in another order."
        )


def _grid(shape: tuple[int, ...], spacing: Sequence[float], unit: Length, *, turned: bool) -> Grid:
    sides = [float(s) for s in spacing]
    if len(shape) not in (2, 3) or 0 in shape:
        raise UserError(f"the reference has shape {shape}, expected a 2D or 3D image.")
    if len(sides) != len(shape) or not all(0 < s < math.inf for s in sides):
        raise UserError(f"the spacing is {tuple(sides)}, expected {len(shape)} positive numbers in mm.")
    axes = list(zip(shape, sides, strict=True))
    if turned:
        axes.reverse()
    if len(axes) == 3 and (single := [i for i, (length, _) in enumerate(axes) if length == 1]):
        del axes[single[0]]
    sizes = tuple(size for _, size in axes)
    scale = Scale.of_image(unit, len(axes), thick=len(shape) == 3)
    # a thickness that nnU-Net made up (999) is none
    return Grid(tuple(n for n, _ in axes), sizes, math.prod(sizes if unit is Length.PX else sides), scale)


def _integers(image: NDArray, side: str) -> Segmentation:
    if image.dtype == bool:
        return image.view(np.uint8)
    if not np.issubdtype(image.dtype, np.integer):
        raise UserError(f"the {side} has values of type {image.dtype}, expected integer labels.")
    return image
