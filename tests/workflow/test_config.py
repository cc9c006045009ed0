"""What is wrong is said before the first job."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, Workplace, job_counts

Make = Callable[..., Workplace]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"foldz": {"number": 2}}, "unknown key 'foldz'; did you mean 'folds'?"),
        ({"folds": {"number": 2, "run": [2]}}, "folds.run asks for fold 2, but there are 2 folds, 0 to 1."),
        ({"datasets": ["phantum"]}, "There is no data-set file"),
        ({"trainers": ["TverskyTrainer_fq0.1"]}, "TverskyTrainer has no option fq0.1"),
        ({"trainers": ["TverskiTrainer"]}, "did you mean TverskyTrainer"),
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


def test_an_unwritable_output_folder_stops_before_the_first_job(workplace: Make) -> None:
    place = workplace()
    (place.folder / "results").write_text("a file where a folder should be")
    done = place.run()
    assert done.returncode == 1
    assert "Cannot write to" in done.stdout
    assert "choose another folder" in done.stdout


def test_a_study_plans_each_training_once(workplace: Make) -> None:
    plan = workplace().succeed("--dry-run")
    counts = job_counts(plan)
    assert counts["train"] == counts["predict"] == counts["evaluate"] == 4
    assert (
        counts["plan"] == counts["split"] == counts["preprocess"] == counts["compare"] == counts["publish_report"] == 1
    )


def test_a_report_that_came_with_the_repository_does_not_stand_for_the_study(workplace: Make) -> None:
    place = workplace()
    report = place.folder / "reports" / "toy" / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text("as in a fresh clone")
    counts = job_counts(place.succeed("--dry-run"))
    assert counts["train"] == 4
    assert counts["publish_report"] == 1


@pytest.mark.parametrize(
    "file", sorted(str(p.relative_to(ROOT)) for p in (ROOT / "config").rglob("*.yaml") if "studies" in str(p))
)
def test_shipped_studies_can_be_planned(
    workplace: Make, file: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MY_DATA", str(tmp_path))  # the template names it
    place = workplace()
    command = place.command("--dry-run", "--quiet", "all")
    command[command.index("--configfile") + 1] = str(ROOT / file)
    import subprocess

    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
