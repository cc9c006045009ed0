"""Models with a random effect of the case."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.statistics import Results
from nnunet_losses.statistics.ranking.mixed import mixed_table


@pytest.mark.parametrize(
    ("metric", "unit", "scales"), [("dice", "1", {"raw", "logit", "rank"}), ("hd95", "mm", {"raw", "rank"})]
)
def test_a_share_has_a_logit_model_and_a_distance_has_none(
    make_cases: Callable[..., pd.DataFrame], metric: str, unit: str, scales: set[str]
) -> None:
    rng = np.random.default_rng(0)
    cases = make_cases({name: rng.uniform(0.2, 0.9, 12) for name in "AB"}, metric=metric, unit=unit)
    assert set(mixed_table(Results.of(cases, baseline="A").panels())["scale"]) == scales
