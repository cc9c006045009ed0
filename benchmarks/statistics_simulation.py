"""Are the intervals honest? Coverage of 95 % intervals and family-wise error of Holm, on data like Dice and F1.

    python benchmarks/statistics_simulation.py [--studies 2000]

Writes benchmarks/results/statistics_simulation.json. Three groups are no pass
criteria but limits to know: fewer than ten cases; "interval methods"
compares those that could have been chosen, also on scores near their bound and on distances with rare worst values;
with "shared models", all cases of a fold share a lucky or unlucky training, which no test on cases can know, and
repeated seeds and the fold test are there to tell.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import stats

from nnunet_losses.statistics.estimators.bootstrap import (
    bootstrap_means,
    expanded_level,
    percentile_interval,
    resample_counts,
)
from nnunet_losses.statistics.estimators.corrected_t import corrected_t
from nnunet_losses.statistics.estimators.hodges_lehmann import hodges_lehmann
from nnunet_losses.statistics.estimators.means import mean_interval
from nnunet_losses.statistics.estimators.multiplicity import holm
from nnunet_losses.statistics.estimators.signed_rank import signed_rank

RESULTS = Path(__file__).parent / "results" / "statistics_simulation.json"
RESAMPLES = 2_000
Population = Callable[[np.random.Generator, int], np.ndarray]


def dice_like(rng: np.random.Generator, n: int) -> np.ndarray:
    """Skewed to the left, with some missed cases at exactly zero."""
    return np.where(rng.random(n) < 0.04, 0.0, rng.beta(6, 2, n))


def f1_like(rng: np.random.Generator, n: int) -> np.ndarray:
    """Few lesions a case: many ties, some zeros and ones."""
    lesions = 1 + rng.poisson(3, n)
    found = rng.binomial(lesions, rng.beta(4, 2, n))
    invented = rng.poisson(1, n)
    return np.round(2 * found / (found + lesions + invented), 12)


def lesion_recall_like(rng: np.random.Generator, n: int) -> np.ndarray:
    """One to four lesions a case, most of them found: most values are at the bound."""
    lesions = 1 + rng.poisson(1.5, n)
    return np.round(rng.binomial(lesions, rng.beta(9, 1, n)) / lesions, 12)


def distance_like(rng: np.random.Generator, n: int) -> np.ndarray:
    """Skewed to the right, with some missed cases at the worst value."""
    return np.where(rng.random(n) < 0.04, 120.0, rng.lognormal(1.5, 0.9, n))


POPULATIONS: dict[str, Population] = {"dice": dice_like, "f1": f1_like}


def coverage_of_means(population: Population, n: int, studies: int, rng: np.random.Generator) -> float:
    """Share of studies of n cases whose interval holds the mean of the population.

    Forty times as many studies as asked for ten cases, ten times for more: they are cheap, and with ten cases the
    coverage of f1 is 0.968, so close to 0.97 that the Monte-Carlo error of fewer (0.002 for 10,000) would decide.
    """
    truth = population(np.random.default_rng(99), 4_000_000).mean()
    covered = []
    for _ in range(40 if n <= 10 else 10):
        values = np.column_stack([population(rng, n) for _ in range(studies)])
        low, high, *_ = mean_interval(values, confidence=0.95)
        covered.append(((low <= truth) & (truth <= high)).mean())
    return float(np.mean(covered))


def student(values: np.ndarray, _means: np.ndarray, _seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Student's t interval."""
    n = len(values)
    half = stats.t.isf(0.025, n - 1) * values.std(axis=0, ddof=1) / np.sqrt(n)
    return values.mean(axis=0) - half, values.mean(axis=0) + half


