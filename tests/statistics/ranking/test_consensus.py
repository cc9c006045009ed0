"""One ranking over data sets: mean ranks and Kemeny's order."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnunet_losses.statistics.estimators.kemeny import MOST, kemeny_ranks
from nnunet_losses.statistics.ranking.consensus import consensus_table

voters = st.integers(1, 5).flatmap(
    lambda n: st.lists(st.lists(st.integers(1, 5), min_size=5, max_size=5), min_size=n, max_size=n).map(np.array)
)


def disagreements(order: np.ndarray, ranks: np.ndarray) -> float:
    i, j = np.triu_indices(len(order), 1)
    given_order, found = np.sign(ranks[:, i] - ranks[:, j]), np.sign(order[i] - order[j])
    return float((given_order * found == -1).sum())


@given(voters)
def test_no_order_disagrees_less_than_kemenys(ranks: np.ndarray) -> None:
    found = kemeny_ranks(ranks)
    assert sorted(found) == [1, 2, 3, 4, 5]
    least = min(disagreements(np.array(order), ranks) for order in permutations(range(1, 6)))
    assert disagreements(found, ranks) == least


def test_a_cycle_of_majorities_is_resolved_and_the_mean_rank_breaks_ties() -> None:
    # 1 before 2, 2 before 3, 3 before 1 by two votes to one each: three orders disagree equally little.
    assert kemeny_ranks(np.array([[1, 2, 3], [3, 1, 2], [2, 3, 1]])).tolist() == [1, 2, 3]


def test_a_majority_outweighs_one_extreme_vote() -> None:
    ranks = np.array([[1, 2, 3, 4], [1, 2, 3, 4], [4, 1, 2, 3]])  # mean ranks 2, 1.67, 2.67, 3.67
    assert kemeny_ranks(ranks).tolist() == [1, 2, 3, 4]


def test_twenty_trainers_that_agree_and_too_many() -> None:
    assert kemeny_ranks(np.tile(np.arange(20, 0, -1), (3, 1))).tolist() == list(range(20, 0, -1))
    assert np.isnan(kemeny_ranks(np.tile(np.arange(MOST + 1), (2, 1)))).all()


def test_data_sets_weigh_the_same_and_the_incomplete_are_not_ranked() -> None:
    rows = [("X", "A", 1), ("X", "B", 2), ("X", "C", 3), ("Y", "A", 1), ("Y", "B", 2), ("Z", "A", 2), ("Z", "B", 1)]
    ranking = pd.DataFrame(rows, columns=["dataset", "trainer", "rank"]).assign(configuration="c", metric="dice")
    table = consensus_table(ranking).set_index("trainer")
    assert table.loc["A", ["mean_rank", "rank", "kemeny"]].tolist() == pytest.approx([4 / 3, 1, 1])
    assert table["n_datasets"].to_dict() == {"A": 3, "B": 3, "C": 1}
    assert table.loc["C", ["rank", "kemeny"]].isna().all()
