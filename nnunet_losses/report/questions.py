"""How each question of the decision card is put into words: one entry a question, whoever speaks of it."""

from dataclasses import dataclass

from nnunet_losses.base.states import Question


@dataclass(frozen=True)
class Wording:
    """The words for one question.

    head, tip: of its row of the card; of the first question, the primary metric gives them.
    section: title of the part of the report that shows why.
    does: what a loss that is better does, said of one loss; `matters`: for whom, after "if"; `topic`: what differs.
        Empty where the headline does not speak of the question by itself.
    where: at which operating point differences are measured.
    """

    head: str
    tip: str
    section: str
    does: str = ""
    matters: str = ""
    topic: str = ""
    where: str = ""


WORDINGS = {
    Question.OVERLAP: Wording("", "", "Overlap"),
    Question.OWN_THRESHOLD: Wording(
        "Overlap, own threshold",
        "Dice at the threshold chosen on other cases",
        "Thresholds",
        "has the higher Dice at its own threshold",
        "Dice at its own threshold matters",
        "Dice at the own threshold",
    ),
    Question.SURFACE: Wording(
        "Surface",
        "Normalised surface distance",
        "Surface",
        "has the better surface",
        "surfaces matter",
        "surfaces",
    ),
    Question.LESIONS: Wording(
        "Lesions found",
        "Recall where the FROC curve has one false positive a case",
        "Lesions found",
        "finds more lesions",
        "lesions found matter",
        "lesions found",
        " at one false positive a case",
    ),
    Question.SMALL_LESIONS: Wording(
        "Small lesions found",
        "The same, of the smallest quarter of the lesions",
        "Small lesions found",
        "finds more small lesions",
        "small lesions matter",
        "small lesions",
        " at one false positive a case",
    ),
    Question.FALSE_ALARMS: Wording(
        "False alarms a case",
        "Predicted components that touch no lesion, as trained",
        "False alarms",
        "raises fewer false alarms",
        "false alarms matter",
        "false alarms",
    ),
    Question.HEALTHY_CASES: Wording(
        "False alarms, healthy cases",
        "Predicted components in cases without a lesion, as trained",
        "False alarms",
        "raises fewer false alarms on cases without lesions",
        "false alarms on cases without lesions matter",
        "false alarms on cases without lesions",
    ),
    Question.PROBABILITIES: Wording(
        "Probabilities",
        "Expected calibration error near the lesions",
        "Probabilities",
        "is better calibrated",
        "probabilities matter",
        "probabilities",
    ),
    Question.STABILITY: Wording(
        "Stability", "SD over trainings of what a training is worth, and failed trainings", "Stability"
    ),
    Question.TIME: Wording("Training time", "Ratio of the times of trainings side by side", "Time and memory"),
}
