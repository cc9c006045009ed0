"""The published figures of the inverse-weighting paper, from its own records."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.statistics.detection.as_published import published_froc


@pytest.mark.slow
def test_every_published_number_of_lits_is_reproduced_to_four_decimals(
    shared_data: Path, lits_lesions: Callable[[str], pd.DataFrame]
) -> None:
    expected = pd.read_csv(shared_data / "froc_records" / "lits_expected.csv").rename(columns={"loss": "trainer"})
    losses = list(dict.fromkeys(expected["trainer"]))
    ours = published_froc(pd.concat([lits_lesions(loss) for loss in losses]), small_below_mm=12)
    merged = expected.merge(ours, on=["trainer", "size"], suffixes=("", "_ours"), validate="one_to_one")
    assert len(merged) == len(expected) == 30
    for column in expected.columns[2:]:
        difference = (merged[column] - merged[f"{column}_ours"]).abs()
        assert (difference <= 0.5001e-4).all(), f"{column}: {difference.max()}"


def test_by_hand() -> None:
    # Two images: one lesion found at 3, one missed; false positives at 2 and 5.
    lesions = pd.DataFrame(
        {
            "trainer": "A",
            "case": ["a", "b", "a", "a", "b"],
            "side": ["reference", "reference", "prediction", "prediction", "prediction"],
            "component": [1, 1, 1, 2, 1],
            "diameter_mm": 20.0,
            "matched": [True, False, True, False, False],
            "dice": [0.8, 0.0, 0.8, 0.0, 0.0],
            "score_max": [3.0, -np.inf, 3.0, 2.0, 5.0],
        }
    )
    total = published_froc(lesions, small_below_mm=12).set_index("size").loc["total"]
    assert total[["n_images", "n_lesions", "object_dice", "max_recall", "fp_per_image_at_max"]].tolist() == [
        2, 2, 0.8, 0.5, 1.0,
    ]  # fmt: skip
    assert total["recall@0.5FP"] == 0.5
