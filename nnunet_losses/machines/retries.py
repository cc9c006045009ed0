"""Which failed jobs are worth another try: those that a machine has ended, not those that would fail again."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nnunet_losses.base.errors import told_in

_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception)\b")
_NUMBER = re.compile(r"\d+")


def retry_what_may_help(executor: Any) -> None:
    """Make an executor of Snakemake give up jobs that would fail in the same way again, whatever ``retries`` says.

    Snakemake itself tries every failed job again. Here a job is given up if its log holds a `UserError`, or ends in the
    same exception as that of its last attempt. A time limit, a node that fails and a process that is killed leave
    neither.

    Args:
        executor: that runs jobs, on this machine or elsewhere.
    """
    kind = type(executor)
    logs_before: dict[Any, dict[Path, tuple[int, int]]] = {}
    ended_in: dict[Any, str] = {}

    class Discerning(kind):  # type: ignore[misc, valid-type]
        def run_jobs(self, jobs: Iterable[Any]) -> None:
            for job in jobs:
                logs_before[job] = _states(job)
            super().run_jobs(jobs)

        def handle_job_error(self, job: Any) -> None:
            super().handle_job_error(job)
            before = logs_before.get(job, {})
            # a job that was not reached keeps the log of an earlier run
            logs = [log for log, state in _states(job).items() if before.get(log) != state]
            reason = next(filter(None, map(told_in, logs)), None)
            if reason is None:
                exception = next(filter(None, map(_exception, logs)), "")
                # numbers of processes and free bytes differ
                same = _NUMBER.sub("0", exception)
                if exception and ended_in.get(job) == same:
                    reason = f"{exception} (as in the attempt before)"
                ended_in[job] = same
            if reason is not None and job.attempt <= job.restart_times:
                self.logger.error(f"{job.name} is not tried again, because it would fail in the same way: {reason}")
                # its setter would change resources that the scheduler is about to take back
                job._attempt = job.restart_times + 1

    executor.__class__ = Discerning


def _states(job: Any) -> dict[Path, tuple[int, int]]:
    """The logs of a job, or of all jobs of a group, that exist, with their times and sizes."""
    found = {}
    for one in job.jobs if job.is_group() else [job]:
        for log in map(Path, one.log):
            if log.is_file():
                found[log] = (log.stat().st_mtime_ns, log.stat().st_size)
    return found


def _exception(log: Path) -> str:
    """The last line of a log, if it is that of an exception."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    last = next((line for line in reversed(lines) if line.strip()), "")
    return last if _EXCEPTION.match(last) else ""
