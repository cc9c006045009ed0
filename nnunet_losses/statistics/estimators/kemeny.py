"""Kemeny's consensus: the order that disagrees least with several rankings."""

from itertools import combinations

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

MOST = 50  # candidates; the integer program grows with their cube


def kemeny_ranks(ranks: np.ndarray) -> np.ndarray:
    """Places 1 … k in the consensus of rankings (voters × candidates, 1 is best); NaN for more than 50 candidates.

    Exact: minimises the number of (voter, pair) disagreements, a tie of a voter counting for neither order, as an
    integer program over "i before j" with x_ij + x_jk − x_ik in 0 … 1. Of several best orders, the one closest to the
    mean rank. Source: Kemeny, Mathematics without numbers, Daedalus 1959; Conitzer, Davenport, Kalagnanam, AAAI 2006.
    """
    k = ranks.shape[1]
    if k > MOST:
        return np.full(k, np.nan)
    if k < 3:
        return np.argsort(np.argsort(ranks.mean(axis=0), kind="stable")) + 1.0
    i, j = np.triu_indices(k, 1)
    against = np.sign(ranks[:, i] - ranks[:, j]).sum(axis=0)  # voters for "j before i", less those for "i before j"
    tie_break = ranks.mean(axis=0)[i] - ranks.mean(axis=0)[j] - 1e-6  # equal means too: in the order given
    cost = against + tie_break / (2 * np.abs(tie_break).sum())  # all tie-breaks together weigh half a disagreement
    place = np.zeros((k, k), dtype=int)
    place[i, j] = np.arange(len(i))
    triples = np.array(list(combinations(range(k), 3)))
    columns = np.column_stack([place[triples[:, p], triples[:, q]] for p, q in ((0, 1), (1, 2), (0, 2))])
    rows = np.repeat(np.arange(len(triples)), 3)
    matrix = csr_array((np.tile([1.0, 1.0, -1.0], len(triples)), (rows, columns.ravel())), shape=(len(triples), len(i)))
    found = milp(
        cost, integrality=np.ones(len(i), dtype=int), bounds=Bounds(0, 1), constraints=LinearConstraint(matrix, 0, 1),
        options={"mip_rel_gap": 0.0},
    )  # fmt: skip
    if found.x is None:
        return np.full(k, np.nan)
    before = found.x > 0.5
    behind = np.bincount(j[before], minlength=k) + np.bincount(i[~before], minlength=k)
    return behind + 1.0
