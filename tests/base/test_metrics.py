"""Metrics that settings create."""

import pytest

from nnunet_losses.base.metrics import metric_named


@pytest.mark.parametrize(
    ("name", "long_name", "higher"),
    [
        ("nsd_0.5mm", "NSD at 0.5 mm", True),
        ("nsd_surfel_3mm", "NSD (surfels) at 3 mm", True),
        ("f0.5", "F0.5 score", True),
        ("lesion_precision_tiny", "Lesion precision, tiny", True),
        ("lesion_f1_iou0.25", "Lesion F1 (IoU > 0.25)", True),
        ("lesion_pq_iou0", "Panoptic quality (IoU > 0)", True),
        ("brats2023_met_hd95", "HD95 (BraTS 2023 MET)", False),
        ("image_diagonal", "Image diagonal", False),
    ],
)
def test_names_that_settings_create_are_described_too(name, long_name, higher):
    metric = metric_named(name)
    assert (metric.name, metric.long_name, metric.higher_is_better) == (name, long_name, higher)


def test_an_unknown_name_is_a_key_error():
    with pytest.raises(KeyError):
        metric_named("accuracy")
