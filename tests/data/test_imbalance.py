from pathlib import Path

import numpy as np
import pytest

from nnunet_losses.data.imbalance import GridCase, gini, imbalance, sentences, vanishing
from nnunet_losses.data.inspection import inspect_dataset


def test_a_row_holds_the_facts_of_a_label(raw_dataset: Path) -> None:
    lesion, other = imbalance(inspect_dataset(raw_dataset)).to_dict("records")
    assert lesion["lesions"] == 6
    assert lesion["lesions_median"] == 2
    assert (lesion["size_min"], lesion["size_median"], lesion["size_max"], lesion["unit"]) == (1, 2.5, 4, "mm³")
    assert lesion["foreground_median"] == pytest.approx(5 / 960)
    assert (lesion["empty_cases"], other["empty_cases"]) == (0, 1)
    assert lesion["few_voxels"] == 1
    assert "vanished" not in lesion


def test_the_grid_adds_what_is_left(raw_dataset: Path) -> None:
    grid = [GridCase("a", "lesion", 2, (3,), (1,), 0.25), GridCase("b", "lesion", 2, (5, 2), (), 0.75)]
    facts = imbalance(inspect_dataset(raw_dataset), grid)
    row = facts.to_dict("records")[0]
    assert (row["vanished"], row["grid_size_median"], row["patches_without"]) == (1, 3, 0.5)
    assert "in the network's grid (2 cases) 3 voxels" in next(sentences(facts))
    assert "1 vanish, 50% of the patches have no foreground" in next(sentences(facts))
    (warning,) = vanishing(grid, "3d_fullres", (3, 3, 3))
    assert "1 of 4 lesions 'lesion' vanish (25.0%; the largest has 1 voxels" in warning
    assert not vanishing(grid[1:], "3d_fullres", (3, 3, 3))


def test_gini_agrees_with_its_definition_by_mean_differences() -> None:
    x = np.random.default_rng(0).exponential(size=50)
    assert gini(x) == pytest.approx(np.abs(x[:, None] - x).mean() / (2 * x.mean()))
    assert np.isnan(gini([]))
