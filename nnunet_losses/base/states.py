"""Words of state: every word that a table uses for what became of a value or of a training, spelled once."""

from enum import StrEnum


class CaseStatus(StrEnum):
    """Which sides of a case are empty, or that the prediction is broken; any but `OK` can leave a value undefined."""

    OK = "ok"
    BOTH_EMPTY = "both_empty"
    REFERENCE_EMPTY = "reference_empty"
    PREDICTION_EMPTY = "prediction_empty"
    PREDICTION_BROKEN = "prediction_broken"  # its file cannot be measured, which counts as a failure of the trainer

    @classmethod
    def of(cls, reference: int, prediction: int) -> "CaseStatus":
        """The status of a case with so many voxels (or components) on each side."""
        if reference:
            return cls.OK if prediction else cls.PREDICTION_EMPTY
        return cls.REFERENCE_EMPTY if prediction else cls.BOTH_EMPTY


class RunStatus(StrEnum):
    """How a training ended. What its network predicts is another fact: see ``collapsed`` in the table of jobs."""

    COMPLETED = "completed"  # trained to its end
    DIVERGED = "diverged"  # stopped by a loss that is not finite, or early because it was diverging
    UNFINISHED = "unfinished"  # begun, but not trained to its end
    MISSING = "missing"  # asked for, but never begun


class Alarm(StrEnum):
    """What shows, while a training runs, that nothing is likely to come of it."""

    COLLAPSED = "collapsed"  # predicts background only
    DIVERGING = "diverging"  # the loss grows or is not finite, or what was learned is lost


LEARNED = 0.1
"""Running mean of the pseudo-Dice of a network that has learned something; below half of its best, it has lost it."""


class Resolution(StrEnum):
    """What an undefined value was counted as."""

    WORST = "worst"
    PERFECT = "perfect"
    LEFT_OUT = "left out"


class Word(StrEnum):
    """The outcome of comparing two losses, from the intervals and the margin, said of the first loss."""

    EQUIVALENT = "equivalent"
    BETTER = "better"
    WORSE = "worse"
    NOT_WORSE = "not worse"
    NOT_BETTER = "not better"
    UNDECIDED = "undecided"
    NOT_COMPARABLE = "not comparable"


class Verdict(StrEnum):
    """What a claim comes to."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does not hold"
    UNDECIDED = "undecided"
    NOT_TESTABLE = "not testable"


class Question(StrEnum):
    """What a user asks of a loss; the rows of the decision card, in its order."""

    OVERLAP = "overlap, as trained"  # or whatever the primary metric measures
    OWN_THRESHOLD = "overlap, own threshold"
    SURFACE = "surface"
    LESIONS = "lesions found"
    SMALL_LESIONS = "small lesions found"
    FALSE_ALARMS = "false alarms"
    HEALTHY_CASES = "false alarms, healthy cases"
    PROBABILITIES = "probabilities"
    STABILITY = "stability"
    TIME = "training time"
