"""What is asked of a Slurm cluster, and what follows from its answers; the commands are stand-ins."""

from collections import Counter
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import snakemake_executor_plugin_slurm as plugin

from nnunet_losses.base.errors import UserError
from nnunet_losses.machines import slurm
from nnunet_losses.machines.slurm import (
    Cluster,
    Partition,
    Request,
    adapt_executor,
    cancel_left_over,
    check_requests,
    queued_seconds,
    read_cluster,
    work_of,
)

CONFIG = """Configuration data as of 2026-01-01T00:00:00
AccountingStorageType   = {accounting}
MinJobAge               = {age} sec
"""
CPU = Partition("cpu", gpus=False, minutes=2880, default=True)
GPU = Partition("gpu", gpus=True, minutes=1440, default=False)
TRAINING = ("train", "predict", "evaluate")


def answering(monkeypatch: pytest.MonkeyPatch, **answers: str) -> list[str]:
    """Stand-ins for Slurm's commands; gives the calls that were made."""
    calls: list[str] = []

    def run(command: tuple[str, ...]) -> str:
        calls.append(" ".join(command))
        return answers[command[0]]

    monkeypatch.setattr(slurm, "_run", run)
    return calls


def test_a_cluster_is_read_from_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    sinfo = "cpu*|(null)|2-00:00:00\ngpu|gpu:a100:4(S:0-1)|1-00:00:00\ngpu|(null)|1-00:00:00\nlong|(null)|infinite\n"
    config = CONFIG.format(accounting="accounting_storage/slurmdbd", age=300)
    answering(monkeypatch, scontrol=config, sinfo=sinfo)
    assert read_cluster() == Cluster(True, 300, (CPU, GPU, Partition("long", False, inf, False)))


@pytest.mark.parametrize("word", ["accounting_storage/none", "(null)"])
def test_a_cluster_without_accounting_is_recognised(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    answering(monkeypatch, scontrol=CONFIG.format(accounting=word, age=0), sinfo="")
    found = read_cluster()
    assert not found.accounting
    assert found.remembers_s == inf  # 0 is Slurm's word for ever


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request(TRAINING, "", 1380, True), r"The partition cpu has no GPUs.*\(with GPUs: gpu\)"),
        (Request(TRAINING, "gpu", 1500, True), "asks for 1500 minutes, but the partition gpu takes no job longer"),
        (
            Request(("plan",), "fast", 60, False),
            "no partition fast, which a job of plan asks for; enter one of cpu, gpu",
        ),
    ],
)
def test_what_the_cluster_would_never_start_is_refused(request_: Request, words: str) -> None:
    with pytest.raises(UserError, match=words):
        check_requests([request_], Cluster(True, 300, (CPU, GPU)))


def test_what_fits_is_not_refused() -> None:
    requests = [Request(TRAINING, "gpu", 1380, True), Request(("plan",), "", 240, False)]
    check_requests(requests, Cluster(True, 300, (CPU, GPU)))
    check_requests(requests, Cluster(True, 300, ()))  # a site that hides its partitions


def executor(status_command: str = "sacct") -> Any:
    """An executor of the plugin, without its threads."""
    made = plugin.Executor.__new__(plugin.Executor)
    settings = SimpleNamespace(status_command=status_command, init_seconds_before_status_checks=40)
    waits = SimpleNamespace(seconds_between_status_checks=10)
    made.workflow = SimpleNamespace(executor_settings=settings, remote_execution_settings=waits)
    made._next_seconds_between_status_checks = None
    return made


@pytest.mark.parametrize(("remembers", "longest"), [(inf, 10), (300, 10), (15, 5), (1, 1)])
def test_finished_jobs_are_noticed_before_the_controller_forgets_them(
    monkeypatch: pytest.MonkeyPatch, remembers: float, longest: int
) -> None:
    monkeypatch.setattr(plugin, "is_query_tool_available", lambda tool: True)
    made = executor()
    adapt_executor(made, Cluster(False, remembers, ()), Counter())
    made.next_seconds_between_status_checks += 200  # as the plugin does while nothing ends
    assert made.next_seconds_between_status_checks == longest
    assert made.workflow.executor_settings.init_seconds_before_status_checks == longest


def test_without_accounting_sacct_is_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "is_query_tool_available", lambda tool: True)
    made = executor()
    adapt_executor(made, Cluster(False, 300, ()), Counter())
    assert made.get_status_command() == "squeue"
    assert not plugin.is_query_tool_available("sacct")
    assert plugin.is_query_tool_available("squeue")


def test_with_accounting_the_plugin_s_choice_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "is_query_tool_available", lambda tool: True)
    made = executor()
    adapt_executor(made, Cluster(True, 300, ()), Counter())
    assert made.get_status_command() == "sacct"


def test_work_that_had_too_little_memory_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin.Executor, "report_job_error", lambda *_, **__: None)
    rules = [SimpleNamespace(rule=SimpleNamespace(name=name), wildcards_dict={"fold": "0"}) for name in TRAINING]
    group = SimpleNamespace(job=SimpleNamespace(is_group=lambda: True, jobs=rules))
    made, killed = executor(), Counter[Any]()
    adapt_executor(made, Cluster(True, 300, ()), killed)
    for state in ("OUT_OF_MEMORY", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL"):
        made.report_job_error(
            group, msg=f"SLURM-job '7' failed, SLURM status is: '{state}'. Reason: None.", aux_logs=[]
        )
    assert killed == {work_of(rule, {"fold": "0"}): 2 for rule in TRAINING}


def test_jobs_that_a_killed_snakemake_left_are_cancelled_and_no_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listing = f"7|rule_train_wildcards_a|{tmp_path}\n8|rule_train|{tmp_path / 'other'}\n9|mine|{tmp_path}\n"
    answers = {"squeue": listing, "scancel": ""}

    def run(command: tuple[str, ...]) -> str:
        if command[0] == "scancel":
            answers["squeue"] = ""
            assert command[1:] == ("7",)
        return answers[command[0]]

    monkeypatch.setattr(slurm, "_run", run)
    assert cancel_left_over(tmp_path) == 1
    assert cancel_left_over(tmp_path) == 0


def test_the_time_in_the_queue_is_known_inside_of_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, squeue="2026-01-01T00:00:00|2026-01-01T01:00:30\n")
    assert queued_seconds({"SLURM_JOB_ID": "1"}) == 3630
    assert queued_seconds({}) is None


def test_a_machine_without_slurm_is_told() -> None:
    with pytest.raises(UserError, match="no-such-command is not there; start this on a login node"):
        slurm._ask("no-such-command")
