"""Cases of which only the voxel counts are known."""

import math

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.metrics.voxel import Counts
from nnunet_losses.evaluation import EvaluationSettings, Reference, counted_case, evaluate_case


@pytest.mark.parametrize("empty", ["neither", "reference", "prediction", "both"])
def test_the_voxel_metrics_are_those_of_the_images(empty: str) -> None:
    rng = np.random.default_rng(0)
    reference, prediction = (rng.random((2, 6, 7, 8)) < 0.3).astype(np.uint8)
    if empty in ("reference", "both"):
        reference[:] = 0
    if empty in ("prediction", "both"):
        prediction[:] = 0
    labels = {"background": 0, "lesion": 1}
    settings = EvaluationSettings(beta=3)
    expected = evaluate_case(Reference(reference, (1, 1, 1), labels, settings), prediction)["cases"]
    counts = Counts(
        int((reference & prediction).sum()),
        int((prediction & ~reference & 1).sum()),
        int((reference & ~prediction & 1).sum()),
        int((1 - (reference | prediction)).sum()),
        math.nan,
    )
    found = counted_case({"lesion": counts}, settings)
    assert found["metric"].tolist() == ["dice", "iou", "precision", "recall", "specificity", "f3"]
    pd.testing.assert_frame_equal(found, expected[expected["metric"].isin(found["metric"])].reset_index(drop=True))
