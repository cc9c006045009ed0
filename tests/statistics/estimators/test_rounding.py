"""What is rounding noise depends on the size of the values."""

import numpy as np
import pytest

from nnunet_losses.statistics.estimators.rounding import without_rounding_noise


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e7])
def test_twelve_digits_of_the_largest_value_are_kept_whatever_its_size(size: float) -> None:
    scale = size * np.array([0.1, -0.9])
    values = size * np.array([0.3 - 0.2, 0.2 - 0.1, 0.1 + 1e-11])
    first, second, third = without_rounding_noise(values, scale)
    assert first == second < third


def test_zeros_and_nothing_have_no_noise() -> None:
    assert without_rounding_noise(np.zeros(2), np.zeros(2)).tolist() == [0, 0]
    assert len(without_rounding_noise(np.empty(0), np.empty(0))) == 0
