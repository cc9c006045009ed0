"""Tables that an answer is read from: one word for each pair of losses."""

from nnunet_losses.base.states import Question, Word
from nnunet_losses.base.tables.schema import Table, integer, real, text, truth
from nnunet_losses.statistics.tables.identity import LABEL, PAIR, PANEL, REASON, TRAINER

FORECASTS = ("seeds_needed", "cases_needed", "seeds_together", "cases_together", "detectable")
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
        "low": real("Low end of its interval (95 %, or 1 − α), which holds for all pairs of the panel at once."),
        "high": real("High end."),
        "low_90": real("Low end of the interval for equivalence (90 %, or 1 − 2α), for all pairs at once."),
        "high_90": real("High end."),
        "margin": real("The smallest difference that would matter."),
        "se": real("Standard error over new trainings and cases; NaN if the decision is about models."),
        "df": real("Its degrees of freedom."),
        "n": integer("Cases."),
        "trainings": integer(
            "Trainings of each loss side by side: folds; seeds of one fold; or seeds that act alike in all folds: the "
            "reason then says so."
        ),
        "seeds_needed": real(
            "Seeds a fold with which a true difference as large as the margin would be found in 80 % of such studies; "
            "NaN where more seeds cannot do it, or the pair is decided."
        ),
        "cases_needed": real("Cases with which it would; NaN likewise."),
        "seeds_together": real("Seeds a fold that would do together with `cases_together` cases; NaN likewise."),
        "cases_together": real("Cases that would do together with `seeds_together` seeds a fold."),
        "detectable": real("True difference that this study would find with a probability of 80 %; NaN likewise."),
        **REASON,
    },
    key=(*PANEL, "trainer_a", "trainer_b"),
)

ANSWERS = Table(
    "answers",
    "a trainer's value on one question of the decision card",
    {
        **LABEL,
        "question": text("The question", words=Question),
        "metric": text("The metric that answers it; the words on its pairs are in the table `decisions`."),
        **TRAINER,
        "value": real("Its value: mean over cases, recall of all cases, SD over trainings, mean seconds."),
        "trainings": integer("Trainings, folds and seeds counted."),
        "failed": integer("Of these, collapsed or diverged; told of the first question and of stability."),
        "erratic": truth("Whether its trainings surely vary more than those of others; told of stability."),
        **REASON,
    },
    key=(*LABEL, "question", "trainer"),
)
SOURCES = ("loss", "training", "case", "fold", "rest")
VARIANCE = Table(
    "variance",
    "a source of the variance of the values in one panel",
    {
        **PANEL,
        "source": text("The source; `rest` is what a loss makes of a case, and noise", words=SOURCES),
        "share": real("Its share of the sum of squares, from 0 to 1."),
        **REASON,
    },
    key=(*PANEL, "source"),
)
