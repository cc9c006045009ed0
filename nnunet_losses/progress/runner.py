"""Snakemake as a child: started, watched, stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

LOGGER = "nnunet-losses"
"""The name of our logger plugin to Snakemake."""
PLUGIN = Path(__file__).parent / "logger"
GRACE_S = 5
"""What runs is given so long to end by itself."""
LOOK_EVERY_S = 0.5


def watch_snakemake(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    log: Path,
    events: Path,
    look: Callable[[bool], None],
    every: float = LOOK_EVERY_S,
) -> int:
    """Run Snakemake to its end; return its exit code, or 128 + the number of the signal that stopped it.

    SIGINT, SIGTERM and SIGHUP interrupt Snakemake and its jobs. What has not ended after `GRACE_S`, or at a second
    signal, is killed.

    Args:
        arguments: for Snakemake.
        environment: of Snakemake and its jobs.
        log: file for all that it prints.
        events: file for its events, which our logger plugin writes.
        look: called now and then while it runs, with whether it is being stopped.
        every: seconds between two calls.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(filter(None, (str(PLUGIN), environment.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "snakemake", "--logger", LOGGER, f"--logger-{LOGGER}-file", str(events)]
    with _caught_signals() as caught, log.open("w", encoding="utf-8") as file:
        # in a session of its own, so that Ctrl-C reaches this process alone, which then stops all the others
        child = psutil.Popen(
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**environment, "PYTHONPATH": path},
            start_new_session=True,
        )
        while not caught and child.poll() is None:
            look(False)
            _wait([child], every)
        if not caught:
            return int(child.returncode)
        _stop(child, caught, look)
        return 128 + caught[0]


def _stop(child: psutil.Popen, caught: list[int], look: Callable[[bool], None]) -> None:
    everyone = _processes(child)
    for process in everyone:  # Snakemake first, so that it starts no other job
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + GRACE_S
    while (alive := _wait(everyone, 0.2)) and time.monotonic() < deadline and len(caught) == 1:
        look(True)
    # Whoever loses a child may start another before it is killed itself: all are halted first, until nobody is new.
    halted: set[psutil.Process] = set()
    while new := {*alive, *_processes(child)} - halted:
        for process in new:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        halted |= new
    for process in halted:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    child.wait()


def _processes(child: psutil.Popen) -> list[psutil.Process]:
    """Snakemake and all that it started, also what has lost its parent meanwhile."""
    found: dict[psutil.Process, None] = {}
    with suppress(psutil.NoSuchProcess):
        found = dict.fromkeys([child, *child.children(recursive=True)])
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(process.pid) == child.pid:
                found.setdefault(process)
    return list(found)


def _wait(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait for the end of all; give those that are still alive."""
    alive = []
    for process in psutil.wait_procs(processes, timeout=seconds)[1]:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
    return alive


@contextmanager
def _caught_signals() -> Iterator[list[int]]:
    """The signals that have come so far, instead of what they would do."""
    caught: list[int] = []
    stopping = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda number, _: caught.append(number)) for number in stopping}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
