"""What is wrong is said before the first job. `tests/test_study.py` has every mistake; here is one of each source."""

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
        ({"datasets": ["phantum"]}, "There is no data-set file"),
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


def test_a_study_plans_each_training_once_even_if_a_report_of_an_earlier_one_was_kept(workplace: Make) -> None:
    place = workplace()
    report = place.folder / "reports" / "toy" / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text("results/ was removed since")
    counts = job_counts(place.succeed("--dry-run"))
    assert counts["train"] == counts["predict"] == counts["evaluate"] == 4
    once = ("prepare", "plan", "split", "preprocess", "describe_study", "compare", "publish_report")
    assert [counts[rule] for rule in once] == [1] * len(once)


@pytest.mark.parametrize("file", sorted(path.name for path in (ROOT / "config/studies").glob("*.yaml")))
def test_shipped_studies_can_be_planned(
    workplace: Make, file: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MY_DATA", str(tmp_path))  # the template names it
    place = workplace()
    (place.folder / file).write_text((ROOT / "config/studies" / file).read_text())
    place.succeed("--dry-run", "--quiet", "all", "--configfile", str(place.folder / file))
