"""What a Slurm cluster can do, and how Snakemake's plugin for Slurm must be set for it."""

import importlib
import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any

from nnunet_losses.base.errors import UserError

PLUGIN = "snakemake_executor_plugin_slurm"
PROFILE = "profiles/slurm/profile.yaml"
LOOK_EVERY_S = 10
"""Snakemake's plugin looks for finished jobs ever more rarely, up to every 3 minutes; here it never waits longer."""
_OUT_OF_MEMORY = "OUT_OF_MEMORY"
_NO_ACCOUNTING = "accounting_storage/none"
_PATIENCE_S = 30
_GONE_IN_S = 300


Work = tuple[str, frozenset[tuple[str, str]]]
"""A rule and its wildcards."""


@dataclass(frozen=True)
class Partition:
    """A partition: whether its nodes have GPUs, the longest job that it takes (minutes), whether it is the default."""

    name: str
    gpus: bool
    minutes: float
    default: bool


@dataclass(frozen=True)
class Cluster:
    """What `read_cluster` found.

    accounting: whether there is a database of jobs; without one, ``sacct`` knows nothing.
    remembers_s: how long the controller remembers finished jobs; infinite if it does not say.
    partitions: all that the user sees.
    """

    accounting: bool
    remembers_s: float
    partitions: tuple[Partition, ...]


@dataclass(frozen=True)
class Request:
    """What a job asks for: the partition (the default if empty), minutes, and whether a GPU.

    rules: of which it runs one job each, one after the other.
    """

    rules: tuple[str, ...]
    partition: str
    minutes: float
    gpu: bool

    @property
    def who(self) -> str:
        """Its rules, in a sentence."""
        return " + ".join(self.rules)


def read_cluster() -> Cluster:
    """Ask Slurm what it is.

    Raises:
        UserError: Slurm's commands are absent, or its controller does not answer.
    """
    config = dict(re.findall(r"^(\w+)\s*= (.*?)\s*$", _ask("scontrol", "show", "config"), re.MULTILINE))
    remembers = int(re.match(r"\d*", config.get("MinJobAge", "")).group() or 0)  # type: ignore[union-attr]
    found: dict[str, Partition] = {}
    for line in _ask("sinfo", "-h", "-o", "%P|%G|%l").splitlines():
        name, resources, limit = line.split("|")
        partition = Partition(name.rstrip("*"), "gpu" in resources, minutes(limit), name.endswith("*"))
        other = found.get(partition.name, partition)  # nodes of different kinds have a line each
        found[partition.name] = Partition(
            partition.name, partition.gpus or other.gpus, partition.minutes, partition.default
        )
    accounting = config.get("AccountingStorageType", _NO_ACCOUNTING) not in (_NO_ACCOUNTING, "(null)")
    return Cluster(accounting, remembers or inf, tuple(found.values()))


def minutes(limit: str) -> float:
    """Slurm's ``days-hours:minutes:seconds`` in minutes.

    >>> minutes("1-00:00:00"), minutes("30:00"), minutes("infinite")
    (1440.0, 30.0, inf)
    """
    days, _, rest = limit.rpartition("-")
    parts = rest.split(":")
    if not all(part.isdigit() for part in parts):
        return inf
    seconds = 0
    for part in parts if len(parts) > 1 else [*parts, "0"]:
        seconds = 60 * seconds + int(part)
    return 1440.0 * int(days or 0) + seconds / 60


def check_requests(requests: Iterable[Request], cluster: Cluster) -> None:
    """Refuse what the cluster would queue for ever, or refuse job by job.

    Raises:
        UserError: a partition does not exist, lacks GPUs, or takes no job so long; the text says what to write where.
    """
    known = {partition.name: partition for partition in cluster.partitions}
    if not known:
        return  # a site that hides its partitions
    default = next((partition for partition in cluster.partitions if partition.default), None)
    with_gpus = ", ".join(name for name, partition in known.items() if partition.gpus) or "none"
    for request in requests:
        partition = known.get(request.partition) if request.partition else default
        if request.partition and partition is None:
            raise UserError(
                f"This cluster has no partition {request.partition}, which a job of {request.who} asks for; enter one "
                f"of {', '.join(known)} as slurm_partition in {PROFILE}."
            )
        if partition is None:
            raise UserError(
                f"This cluster has no default partition; enter one of {', '.join(known)} as slurm_partition in "
                f"{PROFILE}."
            )
        if request.gpu and not partition.gpus:
            raise UserError(
                f"The partition {partition.name} has no GPUs, which a job of {request.who} needs; enter another as "
                f"slurm_partition of each of these rules in {PROFILE} (with GPUs: {with_gpus})."
            )
        if request.minutes > partition.minutes:
            raise UserError(
                f"A job of {request.who} asks for {request.minutes:g} minutes, but the partition {partition.name} "
                f"takes no job longer than {partition.minutes:g}; enter less as runtime in {PROFILE}. Trainings that "
                f"reach their limit are resumed."
            )


