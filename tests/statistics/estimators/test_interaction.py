"""The test that paired differences do not depend on a group."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from nnunet_losses.statistics.estimators.interaction import interaction_p


def welch_of_ranks(values: np.ndarray, groups: np.ndarray) -> float:
    """As a textbook writes it, for one column without ties."""
    ranks = stats.rankdata(values)
    parts = [ranks[groups == g] for g in np.unique(groups)]
    weights = np.array([len(part) / part.var(ddof=1) for part in parts])
    means = np.array([part.mean() for part in parts])
    centre = (weights * means).sum() / weights.sum()
    return float((weights * (means - centre) ** 2).sum())


def test_p_is_the_share_of_all_permutations() -> None:
    values, groups = np.array([0.3, -0.1, 0.5, 0.9, 0.2, 0.7, 0.05]), np.array([0, 0, 0, 1, 1, 1, 1])
    observed = welch_of_ranks(values, groups)
    every = [welch_of_ranks(values, np.array(p)) for p in set(permutations(groups))]
    exact = np.mean(np.array(every) >= observed - 1e-9)
    assert interaction_p(values[:, None], groups, resamples=20_000)[0] == pytest.approx(exact, abs=0.012)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "spread"), [((15, 15), (1, 1)), ((25, 8), (1, 1)), ((25, 10), (1, 3)), ((12,) * 3, (1, 1, 2))]
)
def test_the_level_holds_for_skewed_differences_and_unequal_spread(
    sizes: tuple[int, ...], spread: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    # One simulated study a column, with common permutations. A case that one loss misses is an outlier.
    noise = rng.normal(size=(len(groups), 4_000)) * np.array(spread)[groups][:, None]
    misses = rng.choice([0.0, -20, 20], p=[0.92, 0.04, 0.04], size=noise.shape)
    p = interaction_p(noise + misses, groups, resamples=399)
    assert (p <= 0.05).mean() < 0.05 + 3 * np.sqrt(0.05 * 0.95 / noise.shape[1]) + (0.01 if len(set(spread)) > 1 else 0)


def test_a_difference_in_one_group_is_found() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat([0, 1], 20)
    d = rng.normal(0, 0.02, (40, 2))
    d[20:, 0] += 0.05
    p = interaction_p(d, groups)
    assert p[0] < 0.001 and p[1] > 0.05


def test_ties_everywhere_are_no_difference() -> None:
    assert interaction_p(np.zeros((10, 1)), np.repeat([0, 1], 5), resamples=99)[0] == 1


def test_a_group_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="two units each"):
        interaction_p(np.zeros((4, 1)), np.array([0, 0, 0, 1]))
