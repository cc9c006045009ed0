"""Statistics: tables in, tables out; no files, no figures.

`compare(cases, baseline=...)` returns the tables below by name; `COLUMNS` lists their columns for programs. The unit of
analysis is the case, pooled out of fold; several seeds of one trainer (`..._seed2`) are averaged per case. "I" stands
for dataset, configuration, label, metric; "D" for dataset, configuration, label. Differences are always
trainer_a − trainer_b in the metric's unit; the baseline is always trainer_b. Wherever a number cannot be had, it is NaN
and `reason` says why; an empty `reason` means that nothing stands against reading the row.

From `cases` alone:
- ranking: I, trainer, n_cases (seen by anyone), n (compared, the same for all), n_seeds, n_missing, n_both_empty,
  n_reference_empty, n_prediction_empty, n_worst (values set to the worst), reason, mean, mean_low, mean_high,
  mean_low_percentile, mean_high_percentile (bootstrap, as a check), interval ("empirical likelihood", "t", "none"),
  median, median_low, median_high, sd, iqr, worst5, rank, rank_low, rank_high, p_first, p_top3 (mean-then-rank), and
  the same five with _ranks (rank-then-mean) and _tests (test-then-rank) as suffix. Best first; trainers left out come
  last with NaN ranks.
- pairwise: I, trainer_a, trainer_b, n, ties, mean_difference, difference (Hodges-Lehmann), low, high, p (Wilcoxon),
  p_holm (all pairs), p_holm_baseline (pairs with the baseline), p_signflip, p_pratt, rank_biserial (> 0: a better),
  cliffs_delta (> 0: a better; unpaired), rope, wins, draws, losses (of a), p_better, p_equivalent, p_worse (Bayesian
  signed-rank), p_false_claim, reason.
- posterior: I, trainer_a, trainer_b, better, equivalent, worse; 250 draws a pair with the baseline (Bayesian
  signed-rank), the three adding up to 1.
- rank_frequencies: I, method ("mean", "ranks", "tests"), trainer, rank, probability.
- kendall: I, method, tau; one row per resample, at most 1,000 a method.
- rank_by_n: I, n, trainer, rank_mean, rank_low, rank_high; subsamples of n cases.
- leave_one_fold_out: I, fold (the one left out), trainer, n, mean, rank.
- friedman: I, n, k, chi2, p_chi2, f, p_f (Iman-Davenport), critical_difference, reason.
- nemenyi: I, trainer_a, trainer_b, mean_rank_a, mean_rank_b, p, critical_difference.
- noise: I, trainer, n_seeds, mean, sd_seed (of the mean), sd_case.
- effect_noise: I, trainer_a, trainer_b, difference (of means), noise (its SD from seeds), ratio, reason.
- fold_test: I, trainer_a, trainer_b, folds, difference, t, p, low, high, reason (Nadeau-Bengio).
- power: I, n, k, pairs, smallest_p, n_for_holm, paired_sd, power, detectable_difference, reason.
- mixed: I (dataset and label "all" across data sets), scope ("within", "across"), scale ("raw", "logit", "rank"),
  trainer, baseline, n, difference (trainer − baseline), se, df, low, high, p, low_simultaneous, high_simultaneous,
  p_interaction, reason.
- pareto: D, metric_x, metric_y, trainer, n, x, x_low, x_high, y, y_low, y_high, var_x, cov_xy, var_y (of the means),
  on_front, p_front.
- consensus: configuration, metric, trainer, n_datasets, mean_rank, rank, kemeny (place in Kemeny's consensus;
  NaN for more than 50 trainers); empty for one data set.
- sensitivity: I, choice ("as reported", "aggregation", "cases without lesion", "one side empty", "missing cases",
  "definition", "fold left out", "threshold"), variant, n, winner, winner_mean, runner_up, tau, changes.

With `lesions`:
- froc: D, trainer, measure ("cpm", "average_recall", "ap", "recall@0.5", "recall@1", "recall@4", "max_recall",
  "false_positives_per_case"), value, low, high, n_cases, n_lesions, reason.
- froc_pairwise: D, trainer_a, trainer_b, measure, n_cases, difference, low, high, p, reason.
- froc_curve: D, trainer, fp_per_case, recall, low, high.
- pr_curve: D, trainer, recall, precision, low, high.
- strata: D, trainer, scheme ("fixed", "quartile"), stratum, low_mm, high_mm, n, hits, n_cases, recall, wilson_low,
  wilson_high, low, high (cluster bootstrap by case), difference, difference_low, difference_high (to the baseline),
  reason.
- lesion_model: D, trainer, n_lesions, n_cases, term ("trainer", "doubling of diameter", "trainer × doubling"),
  odds_ratio, low, high, p, reason: hit ~ trainer · log₂ diameter, against the baseline.
- negatives: D, trainer, n_cases, n_negative, with_false_positives, share_low, share_high, false_positives_per_case.

With `thresholds`:
- thresholds: D, trainer, n, threshold (mean of those chosen), dice_default, dice_default_low, dice_default_high,
  dice_tuned, dice_tuned_low, dice_tuned_high, recall_default, recall_tuned, precision_default, precision_tuned, gain,
  gain_low, gain_high, rank_default, rank_tuned, reason.
- threshold_cases: dataset, configuration, trainer, fold, seed, case, label, default_threshold, threshold, dice_default,
  dice_tuned, recall_default, recall_tuned, precision_default, precision_tuned.

With `jobs`:
- failures: dataset, configuration, trainer, jobs, completed, collapsed, diverged, missing, other, failed_runs, hours,
  hours_per_run, peak_memory_mb.
"""

from nnunet_losses.statistics.compare import compare
from nnunet_losses.statistics.detection.froc import froc_tables
from nnunet_losses.statistics.detection.lesion_model import lesion_model_table
from nnunet_losses.statistics.detection.negatives import negatives_table
from nnunet_losses.statistics.detection.published_froc import published_froc
from nnunet_losses.statistics.detection.strata import strata_table
from nnunet_losses.statistics.detection.thresholds import threshold_tables
from nnunet_losses.statistics.panels.panel import Panel, panels
from nnunet_losses.statistics.panels.policy import Policy
from nnunet_losses.statistics.tables.columns import COLUMNS
from nnunet_losses.statistics.tables.failures import failures_table

__all__ = [
    "COLUMNS",
    "Panel",
    "Policy",
    "compare",
    "failures_table",
    "froc_tables",
    "lesion_model_table",
    "negatives_table",
    "panels",
    "published_froc",
    "strata_table",
    "threshold_tables",
]
