"""Tables of ranks: who ranks where, and how far that can be trusted."""

from nnunet_losses.base.tables.schema import Column, Table, integer, real, text, truth
from nnunet_losses.statistics.tables.identity import PANEL, REASON, SET, TRAINER

METHODS = ("mean", "ranks", "tests")
"""Ranking methods: mean-then-rank, rank-then-mean, test-then-rank."""
CHOICES = (
    "as reported", "aggregation", "cases without lesion", "one side empty", "missing cases", "definition",
    "fold left out", "threshold",
)  # fmt: skip
"""Choices of the analysis that the winner is checked against."""


def _ranks(suffix: str, method: str) -> dict[str, Column]:
    return {
        f"rank{suffix}": real(f"Rank, {method}; equal scores share the better rank."),
        f"rank_low{suffix}": real("Low end of its 95 % bootstrap interval."),
        f"rank_high{suffix}": real("High end."),
        f"p_first{suffix}": real("Share of bootstrap samples in which it ranks first."),
        f"p_top3{suffix}": real("Share in which it is among the first three."),
    }


RANKING = Table(
    "ranking",
    "one trainer in one panel, best first; trainers left out come last, without a rank",
    {
        **PANEL,
        **TRAINER,
        "n_cases": integer("Cases that any trainer has."),
        "n": integer("Cases compared, the same for all."),
        "n_seeds": integer("Seeds."),
        "n_missing": integer("Cases without a row of this trainer."),
        "n_both_empty": integer("Rows with neither reference nor prediction."),
        "n_reference_empty": integer("Rows with a prediction but no reference."),
        "n_prediction_empty": integer("Rows with a reference but no prediction."),
        "n_worst": integer("Undefined values that were counted as the worst or as perfect."),
        **REASON,
        "mean": real("Mean over the cases."),
        "mean_low": real("Low end of its 95 % interval."),
        "mean_high": real("High end."),
        "mean_low_percentile": real("Low end of the percentile bootstrap interval, as a check."),
        "mean_high_percentile": real("High end."),
        "interval": text("How the interval was made (`empirical likelihood`, `t`, `none`).", nullable=True),
        "median": real("Median."),
        "median_low": real("Low end of its order-statistic interval."),
        "median_high": real("High end."),
        "sd": real("Standard deviation over cases."),
        "iqr": real("Interquartile range."),
        "worst5": real("Mean of the worst 5 % of cases, at least one."),
        **_ranks("", "mean-then-rank"),
        **_ranks("_ranks", "rank-then-mean"),
        **_ranks("_tests", "test-then-rank"),
    },
    key=(*PANEL, "trainer"),
)
RANK_FREQUENCIES = Table(
    "rank_frequencies",
    "a rank that a trainer has in bootstrap samples",
    {
        **PANEL,
        "method": text("Ranking method", words=METHODS),
        **TRAINER,
        "rank": real("The rank."),
        "probability": real("Share of samples in which the trainer has it."),
    },
)
KENDALL = Table(
    "kendall",
    "a bootstrap sample; at most 1,000 per method",
    {
        **PANEL,
        "method": text("Ranking method", words=METHODS),
        "tau": real("Kendall's τ_b of its ranking with the ranking of all cases."),
    },
)
RANK_BY_N = Table(
    "rank_by_n",
    "a trainer in subsamples of n cases",
    {
        **PANEL,
        "n": integer("Cases of a subsample."),
        **TRAINER,
        "rank_mean": real("Mean rank."),
        "rank_low": real("2.5 % quantile of the ranks."),
        "rank_high": real("97.5 % quantile."),
    },
)
LEAVE_ONE_FOLD_OUT = Table(
    "leave_one_fold_out",
    "a trainer without the cases of one fold",
    {
        **PANEL,
        "fold": integer("The fold left out."),
        **TRAINER,
        "n": integer("Cases left."),
        "mean": real("Mean over them."),
        "rank": real("Rank by the mean."),
    },
)
SENSITIVITY = Table(
    "sensitivity",
    "the winner under another choice of the analysis",
    {
        **PANEL,
        "choice": text("The choice that was changed", words=CHOICES),
        "variant": text("How it was changed."),
        "n": integer("Cases."),
        "winner": text("First trainer by rank."),
        "winner_mean": real("Its mean."),
        "runner_up": text("Second trainer."),
        "tau": real("Kendall's τ_b with the ranking as reported."),
        "changes": truth("Whether none of the reported winners still wins."),
    },
)
CONSENSUS = Table(
    "consensus",
    "a trainer over all data sets; no row for one data set",
    {
        "configuration": text("nnU-Net's configuration."),
        "metric": text("Name of the metric."),
        **TRAINER,
        "n_datasets": integer("Data sets in which it was ranked."),
        "mean_rank": real("Mean rank over data sets, with equal weights."),
        "rank": real("Rank of the mean rank; NaN unless ranked everywhere."),
        "kemeny": real("Place in Kemeny's consensus; NaN for more than 50 trainers."),
    },
)
CHALLENGE_RANKING = Table(
    "challenge_ranking",
    "a trainer in the ranking of a challenge, best first; no row without all its scores, or if its rule is not known",
    {
        **SET,
        "challenge": text("Name of the preset."),
        **TRAINER,
        "mean_rank": real("Weighted mean of its ranks by the challenge's scores."),
        "rank": real("Place by that mean, ties parted by the challenge's rule; the rest share the better place."),
    },
)
PARETO = Table(
    "pareto",
    "a trainer's means of two metrics over their common cases",
    {
        **{name: column for name, column in PANEL.items() if name != "metric"},
        "metric_x": text("The first metric."),
        "metric_y": text("The second metric."),
        **TRAINER,
        "n": integer("Common cases."),
        "x": real("Mean of the first metric."),
        "x_low": real("Low end of its 95 % interval."),
        "x_high": real("High end."),
        "y": real("Mean of the second metric."),
        "y_low": real("Low end of its 95 % interval."),
        "y_high": real("High end."),
        "var_x": real("Variance of the first mean."),
        "cov_xy": real("Covariance of the means."),
        "var_y": real("Variance of the second mean."),
        "on_front": real("1 if no trainer is better in one metric and at least as good in the other, else 0."),
        "p_front": real("Share of bootstrap samples in which that holds."),
    },
)
