"""Metrics of the probabilities; computed in `nnunet_losses.evaluation.calibration`."""

from nnunet_losses.base.metrics.metric import Metric, score

CALIBRATION_METRICS: list[Metric] = [
    score(
        "ece",
        "ECE",
        "Expected calibration error near the lesions: mean gap between confidence and accuracy.",
        higher_is_better=False,
        needs_reference=True,
    ),
    score(
        "brier",
        "Brier score",
        "Mean squared error of the probabilities near the lesions.",
        higher_is_better=False,
        needs_reference=True,
    ),
    Metric(
        "nll",
        "NLL",
        "1",
        False,
        "Mean negative log-likelihood of the voxels near the lesions, in nats.",
        margin=0.01,
        needs_reference=True,
    ),
]
