"""Tables with a row for each pair of trainers; differences are trainer_a − trainer_b in the metric's unit."""

import numpy as np
import pandas as pd

from nnunet_losses.base.states import Word
from nnunet_losses.base.tables.schema import Table, integer, real, text
from nnunet_losses.statistics.tables.identity import LABEL, PAIR, PANEL, REASON, SET, TRAINER

PAIRWISE = Table(
    "pairwise",
    "a pair of trainers in one panel",
    {
        **PANEL,
        **PAIR,
        "n": integer("Cases."),
        "ties": integer("Cases in which both have the same value."),
        "mean_difference": real("Mean difference."),
        "difference": real("Hodges-Lehmann estimate over all cases, ties included."),
        "low": real("Low end of its 95 % interval."),
        "high": real("High end."),
        "p": real("Two-sided Wilcoxon signed-rank test."),
        "p_holm": real("The same, Holm over all pairs of the panel."),
        "p_holm_baseline": real("The same, Holm over the pairs with the baseline alone."),
        "p_signflip": real("Sign-flip permutation test of the mean difference."),
        "p_pratt": real("Signed-rank test with Pratt's treatment of ties."),
        "rank_biserial": real("Matched-pairs rank-biserial correlation; above 0: a is better."),
        "cliffs_delta": real("Cliff's delta, not paired; above 0: a is better."),
        "rope": real("Region of practical equivalence, in the metric's unit."),
        "wins": integer("Cases in which a is better by more than it."),
        "draws": integer("Cases within it."),
        "losses": integer("Cases in which a is worse by more than it."),
        "p_better": real("Bayesian signed-rank test: probability that a is better."),
        "p_equivalent": real("That they are equivalent."),
        "p_worse": real("That a is worse."),
        "p_false_claim": real("Probability that the mean difference has the other sign."),
        **REASON,
    },
    key=(*PANEL, "trainer_a", "trainer_b"),
)
POSTERIOR = Table(
    "posterior",
    "a draw of the Bayesian signed-rank test of a pair with the baseline; 250 per pair",
    {
        **PANEL,
        **PAIR,
        "better": real("Weight of a being better."),
        "equivalent": real("Of both being equivalent."),
        "worse": real("Of a being worse."),
    },
)
FRIEDMAN = Table(
    "friedman",
    "one panel",
    {
        **PANEL,
        "n": integer("Cases, the blocks."),
        "k": integer("Trainers."),
        "chi2": real("Friedman's statistic, corrected for ties."),
        "p_chi2": real("Its p-value."),
        "f": real("Iman and Davenport's statistic."),
        "p_f": real("Its p-value."),
        "critical_difference": real("Nemenyi's critical difference of mean ranks."),
        **REASON,
    },
    key=tuple(PANEL),
)
NEMENYI = Table(
    "nemenyi",
    "a pair of trainers in one panel",
    {
        **PANEL,
        **PAIR,
        "mean_rank_a": real("Mean rank of a over cases."),
        "mean_rank_b": real("Mean rank of b."),
        "p": real("Nemenyi's test."),
        "critical_difference": real("Of mean ranks."),
    },
)
NOISE = Table(
    "noise",
    "a trainer in one panel",
    {
        **PANEL,
        **TRAINER,
        "n_seeds": integer("Seeds that have every case."),
        "mean": real("Mean over cases and seeds."),
        "sd_seed": real("Standard deviation of the mean over seeds."),
        "sd_case": real("Mean standard deviation of a case over seeds."),
    },
)
EFFECT_NOISE = Table(
    "effect_noise",
    "a pair of trainers in one panel",
    {
        **PANEL,
        **PAIR,
        "difference": real("Difference of the means."),
        "noise": real("Its standard deviation from seeds alone."),
        "ratio": real("Size of the difference divided by the noise."),
        **REASON,
    },
)
FOLD_TEST = Table(
    "fold_test",
    "a pair of trainers in one panel",
    {
        **PANEL,
        **PAIR,
        "folds": integer("Folds."),
        "difference": real("Mean of the folds' mean differences."),
        "t": real("Corrected resampled t (Nadeau and Bengio)."),
        "p": real("Its p-value."),
        "low": real("Low end of the 95 % interval."),
        "high": real("High end."),
        **REASON,
    },
)
POWER = Table(
    "power",
    "one panel",
    {
        **PANEL,
        "n": integer("Cases."),
        "k": integer("Trainers."),
        "pairs": integer("Pairs."),
        "smallest_p": real("Smallest p that a two-sided signed-rank test can give."),
        "n_for_holm": integer(
            "Smallest number of cases with which a pair can survive Holm's correction over all pairs."
        ),
        "paired_sd": real("Median SD of the differences from the baseline."),
        "power": real("The power for which `detectable_difference` holds."),
        "detectable_difference": real("True difference that a paired t-test would find with that power."),
        **REASON,
    },
)
MIXED = Table(
    "mixed",
    "a trainer against the baseline on one scale; data set and label are `all` across data sets",
    {
        **PANEL,
        "scope": text("Within one panel, or across data sets", words=("within", "across")),
        "scale": text("Scale of the values", words=("raw", "logit", "rank")),
        **TRAINER,
        "baseline": text("The baseline."),
        "n": integer("Cases."),
        "difference": real("Trainer − baseline."),
        "se": real("Standard error."),
        "df": real("Degrees of freedom."),
        "low": real("Low end of the 95 % interval of this difference."),
        "high": real("High end."),
        "p": real("p-value."),
        "low_simultaneous": real("Low end of the interval that holds for all trainers at once (Dunnett)."),
        "high_simultaneous": real("High end."),
        "p_interaction": real("p-value of the hypothesis that all data sets have the same differences."),
        **REASON,
    },
)
FROC_PAIRWISE = Table(
    "froc_pairwise",
    "a pair of trainers and a measure of detection",
    {
        **LABEL,
        **PAIR,
        "measure": text("The measure, as in `froc`."),
        "n_cases": integer("Cases."),
        "difference": real("Difference of the measures."),
        "low": real("Low end of its 95 % bootstrap interval, paired by case."),
        "high": real("High end."),
        "p": real("Two-sided bootstrap p."),
        **REASON,
    },
)
FAILURES = Table(
    "failures",
    "a trainer: the outcomes of its trainings, and their cost",
    {
        **SET,
        **TRAINER,
        "jobs": integer("Trainings requested."),
        "completed": integer("Of these, completed."),
        "collapsed": integer("Of the completed ones, those that predict background only."),
        "diverged": integer("Stopped by a loss that is not finite."),
        "unfinished": integer("Started, but not finished."),
        "missing": integer("Never started."),
        "learned_then_lost": integer(
            "Trainings of which the moving average of pseudo-Dice ended below half of its best, which was at least 0.1."
        ),
        "failed_runs": text("Fold, seed and fate of those that did not complete or collapsed."),
        "hours": real("Hours of all trainings."),
        "hours_per_run": real("Mean hours of a completed training."),
        "peak_memory_mb": real("Largest peak of memory, in MB."),
    },
    key=(*SET, "trainer"),
)

