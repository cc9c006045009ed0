"""Tables of a report, a file for each question that they answer."""

from nnunet_losses.report.tables import (
    answer,
    calibration,
    card,
    challenge,
    costs,
    decisions,
    detection,
    failures,
    losses,
    mixed,
    operating_points,
    pairs,
    published,
    ranking,
    sensitivity,
    subgroups,
)

__all__ = [
    "answer",
    "calibration",
    "card",
    "challenge",
    "costs",
    "decisions",
    "detection",
    "failures",
    "losses",
    "mixed",
    "operating_points",
    "pairs",
    "published",
    "ranking",
    "sensitivity",
    "subgroups",
]
