"""What is wrong is said before the first job. `tests/study` has every mistake; here is one of each source."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import LIMIT_S, ROOT, Workplace, job_counts

Make = Callable[..., Workplace]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"folds": {"numbr": 2}}, "study.yaml: unknown key 'numbr' in folds; did you mean 'number'?"),
        ({"trainers": ["SomebodysTrainer"], "training": {}}, "There is no trainer SomebodysTrainer"),
    ],
)
def test_a_wrong_config_stops_before_the_first_job(workplace: Make, changes: dict[str, Any], sentence: str) -> None:
    place = workplace()
    done = place.run("--dry-run", **changes)
    assert done.returncode == 1
    assert sentence in done.stdout
    assert "Traceback" not in done.stdout
    assert not (place.folder / "work").exists()


@pytest.mark.slow
def test_a_key_that_is_given_twice_stops_before_the_first_job(workplace: Make) -> None:
    place = workplace()
    command = place.command("--dry-run")
    with (place.folder / "study.yaml").open("a") as file:
        file.write("\nfolds: {number: 3}\n")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert done.returncode == 1
    assert "the key 'folds' is already in line" in done.stdout + done.stderr


@pytest.mark.slow
def test_an_unwritable_output_folder_stops_before_the_first_job(workplace: Make) -> None:
    place = workplace()
    (place.folder / "results").write_text("a file where a folder should be")
    done = place.run()
    assert done.returncode == 1
    assert "Cannot write to" in done.stdout
    assert "choose another folder" in done.stdout


def test_a_study_plans_each_training_once_even_if_a_report_of_an_earlier_one_was_kept(workplace: Make) -> None:
    place = workplace()
    report = place.folder / "reports" / "toy" / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text("results/ was removed since")
    counts = job_counts(place.succeed("--dry-run"))
    assert counts["train"] == counts["predict"] == counts["evaluate"] == 4
    once = ("prepare", "plan", "split", "preprocess", "describe_study", "compare", "publish_report")
    assert [counts[rule] for rule in once] == [1] * len(once)


@pytest.mark.slow
def test_the_template_of_a_study_can_be_planned(
    workplace: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MY_DATA", str(tmp_path))  # the template names it
    template = str(ROOT / "config/studies/template.yaml")
    workplace().succeed("--dry-run", "--quiet", "all", "--configfile", template)
