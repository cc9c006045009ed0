import numpy as np
import pytest

from nnunet_losses.base.metrics import METRICS, metric_named
from nnunet_losses.evaluation import EvaluationSettings, Reference, evaluate_case


def test_every_metric_that_is_written_by_default_is_described_and_the_reverse():
    labels = {"background": 0, "lesion": 1}
    ours, theirs = np.zeros((2, 6, 6, 6), np.uint8)
    theirs[2, 2, 2] = 1
    probabilities = np.stack([1 - theirs, theirs]).astype(np.float32)
    settings = EvaluationSettings(tolerances_mm=(1,))
    cases = evaluate_case(Reference(ours, (1, 1, 1), labels, settings), theirs, probabilities)["cases"]
    assert set(cases.metric) - {"image_diagonal"} == set(METRICS)
    for row in cases.itertuples():
        assert row.unit == metric_named(row.metric).unit
        assert row.unit in ("1", "mm", "ml", "count")


@pytest.mark.parametrize(
    ("name", "long_name", "higher"),
    [
        ("nsd_0.5mm", "NSD at 0.5 mm", True),
        ("nsd_surfel_3mm", "NSD (surfels) at 3 mm", True),
        ("f0.5", "F0.5 score", True),
        ("lesion_precision_tiny", "Lesion precision, tiny", True),
        ("image_diagonal", "Image diagonal", False),
    ],
)
def test_names_that_settings_create_are_described_too(name, long_name, higher):
    metric = metric_named(name)
    assert (metric.name, metric.long_name, metric.higher_is_better) == (name, long_name, higher)


def test_an_unknown_name_is_a_key_error():
    with pytest.raises(KeyError):
        metric_named("accuracy")
