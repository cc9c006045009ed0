"""The Bayesian signed-rank test with a region of practical equivalence."""

from collections.abc import Iterator

import numpy as np

from nnunet_losses.statistics.estimators.bootstrap import running_totals

KEPT_DRAWS = 250  # enough for a cloud of dots in a triangle, small enough for a report


def bayesian_signed_rank(
    differences: np.ndarray, *, rope: float = 0.0, draws: int = 4_000, seed: int = 0
) -> np.ndarray:
    """Posterior (P(better), P(equivalent), P(worse)) of each column of `differences` (cases × pairs, higher better).

    θ_better = Σᵢⱼ wᵢwⱼ·[zᵢ + zⱼ > 2·rope], θ_worse likewise below −2·rope, θ_equivalent the rest, with weights
    w ~ Dirichlet(1, …, 1) over the cases and one pseudo-case z₀ = 0; each probability is the share of draws in
    which that θ is the largest. Returns (pairs, 3); NaN without cases.
    Source: Benavoli, Corani, Demšar, Zaffalon, Time for a change, JMLR 2017, section 4.2.
    """
    n, pairs = differences.shape
    if n == 0:
        return np.full((pairs, 3), np.nan)
    largest = np.zeros((pairs, 3))
    for k, better, equivalent, worse in _blocks(differences, rope=rope, draws=draws, seed=seed):
        winner = np.argmax(np.stack([equivalent, better, worse]), axis=0)
        largest[k] += np.bincount(winner, minlength=3)[[1, 0, 2]]
    return largest / draws


def posterior_draws(
    differences: np.ndarray, *, rope: float = 0.0, draws: int = KEPT_DRAWS, seed: int = 0
) -> np.ndarray:
    """Draws of (θ_better, θ_equivalent, θ_worse) of each column, (pairs, draws, 3); none without cases."""
    n, pairs = differences.shape
    if n == 0:
        return np.empty((pairs, 0, 3))
    parts: list[list[np.ndarray]] = [[] for _ in range(pairs)]
    for k, *shares in _blocks(differences, rope=rope, draws=draws, seed=seed):
        parts[k].append(np.clip(np.stack(shares, axis=1), 0, 1))  # single precision leaves a little beyond
    return np.stack([np.concatenate(part) for part in parts]) if pairs else np.empty((0, draws, 3))


def _blocks(
    differences: np.ndarray, *, rope: float, draws: int, seed: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """(column, θ_better, θ_equivalent, θ_worse) of a block of draws, column after column, block after block."""
    n, pairs = differences.shape
    # Cumulative weights along the sorted z turn the double sum into a single one: O(n) a draw instead of O(n²).
    rng = np.random.default_rng([seed, n, 2])
    z = np.vstack([np.zeros((1, pairs)), differences])
    order = np.argsort(z, axis=0, kind="stable")
    z = np.take_along_axis(z, order, axis=0)
    step = min(draws, max(500, 500_000 // (n + 1)))  # a block stays in the cache
    for start in range(0, draws, step):
        size = min(step, draws - start)
        weights = rng.standard_exponential((n + 1, size), dtype=np.float32)
        weights /= weights.sum(axis=0)
        # Buffers kept over the pairs: fresh memory for each would cost more than the sums.
        w, picked = np.empty_like(weights), np.empty_like(weights)
        cumulative = np.zeros((n + 2, size), dtype=np.float32)
        for k in range(pairs):
            np.take(weights, order[:, k], axis=0, out=w, mode="clip")
            running_totals(w, out=cumulative[1:])
            up_to = np.searchsorted(z[:, k], 2 * rope - z[:, k], side="right")
            below = np.searchsorted(z[:, k], -2 * rope - z[:, k], side="left")
            np.take(cumulative, up_to, axis=0, out=picked, mode="clip")
            better = 1.0 - np.einsum("ij,ij->j", w, picked)
            np.take(cumulative, below, axis=0, out=picked, mode="clip")
            worse = np.einsum("ij,ij->j", w, picked)
            yield k, better, 1.0 - better - worse, worse
