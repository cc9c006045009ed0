"""nnU-Net's process pools, replaced by one thread for a training that was given one core.

nnU-Net's validation starts two pools. Each of their processes first imports PyTorch and nnU-Net, which takes seconds of
the only core, and then competes for it with the prediction.
"""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.pool import AsyncResult, ThreadPool
from types import SimpleNamespace
from typing import Any
from unittest import mock


class OneThreadPool(ThreadPool):
    """A pool of one thread, whatever number of processes was asked for; the caller waits for each task.

    Waiting keeps tasks from changing PyTorch's number of threads while the caller predicts.
    """

    def __init__(self, processes: int | None = None) -> None:
        del processes
        super().__init__(1)

    def starmap_async(self, *args: Any, **kwargs: Any) -> AsyncResult[Any]:
        """As in `ThreadPool`, but done when it returns; an error is raised by the result's ``get``."""
        result = super().starmap_async(*args, **kwargs)
        result.wait()
        return result


@contextmanager
def pools_in_this_process() -> Iterator[None]:
    """Within the block, ``multiprocessing.get_context(...).Pool(...)`` makes a `OneThreadPool`."""
    with mock.patch.object(multiprocessing, "get_context", return_value=SimpleNamespace(Pool=OneThreadPool)):
        yield
