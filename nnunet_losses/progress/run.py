"""A study from its start to its end: run, shown, and told about."""

import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console

from nnunet_losses.base.disk import disk_full, no_space_left
from nnunet_losses.base.files import check_writable
from nnunet_losses.progress.display import Display
from nnunet_losses.progress.events import Events, Job
from nnunet_losses.progress.runner import watch_snakemake
from nnunet_losses.progress.study import read_study

LAST_LINES = 15
"""Of the log of a failed job."""
MOST_LOGS = 3
"""Of failed jobs are quoted; further ones are named."""
AGAIN = "Run the same command again to continue."


def run_study(study: str, arguments: Sequence[str], directory: Path, environment: Mapping[str, str]) -> int:
    """Run a study by Snakemake, show how far it is, and say at its end what was found, or what went wrong.

    Args:
        study: its name.
        arguments: for Snakemake.
        directory: where work, results, reports and logs go.
        environment: of Snakemake and its jobs.

    Returns:
        Snakemake's exit code, or 128 + the number of the signal that stopped it.

    Raises:
        UserError: nothing can be written to the directory.
    """
    check_writable(directory)
    started = time.time()
    folder = re.sub(r"[^\w-]", "_", study)  # whatever stands in a config that nobody has checked yet
    stem = directory.absolute() / "logs" / "run" / folder / f"{datetime.now().astimezone():%Y-%m-%d_%H%M%S}"
    log, events = stem.with_suffix(".log"), Events(stem.with_suffix(".jsonl"))
    results = directory / "work" / "nnUNet_results"
    console = Console(stderr=True, highlight=False)
    with Display(study, _short(log), console) as display:

        def look(note: str, stopping: bool) -> None:
            events.stopping = stopping
            display.show(read_study(events, results, started), note)

        code = watch_snakemake(
            arguments,
            environment,
            log=log,
            events=events.file,
            look=lambda stopping: look("Stopping." if stopping else "", stopping),
        )
        look("Stopped." if code > 128 else "Failed." if code else "Finished.", code > 128)
    if code > 128:
        told = f"Stopped. {AGAIN}"
    elif code and no_space_left(directory):
        told = str(disk_full(directory))  # whatever else the jobs and Snakemake make of it
    elif code:
        told = failure(events, log, directory)
    else:
        told = outcome(events, study, directory)
    Console(stderr=code != 0, highlight=False).print(told, markup=False, soft_wrap=True)
    return code


def failure(events: Events, log: Path, directory: Path) -> str:
    """What went wrong: the failed jobs, each with the end of its log, or Snakemake's own words."""
    parts = []
    for number, job in enumerate(_begun(events.failed, directory)):
        told, lines = [f"{_title(job)} failed."], []
        for path in job.logs:
            quoted = _last_lines(directory / path, LAST_LINES) if number < MOST_LOGS else []
            told.append(f"Its log, {_short(directory / path)}" + (", ends:" if quoted else ""))
            lines += [f"    {text}" for text in quoted]
        parts += [" ".join(told), *lines, *(f"    The cluster's log: {_short(path)}" for path in job.outer_logs)]
    if not parts:
        parts = [_reason(error) for error in events.errors] or _last_lines(log, LAST_LINES)
        if parts and (refused := re.fullmatch(r"\S+\.py: error: (.+)", parts[-1])):  # below a list of all its options
            parts = [f"nnunet-losses run, as Snakemake: {refused[1]}; see `snakemake --help`."]
    return "\n".join([*parts, f"Snakemake's log: {_short(log)}"])


def outcome(events: Events, study: str, directory: Path) -> str:
    """What the report found, and where it is; one line if this run wrote no report."""
    if events.planned:
        studies = [job.wildcards["study"] for job in events.of_rule("publish_report")]
    else:
        studies = [study]
    lines = [*events.notes, *([] if events.planned else ["Nothing to be done: the study is complete."])]
    for name in studies:
        page = directory / "reports" / name / "report.html"
        try:
            verdicts = json.loads((page.parent / "data" / "verdict.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        more = len(verdicts) - 1
        others = f" (The report holds {more} more comparison{'s' * (more > 1)}.)" if more else ""
        told = [verdicts[0][part] for part in ("headline", "left_out", "detail")]
        told[-1] += others
        lines += [*filter(None, told), f"The report: {page.absolute()}"]
    return "\n".join(lines or ["Finished."])


def _begun(failed: list[Job], directory: Path) -> list[Job]:
    """Of jobs that failed as one, those that left a log, if any did: the others never began."""
    logged = [job for job in failed if any((directory / path).exists() for path in job.logs)]
    silent = [job for job in failed if job not in logged]
    groups = {str(path) for job in logged for path in job.outer_logs}
    return [job for job in failed if job not in silent or not groups & set(map(str, job.outer_logs))]


def _title(job: Job) -> str:
    values = " ".join(job.wildcards.values())
    return f"{job.rule} ({values})" if values else job.rule


def _reason(error: str) -> str:
    """The sentence in an error of Snakemake, which puts places in the workflow before and after it."""
    lines = error.splitlines()
    return "\n".join(line for line in lines[1:] if not line.startswith('  File "')) or error


def _last_lines(path: Path, number: int) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-number:]
    except OSError:
        return []


def _short(path: Path) -> Path:
    """The path as seen from here, if it is below."""
    return Path(os.path.relpath(path)) if path.absolute().is_relative_to(Path.cwd()) else path
