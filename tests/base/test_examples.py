"""The examples in the docstrings of the base room."""

import doctest

import pytest

from nnunet_losses.base import metrics, names


@pytest.mark.parametrize("module", [metrics, names], ids=lambda module: module.__name__)
def test_examples_in_docstrings_hold(module: object) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed
