"""nnU-Net's pools without processes, for a training that was given one core.

Its validation starts two pools, each of whose processes imports all of PyTorch and nnU-Net: seconds of work on a core
that is not there, and more busy processes than the user or the scheduler allotted.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock


class Done:
    """What a pool gives back for a task that has been done already."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def ready(self) -> bool:
        """Always."""
        return True

    def get(self) -> list[Any]:
        """The results, in order."""
        return self.values


class InProcessPool:
    """Stands for a ``multiprocessing.Pool``: the same calls, done here and now."""

    def __init__(self, processes: int | None = None) -> None:
        del processes
        self._pool: list[Any] = []  # nnU-Net asks whether its workers are alive

    def __enter__(self) -> "InProcessPool":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def starmap(self, function: Callable[..., Any], arguments: Iterable[Iterable[Any]]) -> list[Any]:
        """Call ``function`` with each tuple of arguments."""
        return [function(*each) for each in arguments]

    def starmap_async(self, function: Callable[..., Any], arguments: Iterable[Iterable[Any]]) -> Done:
        """The same, as nnU-Net expects it: the result is asked for later."""
        return Done(self.starmap(function, arguments))


class _Context:
    Pool = InProcessPool


@contextmanager
def pools_in_process() -> Iterator[None]:
    """Within the block, ``multiprocessing.get_context(...).Pool(...)`` makes an `InProcessPool`."""
    with mock.patch.object(multiprocessing, "get_context", return_value=_Context):
        yield