def bca(values: np.ndarray, means: np.ndarray, _seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Bias-corrected and accelerated bootstrap (Efron 1987), expanded for small n (Hesterberg 2015)."""
    deviation = values - values.mean(axis=0)
    spread = np.square(deviation).sum(axis=0)
    acceleration = (deviation**3).sum(axis=0) / (6 * np.where(spread > 0, spread, 1) ** 1.5)
    below = (means < values.mean(axis=0)).mean(axis=0) + (means == values.mean(axis=0)).mean(axis=0) / 2
    bias = stats.norm.ppf(np.clip(below, 0.5 / len(means), 1 - 0.5 / len(means)))
    z = stats.norm.ppf(expanded_level(len(values), 0.95))
    levels = [stats.norm.cdf(bias + (bias + q) / (1 - acceleration * (bias + q))) for q in (z, -z)]
    low, high = (np.array([np.quantile(m, q) for m, q in zip(means.T, level, strict=True)]) for level in levels)
    return low, high


def bootstrap_t(values: np.ndarray, means: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Studentised bootstrap: quantiles of (mean* − mean)/se*; an end may be infinite where se* is often 0."""
    n, mean, se = len(values), values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
    squares = resample_counts(n, RESAMPLES, seed) @ (values - mean) ** 2 / n
    spread = np.sqrt(np.maximum(squares - (means - mean) ** 2, 0) / (n - 1))
    gap = np.where(np.abs(means - mean) < 1e-12, 0, means - mean)
    t = np.divide(gap, spread, out=np.copysign(np.where(gap == 0, 0, np.inf), gap), where=spread > 1e-9)
    low, high = np.quantile(t, [0.025, 0.975], axis=0, method="inverted_cdf")
    with np.errstate(invalid="ignore"):  # ∞ times a spread of 0: all values are equal
        ends = mean - high * se, mean - low * se
    return np.where(np.isnan(ends[0]), mean, ends[0]), np.where(np.isnan(ends[1]), mean, ends[1])


INTERVALS: dict[str, Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]] = {
    "Student's t": student,
    "percentile, expanded": lambda values, means, _: percentile_interval(means, len(values), 0.95),
    "BCa, expanded": bca,
    "bootstrap-t": bootstrap_t,
    "adjusted empirical likelihood (used)": lambda values, _means, _: mean_interval(values, confidence=0.95)[:2],
}


def interval_methods(
    population: Population, n: int, studies: int, rng: np.random.Generator, *, largest: float
) -> dict[str, list[float]]:
    """[coverage, median width] of each method on the same studies; ends beyond 0 … `largest` are cut there."""
    truth = population(np.random.default_rng(99), 4_000_000).mean()
    values = np.column_stack([population(rng, n) for _ in range(studies)])
    seed = int(rng.integers(2**31))
    means = bootstrap_means(values, resamples=RESAMPLES, seed=seed)
    result = {}
    for name, method in INTERVALS.items():
        low, high = (np.clip(end, 0, largest) for end in method(values, means, seed))
        covered = (low <= truth + 1e-12) & (truth <= high + 1e-12)
        result[name] = [round(float(covered.mean()), 4), round(float(np.median(high - low)), 4)]
    return result


def coverage_of_differences(population: Population, n: int, studies: int, rng: np.random.Generator) -> float:
    """Share of studies whose Hodges-Lehmann interval holds 0 when two trainers differ by noise alone.

    Four times as many studies as asked, as 0.96 is not far from 0.97.
    """
    covered, studies = 0, 4 * studies
    for _ in range(studies):
        d = np.round(population(rng, n) - population(rng, n), 12)
        _, low, high = hodges_lehmann(d)
        covered += low <= 0 <= high
    return float(covered / studies)