COSTS = Table(
    "costs",
    "a trainer with a completed training: the cost of one training",
    {
        **SET,
        **TRAINER,
        "runs": integer("Completed trainings."),
        "seconds": real("Mean duration of one."),
        "fastest": real("The shortest."),
        "slowest": real("The longest."),
        "peak_memory_mb": real("Largest peak of memory, in MB."),
        "hardware": text("The names of the processors or GPUs."),
    },
    key=(*SET, "trainer"),
)

_NEGATED = ("mean_difference", "difference", "rank_biserial", "cliffs_delta", "t")
_SWAPPED = (
    ("trainer_a", "trainer_b"), ("low", "high"), ("low_90", "high_90"), ("wins", "losses"), ("p_better", "p_worse"),
    ("better", "worse"), ("mean_rank_a", "mean_rank_b"),
)  # fmt: skip

_TURNED_WORDS = {
    str(one): str(other)
    for pair in ((Word.BETTER, Word.WORSE), (Word.NOT_WORSE, Word.NOT_BETTER))
    for one, other in (pair, pair[::-1])
}


def turned(pairs: pd.DataFrame, which: "pd.Series[bool] | np.ndarray") -> pd.DataFrame:
    """Any table of pairs with the pairs of some rows the other way round: b − a instead of a − b.

    Differences and effect sizes change their sign, the ends of an interval change sign and places, and what counts for
    a and for b changes places. What does not depend on the order (n, p-values, ties, draws, noise, ratio) stays.
    """
    chosen = np.asarray(which, dtype=bool)
    result = pairs.copy()
    for name in _NEGATED:
        if name in pairs:
            result[name] = pairs[name].where(~chosen, -pairs[name])
    for first, second in _SWAPPED:
        if first in pairs and second in pairs:
            sign = -1 if first.startswith("low") else 1
            result[first] = pairs[first].where(~chosen, sign * pairs[second])
            result[second] = pairs[second].where(~chosen, sign * pairs[first])
    if "word" in pairs:
        result["word"] = pairs["word"].where(~chosen, pairs["word"].replace(_TURNED_WORDS))
    return result
