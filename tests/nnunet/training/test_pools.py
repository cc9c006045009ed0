"""Pools of one thread."""

import multiprocessing
import threading
from multiprocessing.pool import Pool

import pytest

from nnunet_losses.nnunet.training.pools import OneThreadPool, pools_in_this_process


def test_within_the_block_pools_are_threads_and_after_it_processes() -> None:
    with pools_in_this_process(), multiprocessing.get_context("spawn").Pool(8) as pool:
        assert isinstance(pool, OneThreadPool)
        assert len(pool._pool) == 1  # nnU-Net asks whether its workers are alive
        assert all(worker.is_alive() for worker in pool._pool)
    assert multiprocessing.get_context("spawn").Pool.__func__ is not OneThreadPool
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert type(pool) is Pool


def test_tasks_are_done_in_order_in_another_thread_when_the_call_returns() -> None:
    done: list[tuple[int, bool]] = []

    def task(number: int, factor: int) -> int:
        done.append((number, threading.current_thread() is threading.main_thread()))
        return number * factor

    with OneThreadPool(4) as pool:
        result = pool.starmap_async(task, [(1, 10), (2, 10)])
        assert done == [(1, False), (2, False)]
        assert result.ready()
        assert result.get() == [10, 20]
        assert pool.starmap(task, [(3, 10)]) == [30]


def test_an_error_is_raised_when_the_result_is_asked_for() -> None:
    def fail(_: int) -> None:
        raise ValueError("no disk")

    with OneThreadPool() as pool:
        result = pool.starmap_async(fail, [(1,)])
        with pytest.raises(ValueError, match="no disk"):
            result.get()
