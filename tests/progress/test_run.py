"""`nnunet-losses run`: what a person sees, and what Ctrl-C does."""

import json
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from nnunet_losses.cli import app

from ..conftest import SmallDisk
from .conftest import LIMIT_S, Place


def wait_for(condition: Callable[[], bool], seconds: float = LIMIT_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def processes_in(folder: Path) -> list[psutil.Process]:
    """What works in the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.slow
def test_snakemake_speaks_to_a_file_and_the_person_sees_stages_and_then_what_the_report_found(place: Place) -> None:
    done = place.run()
    assert done.returncode == 0, done.stderr
    assert "small · 2 of 2 jobs" in done.stderr
    log = next((place.folder / "logs/run/small").glob("*.log"))
    assert f"Snakemake's log: {log.relative_to(place.folder)}" in done.stderr
    assert "rule make:" in log.read_text()
    assert "rule make:" not in done.stdout + done.stderr
    verdict = place.folder / "reports/small/data/verdict.json"
    verdict.parent.mkdir(parents=True)
    verdict.write_text(json.dumps([{"view": "v", "headline": "A is best.", "left_out": "", "detail": "It is."}]))
    assert place.run().stdout.splitlines() == [
        "Nothing to be done: the study is complete.",
        "A is best.",
        "It is.",
        f"The report: {place.folder / 'reports/small/report.html'}",
    ]


@pytest.mark.slow
def test_a_failed_job_is_named_with_the_end_of_its_log_and_snakemakes_exit_code(place: Place) -> None:
    done = place.run("--keep-going", first="echo no such loss >&2; exit 3")
    assert done.returncode == 1
    assert "make (1) failed. Its log, logs/make/1.log, ends:\n    about to make 1\n    no such loss\n" in done.stderr
    assert "make (2)" not in done.stderr
    assert (place.folder / "out/2").is_file()


@pytest.mark.slow
def test_a_workflow_that_cannot_start_says_why_in_one_sentence(place: Place) -> None:
    (place.folder / "Snakefile").write_text(
        "from snakemake.exceptions import WorkflowError\nraise WorkflowError('study.yaml: unknown key.')\n"
    )
    done = place.run()
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2] == "study.yaml: unknown key."


@pytest.mark.slow
def test_a_wrong_option_is_named_in_one_sentence(place: Place) -> None:
    done = place.run("--no-such-option")
    assert done.returncode == 2
    said = "nnunet-losses run, as Snakemake: unrecognized arguments: --no-such-option; see `snakemake --help`."
    assert done.stderr.splitlines()[-2] == said
    assert "usage" not in done.stderr
    assert "targets" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("where", [[], ["--directory", "elsewhere"]])
def test_a_dry_run_shows_the_plan_wherever_results_go(place: Place, where: list[str]) -> None:
    done = place.run("-n", *where)
    assert done.returncode == 0, done.stderr
    assert "rule make:" in done.stdout
    assert not (place.folder / "logs").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_and_the_same_command_goes_on(place: Place, number: signal.Signals) -> None:
    process = place.start(second="sleep 600")
    wait_for((place.folder / "logs/make/2.log").is_file)
    wait_for(lambda: any((place.folder / ".snakemake/metadata").glob("*")))  # of the first job, which has ended
    process.send_signal(number)
    _, told = process.communicate(timeout=60)  # the job would take 600
    assert process.returncode == 128 + number
    assert processes_in(place.folder) == []
    assert told.endswith("Stopped. Run the same command again to continue.\n")
    assert " failed" not in told
    if number == signal.SIGINT:
        done = place.run()
        assert done.returncode == 0
        assert "small · 1 of 1 jobs" in done.stderr


@pytest.mark.slow
def test_what_ignores_the_interrupt_is_killed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    process = place.start(second="trap '' INT TERM; touch deaf; sleep 600; sleep 600")
    wait_for((place.folder / "deaf").is_file)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    process.send_signal(signal.SIGINT)  # a second one does not wait
    process.communicate(timeout=60)
    assert process.returncode == 130
    wait_for(lambda: not processes_in(place.folder), 60)  # who is killed takes a moment to vanish


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_before_the_study_and_during_it(place: Place, small_disk: SmallDisk) -> None:
    there = Place(small_disk.folder)
    shutil.copytree(place.folder, there.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("small"))
    done = there.run("--rerun-incomplete", first="cat /dev/zero > filler")
    assert done.returncode == 1
    sentence = rf"There is not enough space for {there.folder}: .* free. Free some and run the same command again\."
    assert re.fullmatch(sentence, done.stderr.splitlines()[-1])
    assert "ermission" not in done.stderr
    assert "Traceback" not in done.stderr
    small_disk.fill(0)
    done = there.run("--rerun-incomplete")
    assert done.returncode == 1
    assert re.fullmatch(f"nnunet-losses run: {sentence}", done.stderr.strip())
    (there.folder / "filler").unlink()
    done = there.run("--rerun-incomplete")
    assert done.returncode == 0, done.stderr


def test_a_study_that_is_not_there_gets_one_sentence(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.folder)
    Path("config/studies").mkdir()
    Path("config/studies/other.yaml").write_text("study: other\n")
    done = CliRunner().invoke(app, ["run", "--configfile", "config/studies/othr.yaml"])
    assert done.exit_code == 1
    assert done.stderr == (
        "nnunet-losses run: There is no config file config/studies/othr.yaml; there are config/config.yaml "
        "(the default), config/studies/other.yaml.\n"
    )
    Path("Snakefile").unlink()
    assert "There is no Snakefile in" in CliRunner().invoke(app, ["run"]).stderr
