"""Tables that an answer is read from: one word for each pair of losses."""

from nnunet_losses.base.states import Word
from nnunet_losses.base.tables.schema import Table, integer, real, text
from nnunet_losses.statistics.tables.identity import PAIR, PANEL, REASON

SUBJECTS = ("losses", "models")

DECISIONS = Table(
    "decisions",
    "a pair of trainers in one panel, and the decision on it",
    {
        **PANEL,
        **PAIR,
        "subject": text(
            "What the decision is about: the losses, with new trainings too, or only the models that were trained here",
            words=SUBJECTS,
        ),
        "word": text("The decision, as a word about the first trainer", words=Word),
        "difference": real("Difference in the direction of benefit: above 0, a is better."),
        "low": real("Low end of its 95 % interval, which holds for all pairs of the panel at once."),
        "high": real("High end."),
        "low_90": real("Low end of the 90 % interval for equivalence, which holds for all pairs at once."),
        "high_90": real("High end."),
        "margin": real("The smallest difference that would matter."),
        "se": real("Standard error over new trainings and cases; NaN if the decision is about models."),
        "df": real("Its degrees of freedom."),
        "n": integer("Cases."),
        "trainings": integer("Trainings of each loss side by side: folds, or seeds of one fold."),
        **REASON,
    },
    key=(*PANEL, "trainer_a", "trainer_b"),
)