def coverage_of_clustered_recall(n: int, studies: int, rng: np.random.Generator) -> float:
    """Lesions of one case share its luck: coverage of the cluster bootstrap of the pooled recall."""

    def study(generator: np.random.Generator, cases: int) -> tuple[np.ndarray, np.ndarray]:
        lesions = 1 + generator.geometric(0.2, cases)
        return generator.binomial(lesions, generator.beta(1.5, 1.0, cases)), lesions

    found, lesions = study(np.random.default_rng(99), 4_000_000)
    truth, covered = found.sum() / lesions.sum(), 0
    for _ in range(studies):
        pair = np.column_stack(study(rng, n)).astype(float)
        totals = bootstrap_means(pair, resamples=RESAMPLES, seed=0)
        low, high = percentile_interval(totals[:, :1] / totals[:, 1:], n, 0.95)
        covered += low[0] <= truth <= high[0]
    return float(covered / studies)


def family_wise_error(
    population: Population, n: int, trainers: int, studies: int, rng: np.random.Generator, fold_noise: float = 0.0
) -> tuple[float, float]:
    """Share of studies of equal trainers in which Holm finds a difference: (Wilcoxon on cases, corrected t on folds).

    fold_noise: SD of what a trainer gains or loses by chance in all cases of a fold.
    """
    a, b = np.triu_indices(trainers, 1)
    fold = np.arange(n) % 5
    false = np.zeros(2)
    for _ in range(studies):
        values = np.column_stack([population(rng, n) for _ in range(trainers)])
        shared = 0.5 * values + 0.5 * values.mean(axis=1, keepdims=True)  # hard cases are hard for all
        shared = np.round(shared + fold_noise * rng.normal(size=(5, trainers))[fold], 2)
        d = np.round(shared[:, a] - shared[:, b], 12)
        false[0] += holm(signed_rank(d).p).min() < 0.05
        by_fold = np.array([d[fold == f].mean(axis=0) for f in range(5)])
        false[1] += holm(corrected_t(by_fold)[1]).min() < 0.05
    return float(false[0] / studies), float(false[1] / studies)


def simulate(studies: int, seed: int = 0) -> dict[str, dict[str, float]]:
    """All scenarios by group: coverage, coverage of few cases, family-wise error, shared models."""
    rng = np.random.default_rng(seed)
    coverage, small, error, shared = {}, {}, {}, {}
    for name, population in POPULATIONS.items():
        for n in (5, 8):
            small[f"mean of {name}, {n} cases"] = coverage_of_means(population, n, studies, rng)
        for n in (10, 20, 30, 60, 200):
            coverage[f"mean of {name}, {n} cases"] = coverage_of_means(population, n, studies, rng)
        for n in (10, 20, 30, 100):
            coverage[f"difference of {name}, {n} cases"] = coverage_of_differences(population, n, studies, rng)
        for n in (12, 60):
            error[f"{name}, 6 trainers, {n} cases"] = family_wise_error(population, n, 6, studies, rng)[0]
        on_cases, on_folds = family_wise_error(population, 60, 6, studies, rng, fold_noise=0.03)
        shared[f"{name}, Wilcoxon on cases"], shared[f"{name}, corrected t on folds"] = on_cases, on_folds
    for n in (10, 20, 30, 100):
        coverage[f"recall of clustered lesions, {n} cases"] = coverage_of_clustered_recall(n, studies, rng)
    return {"coverage": coverage, "coverage, few cases": small, "family-wise error": error, "shared models": shared}


def compare_methods(studies: int, seed: int = 0) -> dict[str, dict[str, list[float]]]:
    """Coverage and width of every method by population and number of cases."""
    rng = np.random.default_rng([seed, 1])
    scores = {**POPULATIONS, "lesion recall": lesion_recall_like}
    found = {f"{name}, {n} cases": interval_methods(population, n, studies, rng, largest=1.0)
             for name, population in scores.items() for n in (10, 15, 20, 30, 60)}  # fmt: skip
    return found | {
        f"distance, {n} cases": interval_methods(distance_like, n, studies, rng, largest=np.inf)
        for n in (10, 15, 20, 30, 60)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=2_000)
    options = parser.parse_args()
    result = {
        "studies": options.studies, **simulate(options.studies), "interval methods": compare_methods(options.studies)
    }  # fmt: skip
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    print(RESULTS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