def adapt_executor(executor: Any, cluster: Cluster, killed: Counter[Work]) -> None:
    """Make Snakemake's executor fit the cluster: how it asks for the states of jobs, and how often.

    Args:
        executor: of the plugin `PLUGIN`; it reads its settings whenever it looks.
        cluster: where it runs.
        killed: counts how often Slurm has killed work because it had too little memory.
    """
    settings = executor.workflow.executor_settings
    longest = max(1, min(LOOK_EVERY_S, int(min(cluster.remembers_s, 10 * LOOK_EVERY_S) // 3)))
    if not cluster.accounting:
        # sacct is often installed all the same, and the plugin would wait for its answers for ever
        plugin: Any = importlib.import_module(PLUGIN)
        available = plugin.is_query_tool_available
        plugin.is_query_tool_available = lambda tool: tool != "sacct" and available(tool)
        settings.status_command = "squeue"
    settings.init_seconds_before_status_checks = min(settings.init_seconds_before_status_checks, longest)
    kind = type(executor)

    class Punctual(kind):  # type: ignore[misc, valid-type]
        def report_job_error(self, job_info: Any, msg: str | None = None, **kwargs: Any) -> None:
            if _OUT_OF_MEMORY in (msg or ""):
                job = job_info.job
                jobs = job.jobs if job.is_group() else [job]
                killed.update(work_of(one.rule.name, one.wildcards_dict) for one in jobs)
            super().report_job_error(job_info, msg=msg, **kwargs)

        @property
        def next_seconds_between_status_checks(self) -> float:
            return min(longest, super().next_seconds_between_status_checks)

        @next_seconds_between_status_checks.setter
        def next_seconds_between_status_checks(self, value: float) -> None:
            kind.next_seconds_between_status_checks.fset(self, value)

    executor.__class__ = Punctual


def work_of(rule: str, wildcards: Mapping[str, str]) -> Work:
    """What a job does, whichever attempt it is."""
    return rule, frozenset(wildcards.items())


def cancel_left_over(folder: Path) -> int:
    """Cancel the jobs that an earlier Snakemake, which was killed, has left for a folder, and wait for their end.

    They would write what new jobs write. Trainings go on from their last checkpoint. Call it only where no other
    Snakemake runs in the folder.

    Returns:
        how many there were.
    """
    if not (left := _jobs_of(folder)):
        return 0
    _ask("scancel", *left)
    deadline = time.monotonic() + _GONE_IN_S
    while _jobs_of(folder):
        if time.monotonic() > deadline:
            raise UserError(
                f"Jobs of an earlier run are still there after scancel ({', '.join(left)}); wait until squeue no "
                f"longer lists them, and run the same command again."
            )
        time.sleep(1)
    return len(left)


def _jobs_of(folder: Path) -> list[str]:
    """Numbers of the jobs in the queue, or running, that the plugin has submitted from a folder."""
    lines = _ask("squeue", "-h", "--me", "-o", "%A|%k|%Z").splitlines()
    rows = [line.split("|", 2) for line in lines]
    return sorted({job for job, comment, place in rows if comment.startswith("rule_") and Path(place) == folder})


def queued_seconds(environment: Mapping[str, str] = os.environ) -> float | None:
    """How long the Slurm job in which this process runs has waited in the queue; None outside of Slurm."""
    if (job := environment.get("SLURM_JOB_ID")) is None:
        return None
    try:
        answer = _ask("squeue", "-h", "-j", job, "-o", "%V|%S")
        submitted, started = (datetime.fromisoformat(text) for text in answer.splitlines()[0].split("|"))
    except (UserError, ValueError, IndexError):
        return None
    return max(0.0, (started - submitted).total_seconds())


def _ask(*command: str) -> str:
    """The answer of one of Slurm's commands; a busy controller is asked again."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return _run(command)
        except FileNotFoundError:
            raise UserError(
                f"Slurm's command {command[0]} is not there; start this on a login node of the cluster, or leave out "
                f"--workflow-profile {Path(PROFILE).parent}."
            ) from None
        except subprocess.SubprocessError as error:
            if time.monotonic() > deadline:
                reason = " ".join(str(getattr(error, "stderr", None) or error).split())
                raise UserError(f"Slurm does not answer {' '.join(command)}: {reason}") from None
            time.sleep(1)


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=True)
    return done.stdout
