import math

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.evaluation import EvaluationSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"tolerances_mm": ()},
        {"tolerances_mm": (0,)},
        {"tolerances_mm": (1, 1)},
        {"strata_mm": (("a", 5), ("b", 4), ("c", math.inf))},
        {"strata_mm": (("a", 5), ("b", 10))},
        {"strata_mm": (("a", 5), ("a", math.inf))},
        {"strata_mm": (("iou", math.inf),)},
        {"strata_mm": ()},
        {"connectivity": 8},
        {"beta": 0},
        {"iou_threshold": -0.1},
        {"overlap_fraction": 0},
        {"margin_mm": -1},
        {"calibration_bins": 0},
        {"threshold_logit_step": 0},
        {"threshold_logit_max": 20},
    ],
)
def test_impossible_settings_are_refused_by_name(wrong):
    with pytest.raises(UserError, match="threshold_logit" if "threshold_logit" in str(wrong) else next(iter(wrong))):
        EvaluationSettings(**wrong)


def test_strata_may_be_a_mapping_and_settings_can_be_compared():
    made = EvaluationSettings(strata_mm={"small": 3, "large": math.inf}, tolerances_mm=[2, 1])
    assert made == EvaluationSettings(strata_mm=(("small", 3.0), ("large", math.inf)), tolerances_mm=(2.0, 1.0))
    assert hash(made) is not None


def test_the_first_tolerance_keeps_the_plain_name():
    assert EvaluationSettings(tolerances_mm=(2, 0.5)).nsd_names("nsd") == {"nsd": 2.0, "nsd_0.5mm": 0.5}
