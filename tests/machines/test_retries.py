"""Which failed jobs Snakemake tries again; it runs here, with jobs that fail."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nnunet_losses.machines.retries import retry_what_may_help

SNAKEFILE = """
from nnunet_losses.machines.retries import retry_what_may_help

onstart:
    for executor in (workflow.scheduler._executor, workflow.scheduler._local_executor):
        if executor is not None:
            retry_what_may_help(executor)

rule all:
    input: expand("{how}.done", how=["told", "killed", "same", "other", "memory"])

rule fail:
    output: "{how}.done"
    log: "{how}.log"
    shell: "echo x >> {wildcards.how}.attempts; sh {wildcards.how}.sh $(wc -l < {wildcards.how}.attempts) 2> {log}"
"""
HOW = {
    # a sentence for the user, and whatever a library says after it
    "told": "echo 'nnunet-losses evaluate: The file x is damaged; remove it.' >&2; echo leaked >&2; exit 1",
    "killed": "echo 'Epoch 3' >&2; kill -9 $$",
    "same": 'echo "torch.OutOfMemoryError: CUDA out of memory. Process $$ has 3 GiB" >&2; exit 1',
    "other": "[ $1 = 2 ] && echo 'OSError: stale file handle' >&2 || echo 'KeyError: 3' >&2; exit 1",
    "memory": "echo 'For nnunet-losses evaluate there is not enough memory; close other programs' >&2; exit 1",
}
ATTEMPTS = {"told": 1, "killed": 4, "same": 2, "other": 4, "memory": 4}


@pytest.mark.slow
def test_only_what_may_get_better_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    for how, script in HOW.items():
        (tmp_path / f"{how}.sh").write_text(script)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--keep-going", "--retries", "3"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    attempts = {how: len((tmp_path / f"{how}.attempts").read_text().splitlines()) for how in HOW}
    assert attempts == ATTEMPTS, done.stderr
    told = [line for line in done.stderr.splitlines() if "not tried again" in line]
    assert len(told) == 2
    assert any(line.endswith("fail in the same way: The file x is damaged; remove it.") for line in told)


class Executor:
    """As much of Snakemake's as is called."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.logger = SimpleNamespace(error=self.said.append)

    def run_jobs(self, jobs: list[Any]) -> None:
        """Submits nothing."""

    def handle_job_error(self, job: Any) -> None:
        """Does nothing."""


def test_a_job_of_a_group_that_was_not_reached_gives_no_reason(tmp_path: Path) -> None:
    logs = [tmp_path / "train.log", tmp_path / "evaluate.log"]
    logs[1].write_text("nnunet-losses evaluate: There is no folder x.\n")  # of an earlier run
    jobs = [SimpleNamespace(log=[str(log)], is_group=lambda: False) for log in logs]
    group = type("Group", (), {"is_group": lambda _: True, "attempt": 1, "restart_times": 6, "name": "training"})()
    group.jobs = jobs
    executor = Executor()
    retry_what_may_help(executor)
    executor.run_jobs([group])
    logs[0].write_text("Epoch 3\n")
    executor.handle_job_error(group)
    assert executor.said == []
    logs[1].write_text("nnunet-losses evaluate: The file y is damaged.\n")
    executor.handle_job_error(group)
    assert [line.partition(": ")[2] for line in executor.said] == ["The file y is damaged."]
