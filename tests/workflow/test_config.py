"""What is wrong is said before the first job. `tests/study` has every mistake; here is one of each source."""

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import yaml

from nnunet_losses.data.raw import prepare_raw

from ..conftest import SmallDisk
from .conftest import LIMIT_S, ROOT, RUN, Workplace, environment, job_counts, make_workplace

Make = Callable[..., Workplace]


@pytest.mark.slow
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
def test_a_full_disk_stops_before_the_first_job(small_disk: SmallDisk) -> None:
    place = make_workplace(small_disk.folder)
    command = place.command("--dry-run")
    small_disk.fill(0)
    done = subprocess.run(
        command, cwd=place.folder, env=environment(), capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert f"There is not enough space for {place.folder}" in told
    assert "Traceback" not in told
    assert "permission" not in told
    (small_disk.folder / "filler").unlink()
    place.succeed("--dry-run")


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


@pytest.mark.slow
def test_a_data_set_is_prepared_again_if_its_source_was_changed(workplace: Make, tmp_path: Path) -> None:
    phantom = {"name": "Dataset900_Phantom", "source": {"phantom": {"cases": 3, "shape": [24, 32, 32]}}}
    source = prepare_raw(phantom, tmp_path, progress=False)
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump({"name": "Dataset901_Own", "source": {"path": str(source)}}))
    place, target = workplace(datasets=[str(own)]), "results/datasets/Dataset901_Own/summary.json"
    place.succeed(target)
    assert "Nothing to be done" in place.succeed(target)
    before = (place.folder / target).read_text()
    label = next((source / "labelsTr").iterdir())
    image = nib.load(label)
    nib.save(nib.Nifti1Image(np.flip(np.asarray(image.dataobj), 0), image.affine), label)
    assert job_counts(place.succeed("--dry-run", target))["prepare"] == 1
    place.succeed(target)
    assert (place.folder / target).read_text() != before
    log = (place.folder / "logs/prepare/Dataset901_Own.log").read_text()
    assert f"(changed: labelsTr/{label.name}). The data set is prepared again." in log


@pytest.mark.slow
def test_a_folder_that_a_shell_would_take_apart_is_refused_where_jobs_get_it_through_a_shell(workplace: Make) -> None:
    place = workplace()
    done = place.run("--workflow-profile", "none", "--nolock")
    assert done.returncode == 1
    assert f"Snakemake cannot hand {place.folder}/Snakefile to jobs that it starts as processes" in done.stdout
    assert not (place.folder / "results/studies").exists()


@pytest.mark.slow
def test_a_study_is_planned_without_home_locks_and_locale(workplace: Make, hostile: dict[str, str]) -> None:
    place = workplace(title="Lésions → α")
    planned = subprocess.run(
        place.command("--dry-run", by=RUN), env=hostile, cwd=place.folder, umask=0o077, capture_output=True, check=False
    )
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert job_counts(planned.stdout.decode())["train"] == 4
    assert (place.folder / ".snakemake" / "cache").is_dir()


@pytest.mark.slow
def test_a_study_plans_each_training_once_even_if_a_report_of_an_earlier_one_was_kept(workplace: Make) -> None:
    place = workplace()
    report = place.folder / "reports" / "toy" / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text("results/ was removed since")
    counts = job_counts(place.succeed("--dry-run"))
    assert counts["train"] == counts["predict"] == counts["evaluate"] == 4
    once = ("prepare", "plan", "split", "preprocess", "describe_study", "compare", "publish_report", "seal")
    assert [counts[rule] for rule in once] == [1] * len(once)
    only_data = job_counts(place.succeed("--dry-run", "data"))
    assert only_data == {"data": 1, "prepare": 1, "plan": 1, "split": 1, "preprocess": 1, "total": 5}


@pytest.mark.slow
def test_an_ensemble_is_evaluated_and_not_trained_and_the_table_of_a_published_set_is_kept(workplace: Make) -> None:
    place = workplace(ensembles=[["DiceCrossEntropyTrainer", "TverskyTrainer_iw"]])
    published = {"name": "Dataset040_KiTS19", "source": {"original": {"layout": "kits19", "path": "/data/kits19"}}}
    (place.folder / "kits19.yaml").write_text(yaml.safe_dump(published | {"labels": {"background": 0, "kidney": 1}}))
    counts = job_counts(place.succeed("--dry-run", datasets=[str(place.folder / "kits19.yaml")]))
    assert counts["case_table"] == 1
    assert counts["train"] == counts["predict"] == 4
    assert counts["ensemble"] == 2
    assert counts["evaluate"] == 6


@pytest.mark.slow
def test_the_template_of_a_study_can_be_planned(
    workplace: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MY_DATA", str(tmp_path))  # the template names it
    template = str(ROOT / "config/studies/template.yaml")
    workplace().succeed("--dry-run", "--quiet", "all", "--configfile", template)


@pytest.mark.slow
def test_the_case_table_of_a_data_set_reaches_the_split_and_the_comparison(workplace: Make) -> None:
    place = workplace(statistics={"resamples": 200, "cluster": "patient"}, folds={"leave_out": "patient"})
    table = place.folder / "cases.csv"
    table.write_text("case,patient\n" + "".join(f"phantom_{n:03d},{n // 2}\n" for n in range(4)))
    with (place.folder / "phantom.yaml").open("a") as file:
        file.write(f"case_table: {table}\n")
    planned = place.succeed("--dry-run", "--printshellcmds")
    quoted = shlex.quote(f"Dataset900_Phantom={table}")
    assert f"--cases {quoted}" in planned
    assert f"--leave-out patient --case-table {shlex.quote(str(table))}" in planned
