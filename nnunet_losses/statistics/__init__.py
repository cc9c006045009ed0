"""Statistics: tables in, tables out; no files, no figures.

`compare(cases, baseline=...)` returns every table below by name. The unit of analysis is the case, pooled out of
fold; several seeds of one trainer are averaged per case. Each table begins with dataset, configuration, label, metric
("I" below) unless it says otherwise. Differences are always trainer_a − trainer_b in the metric's unit; the baseline
is always trainer_b. An empty `reason` means that nothing stands against reading the row.

From `cases` alone:
- ranking: I, trainer, n_cases, n, n_seeds, n_missing, n_both_empty, n_reference_empty, n_prediction_empty, n_worst,
  reason, mean, mean_low, mean_high, mean_low_bca, mean_high_bca, interval ("percentile", "t", "none"), median,
  median_low, median_high, sd, iqr, worst5, rank, rank_low, rank_high, p_first, p_top3 (mean-then-rank), and the same
  five with suffix _ranks (rank-then-mean) and _tests (test-then-rank). Best first; those left out last, rank NaN.
- pairwise: I, trainer_a, trainer_b, n, ties, mean_difference, difference (Hodges-Lehmann), low, high, p (Wilcoxon),
  p_holm (all pairs), p_holm_baseline (pairs with the baseline), p_signflip, p_pratt, rank_biserial (> 0: a better),
  rope, wins, draws, losses (of a), p_better, p_equivalent, p_worse (Bayesian signed-rank), p_false_claim, reason.
- rank_frequencies: I, method ("mean", "ranks", "tests"), trainer, rank, probability.
- kendall: I, method, tau (one row per resample, at most 1,000): ranking of a resample against the full one.
- rank_by_n: I, n, trainer, rank_mean, rank_low, rank_high: subsamples of n cases.
- leave_one_fold_out: I, fold, trainer, n, mean, rank: without that fold.
- friedman: I, n, k, chi2, p_chi2, f, p_f (Iman-Davenport), critical_difference, reason.
- nemenyi: I, trainer_a, trainer_b, mean_rank_a, mean_rank_b, p, critical_difference.
- mixed: I (dataset "all" across data sets), scope ("within", "across"), scale ("raw", "logit", "rank"), trainer,
  baseline, n, difference, se, df, low, high, p, low_simultaneous, high_simultaneous, p_interaction, reason.
- noise: I, trainer, n_seeds, mean, sd_seed, sd_case.
- effect_noise: I, trainer_a, trainer_b, difference (of means), noise (its SD from seeds), ratio, reason.
- fold_test: I, trainer_a, trainer_b, folds, difference, t, p, low, high, reason (Nadeau-Bengio).
- power: I, n, k, pairs, smallest_p, n_for_holm, paired_sd, detectable_difference, reason.
- pareto: dataset, configuration, label, metric_x, metric_y, trainer, n, x, y, x_low, x_high, y_low, y_high, var_x,
  cov_xy, var_y (of the means), on_front, p_front.
- sensitivity: I, choice, variant, n, winner, winner_mean, runner_up, tau, changes.
- consensus: configuration, label, metric, trainer, n_datasets, mean_rank, rank.

With `lesions`, `thresholds`, `jobs`:
- froc: dataset, configuration, label, trainer, measure ("cpm", "average_recall", "ap", "recall@1", ...), value, low,
  high, n_cases, n_lesions, reason. froc_pairwise: trainer_a, trainer_b, measure, difference, low, high, p.
- froc_curve: dataset, configuration, label, trainer, fp_per_case, recall, low, high. pr_curve: recall, precision, ...
- strata: dataset, configuration, label, trainer, scheme ("fixed", "quartile"), stratum, low_mm, high_mm, n, hits,
  recall, wilson_low, wilson_high, low, high (cluster bootstrap by case), reason.
- lesion_model: dataset, configuration, label, trainer, n_lesions, n_cases, term ("trainer", "doubling of diameter",
  "trainer × doubling"), odds_ratio, low, high, p, reason: hit ~ trainer · log2 diameter, against the baseline.
- negatives: dataset, configuration, label, trainer, n_cases, n_negative, with_false_positives,
  share_low, share_high, false_positives_per_case.
- thresholds: dataset, configuration, label, trainer, n, threshold, dice_default, dice_tuned (means with _low, _high),
  gain, rank_default, rank_tuned, recall_default, recall_tuned, precision_default, precision_tuned, reason.
- threshold_cases: dataset, configuration, label, trainer, fold, seed, case, threshold, dice_default, dice_tuned.
- failures: dataset, configuration, trainer, jobs, completed, collapsed, diverged, missing, failed_runs, hours,
  peak_memory_mb.
"""

from nnunet_losses.statistics.compare import compare
from nnunet_losses.statistics.panel import Panel, Policy, panels

__all__ = ["Panel", "Policy", "compare", "panels"]
