"""The events of a Snakemake run, as our logger plugin writes them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PARTIAL_REPORT = "partial_report"
TARGETS = ("all", "data", "trained", PARTIAL_REPORT)
"""The rules of the Snakefile that only ask for the files of others: no stage of a study."""


@dataclass
class Job:
    """One job of a rule; times in seconds since the epoch. Submitted again after a failure, it is a new job."""

    rule: str
    wildcards: dict[str, str]
    logs: list[Path]
    started: float
    ended: float | None = None
    failed: bool = False
    outer_logs: list[Path] = field(default_factory=list)
    """Of the cluster, if it failed there."""

    @property
    def running(self) -> bool:
        """Whether it was started, or submitted, and has not ended."""
        return self.ended is None


@dataclass(frozen=True)
class Stage:
    """How far a rule is, in jobs."""

    rule: str
    planned: int
    done: int
    running: int
    failed: int


@dataclass
class Events:
    """What Snakemake has said so far; `read` brings it up to date.

    Args:
        file: the plugin's file; it may not exist yet, and its last line may be half-written.
    """

    file: Path
    planned: dict[str, int] = field(default_factory=dict)
    """Number of jobs by rule, in the order of the workflow; empty until Snakemake has planned."""
    jobs: dict[int, Job] = field(default_factory=dict)
    targets: set[str] = field(default_factory=set)
    """Of `TARGETS`, those that were asked for."""
    errors: list[str] = field(default_factory=list)
    """Messages of errors outside a job."""
    notes: list[str] = field(default_factory=list)
    """What the workflow says to the person who runs it."""
    stopping: bool = False
    """Whether the person stops the study, so that errors read from now on are no failures."""
    _order: list[str] = field(default_factory=list)
    _offset: int = 0

    def read(self) -> None:
        """Take in the lines that were completed since the last call."""
        try:
            with self.file.open("rb") as file:
                file.seek(self._offset)
                new = file.read()
        except OSError:
            return
        complete = new[: new.rfind(b"\n") + 1]
        self._offset += len(complete)
        for line in complete.splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue  # of a Snakemake that was killed while it wrote
            self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        kind, time = event["event"], event["time"]
        if kind == "rulegraph":
            self._order = [node["rule"] for node in event["rulegraph"]["nodes"]]
        elif kind == "run_info":
            self.targets = set(TARGETS) & event["stats"].keys()
            counts = {rule: n for rule, n in event["stats"].items() if rule not in ("total", *TARGETS)}
            self.planned = {rule: counts[rule] for rule in [*self._order, *counts] if rule in counts}
        elif kind == "job_info":
            logs = [Path(log) for log in event["log"] or []]
            self.jobs[event["jobid"]] = Job(event["rule_name"], event["wildcards"] or {}, logs, time)
        elif kind == "job_finished" and event["job_id"] in self.jobs:
            self.jobs[event["job_id"]].ended = time
        elif kind == "job_error" and self.stopping:
            self.jobs.pop(event["jobid"], None)  # interrupted; it is as if it had not begun
        elif kind == "job_error" and event["jobid"] in self.jobs:
            job = self.jobs[event["jobid"]]
            job.ended, job.failed = time, True
            job.outer_logs += [Path(log) for log in event["log"] or [] if Path(log) not in job.logs]
        elif kind == "group_error":  # before the errors of its jobs, whichever of them failed
            for number in set(event["jobids"]) & self.jobs.keys():
                self.jobs[number].outer_logs += map(Path, event["aux_logs"] or [])
        elif kind == "error":
            self.errors.append(event["message"])
        elif kind == "note":
            self.notes.append(event["message"])

    @property
    def only_partial(self) -> bool:
        """Whether this made nothing but a partial report, perhaps while the study ran."""
        return self.targets == {PARTIAL_REPORT}

    def of_rule(self, rule: str) -> list[Job]:
        """The jobs of a rule that were started."""
        return [job for job in self.jobs.values() if job.rule == rule]

    @property
    def failed(self) -> list[Job]:
        """Jobs whose last attempt failed."""
        return [job for job in self.jobs.values() if job.failed]

    @property
    def stages(self) -> list[Stage]:
        """How far each rule is, in the order of the workflow."""
        return [
            Stage(
                rule,
                planned,
                done=sum(not job.running and not job.failed for job in self.of_rule(rule)),
                running=sum(job.running for job in self.of_rule(rule)),
                failed=sum(job.failed for job in self.of_rule(rule)),
            )
            for rule, planned in self.planned.items()
        ]
