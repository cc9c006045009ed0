"""A cell: a test that is asked of every loss, in every variant, as one test of pytest."""

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from .subjects import MODES, Subject

EVERY_MODE: dict[str, Sequence[Any]] = {"mode": MODES}


def cell(subjects: Iterable[Subject], **axes: Sequence[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator: ask a test of each subject, with each combination of the axes; a failure says with which.

    The combinations are gone through inside one test of pytest, whose own work for a test takes longer than a loss on
    a small patch does.

    Args:
        subjects: the losses.
        axes: values of each further argument of the test.
    """

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        def every_combination(subject: Subject) -> None:
            for values in itertools.product(*axes.values()):
                variant = dict(zip(axes, values, strict=True))
                try:
                    test(subject, **variant)
                except Exception as error:
                    error.add_note(f"{subject}: {', '.join(f'{axis} {value}' for axis, value in variant.items())}")
                    raise

        functools.update_wrapper(every_combination, test)
        del every_combination.__wrapped__  # pytest would take the axes for fixtures
        return pytest.mark.parametrize("subject", list(subjects), ids=str)(every_combination)

    return decorate
