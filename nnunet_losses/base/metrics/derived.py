"""Measures that statistics derive from several tables; no evaluation of a single prediction gives them."""

import math

from nnunet_losses.base.metrics.metric import Metric, score

OWN_THRESHOLD_DICE = score(
    "dice_own_threshold",
    "Dice at the own threshold",
    "Dice of the voxels at the threshold with the best mean Dice on other cases.",
    needs_reference=True,
)
RECALL_AT_1 = score(
    "recall_at_1_fp",
    "Lesion recall at 1 false positive a case",
    "Share of reference lesions that were found where the FROC curve has one false positive a case.",
    needs_reference=True,
)
SMALL_RECALL_AT_1 = score(
    "small_recall_at_1_fp",
    "Recall of small lesions at 1 false positive a case",
    "The same, of the smallest quarter of the lesions.",
    needs_reference=True,
)
AVERAGE_RECALL = score(
    "average_recall",
    "Average recall",
    "Mean share of reference lesions that were found over 0 to 5 false positives a case of the FROC curve.",
    needs_reference=True,
)
RECALL_PRECISION_GAP = score(
    "recall_precision_gap",
    "Gap between recall and precision",
    "Absolute difference of recall and precision of the voxels.",
    higher_is_better=False,
    needs_reference=True,
)
TRAINING_TIME = Metric(
    "training_time",
    "Training time",
    "times",
    False,
    "Natural logarithm of the duration of a training in seconds; a difference is the logarithm of a ratio.",
    bounds=(-math.inf, math.inf),
    margin=math.log(1.05),
)
DERIVED_METRICS = (
    OWN_THRESHOLD_DICE,
    RECALL_AT_1,
    SMALL_RECALL_AT_1,
    AVERAGE_RECALL,
    RECALL_PRECISION_GAP,
    TRAINING_TIME,
)
