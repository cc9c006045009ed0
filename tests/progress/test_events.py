"""Snakemake's events, read while they are written."""

import json
import re
from pathlib import Path

from nnunet_losses.progress.estimate import seconds_left
from nnunet_losses.progress.events import TARGETS, Events, Stage
from nnunet_losses.progress.run import failure
from nnunet_losses.progress.trainings import TrainingProgress

ROOT = Path(__file__).parents[2]
NODES = [{"rule": rule} for rule in ("data", "train", "report", "all")]
PLAN = [
    {"event": "rulegraph", "time": 0, "rulegraph": {"nodes": NODES}},
    {"event": "run_info", "time": 0, "stats": {"all": 1, "report": 1, "train": 4, "total": 6}},
]


def started(job: int, time: float, rule: str = "train") -> dict[str, object]:
    wildcards = {"fold": str(job)}
    return {"event": "job_info", "time": time, "jobid": job, "rule_name": rule, "wildcards": wildcards, "log": ["a"]}


def finished(job: int, time: float) -> dict[str, object]:
    return {"event": "job_finished", "time": time, "job_id": job}


def failed(job: int, time: float) -> dict[str, object]:
    return {"event": "job_error", "time": time, "jobid": job, "rule_name": "train", "log": ["a"]}


def events_of(folder: Path, *lines: dict[str, object]) -> Events:
    file = folder / "events.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in [*PLAN, *lines]))
    events = Events(file)
    events.read()
    return events


def test_stages_come_in_the_order_of_the_workflow_with_their_counts(tmp_path: Path) -> None:
    events = events_of(tmp_path, started(1, 1), started(2, 1), finished(1, 5), started(3, 5), failed(2, 6))
    assert events.stages == [
        Stage("train", planned=4, done=1, running=1, failed=1),
        Stage("report", planned=1, done=0, running=0, failed=0),
    ]
    assert [job.wildcards for job in events.failed] == [{"fold": "2"}]


def test_a_job_that_is_tried_again_is_no_failure(tmp_path: Path) -> None:
    events = events_of(tmp_path, started(1, 1), failed(1, 2), started(1, 3), finished(1, 9))
    assert events.failed == []
    assert events.stages[0].done == 1


def test_a_half_written_line_is_read_once_it_is_whole(tmp_path: Path) -> None:
    events = events_of(tmp_path, started(1, 1))
    line = json.dumps(finished(1, 2)).encode() + b"\n"
    with events.file.open("ab") as file:
        for part in (line[:9], line[9:]):
            assert events.stages[0].done == 0
            file.write(part)
            file.flush()
            events.read()
    assert events.stages[0].done == 1


def test_a_line_that_stays_damaged_and_a_missing_file_are_passed_over(tmp_path: Path) -> None:
    events = events_of(tmp_path, started(1, 1))
    with events.file.open("a") as file:
        file.write('{"event": "job_fin\n' + json.dumps(finished(1, 2)) + "\n")
    events.read()
    assert events.stages[0].done == 1
    nothing = Events(tmp_path / "nowhere")
    nothing.read()
    assert nothing.stages == []


def test_the_targets_are_those_of_the_snakefile() -> None:
    assert tuple(re.findall(r"^rule (\w+):", (ROOT / "Snakefile").read_text(), re.MULTILINE)) == TARGETS


def progress(epoch: int, epochs: int, seconds: float) -> TrainingProgress:
    return TrainingProgress(epoch, epochs, seconds, pseudo_dice=0.5, updated=0.0)


def test_the_expected_end_counts_waiting_and_running_jobs_as_long_as_finished_ones(tmp_path: Path) -> None:
    # two at once; one took 10 s, two run since 4 s, one waits: (6 + 6 + 10) / 2
    events = events_of(tmp_path, started(1, 0), started(2, 10), finished(1, 10), started(3, 10))
    assert seconds_left(events, {}, now=14) == 11
    # of a running training, its own rate tells more
    assert seconds_left(events, {2: progress(1, 4, 3.0)}, now=14) == (9 + 6 + 10) / 2


def test_before_a_training_ended_the_rate_of_the_running_one_stands_for_all(tmp_path: Path) -> None:
    events = events_of(tmp_path, started(1, 0))
    assert seconds_left(events, {1: progress(2, 5, 2.0)}, now=4) == 3 * 2 + 3 * 5 * 2
    assert str(seconds_left(events, {}, now=4)) == "nan"  # nothing tells yet


def test_a_group_that_failed_on_a_cluster_names_the_job_that_began_and_the_cluster_s_log(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text("out of memory\n")
    train = started(1, 1) | {"log": ["train.log"]}
    predict = started(2, 1, "predict") | {"log": ["predict.log"]}
    other = started(3, 1, "plan") | {"log": ["plan.log"]}
    group = {"event": "group_error", "time": 2, "jobids": [1, 2], "aux_logs": ["slurm/7.log"]}
    errors = [failed(number, 2) | {"log": [log]} for number, log in ((1, "train.log"), (2, "predict.log"))]
    alone = failed(3, 2) | {"log": ["plan.log", "slurm/8.log"]}
    events = events_of(tmp_path, train, predict, other, group, *errors, alone)
    told = failure(events, tmp_path / "run.log", tmp_path)
    assert "out of memory" in told
    assert "predict" not in told
    assert "The cluster's log: slurm/7.log" in told
    assert "plan (3) failed." in told and "The cluster's log: slurm/8.log" in told
