"""A study in one file: made, verified, and reported on again."""

import json
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.tables.results import RESULTS
from nnunet_losses.base.tables.storage import write_tables
from nnunet_losses.cli import app
from nnunet_losses.comparison import bundle
from nnunet_losses.comparison.bundle import read_bundle, write_bundle
from nnunet_losses.study.kept import MEASURED, TRAINED
from nnunet_losses.study.record import Run, write_record
from nnunet_losses.study.study import load_study

DATASET, CONFIGURATION = "Dataset900_P", "3d_fullres"
TRAINERS = ("DiceTrainer", "FocalTrainer")
CONFIG = {
    "study": "toy", "datasets": ["p"], "trainers": list(TRAINERS), "folds": {"number": 2},
    "evaluation": {"metrics": ["dice"]}, "statistics": {"resamples": 100},
}  # fmt: skip

CLAIM = {
    "name": "focal", "says": "Focal is better.", "metric": "dice", "source": "abstract",
    "difference": {"first": [TRAINERS[1]], "second": [TRAINERS[0]]},
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a study in which one of four trainings is missing."""
    folder = tmp_path / "place"
    claims = tmp_path / "paper.yaml"
    claims.write_text(yaml.safe_dump({"paper": "Somebody 2020", "claims": [CLAIM]}))
    study = load_study(CONFIG | {"claims": [str(claims)]})
    runs = study.runs([DATASET], 2)
    (folder / "results/studies/toy").mkdir(parents=True)
    write_record(folder / "results/studies/toy/study.json", study.record(runs))
    splits = folder / f"results/datasets/{DATASET}/splits_final.json"
    splits.parent.mkdir(parents=True)
    splits.write_text("[]")
    for run in runs[:3]:
        write_run(folder, run)
    monkeypatch.chdir(tmp_path)
    return folder


def write_run(folder: Path, run: Run) -> None:
    """The tables of a training; one case in each of four."""
    identity = {"dataset": DATASET, "configuration": CONFIGURATION, "trainer": run.trainer, "seed": 0, "fold": run.fold}
    cases = [
        identity | {"case": f"{run.fold}{n}", "label": "lesion", "metric": "dice", "unit": "1", "status": "ok"}
        | {"value": 0.5 + 0.1 * n + 0.01 * len(run.trainer)}
        for n in range(4)
    ]  # fmt: skip
    job = identity | {"seconds": 1.0, "peak_memory_mb": 1.0, "device": "cpu", "hardware": "h"}
    job |= {"epochs": 1.0, "status": "completed", "collapsed": False}
    job |= {"utilisation": 0.9, "resumes": 0.0, "queued_seconds": float("nan")}
    rows = {"cases": cases, "jobs": [job]}
    for kind, names in (("tables", MEASURED), ("models", TRAINED)):
        out = folder / f"results/{kind}/{DATASET}/nnUNetPlans__{CONFIGURATION}/{run.trainer}/fold_{run.fold}"
        write_tables(out, {name: RESULTS[name].build(rows.get(name, ())) for name in names})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of one line, which is the sum of all values."""

    def report(folder: Path, out: Path) -> None:
        values = [
            pd.read_parquet(file)["value"].sum() for file in sorted((folder / "trainings").rglob("cases.parquet"))
        ]
        out.mkdir(parents=True)
        (out / "report.html").write_text(str(sum(values)))

    monkeypatch.setattr(bundle, "_make_report", report)


def repacked(file: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """The bundle with other content."""
    with zipfile.ZipFile(file) as zipped:
        content = {name: zipped.read(name) for name in zipped.namelist()}
    change(content)
    with zipfile.ZipFile(file.with_name("other.zip"), "w") as zipped:
        for name, data in content.items():
            zipped.writestr(name, data)
    return file.with_name("other.zip")


@pytest.mark.slow
def test_another_site_makes_the_same_report_byte_for_byte(place: Path, tmp_path: Path) -> None:
    file = tmp_path / "toy.zip"
    told = CliRunner().invoke(app, ["bundle", "toy", "--directory", str(place), "--out", str(file), "--licence", "CC0"])
    assert told.stdout.startswith(f"{file}: 3 of 4 trainings, "), told.output
    assert sha256(file.read_bytes()).hexdigest() in told.stdout
    told = CliRunner().invoke(app, ["unbundle", str(file), str(tmp_path / "there")])
    assert "is as it was made, and its report came out the same, byte for byte" in told.stdout, told.output
    there = tmp_path / "there"
    page = (there / "report/report.html").read_text()
    assert "FocalTrainer" in page and "missing" in page
    assert "Focal is better." in page
    (paper,) = (there / "claims").iterdir()
    assert paper.name == "paper.yaml"
    assert load_study(json.loads((there / "study.json").read_text())["config"]).trainers == TRAINERS
    for line in (there / "manifest-sha256.txt").read_text().splitlines():
        digest, name = line.split("  ", 1)
        assert sha256((there / name).read_bytes()).hexdigest() == digest
    graph = {entity["@id"]: entity for entity in json.loads((there / "ro-crate-metadata.json").read_text())["@graph"]}
    assert graph["./"]["license"] == "CC0"
    parts = {part["@id"] for part in graph["./"]["hasPart"]}
    assert {"study.yaml", f"folds/{DATASET}/splits_final.json", "report/report.html", "requirements.txt"} <= parts
    assert sum(name.endswith("cases.parquet") and name.startswith("trainings/") for name in parts) == 3


@pytest.mark.usefixtures("quick")
def test_a_loss_joins_by_its_tables_or_by_the_study(place: Path, tmp_path: Path) -> None:
    write_bundle("toy", place, tmp_path / "toy.zip", licence="x")
    read_bundle(tmp_path / "toy.zip", tmp_path / "there")
    other = tmp_path / "other"
    splits = other / f"results/datasets/{DATASET}/splits_final.json"
    splits.parent.mkdir(parents=True)
    folds = [{"train": ["t"], "val": [f"{fold}{n}" for n in range(4)]} for fold in range(2)]
    splits.write_text(json.dumps(folds))
    from nnunet_losses.study.kept import restore_tables

    runs = load_study(CONFIG | {"trainers": [*TRAINERS, "TverskyTrainer"]}).runs([DATASET], 2)
    restored = restore_tables(runs, "nnUNetPlans", other / "results", tmp_path / "there/trainings")
    assert [(run.trainer, run.fold) for run in restored] == [
        ("DiceTrainer", 0),
        ("DiceTrainer", 1),
        ("FocalTrainer", 0),
    ]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("study.yaml"), r"study\.yaml is missing\. Ask for it again"),
        (lambda c: c.update({"more.txt": b"x"}), r"more\.txt was added"),
        (lambda c: c.update({"study.yaml": b"x", "more.txt": b"x"}), r"was .* \(1 more problems\)"),
        (lambda c: c.pop("manifest-sha256.txt"), "is no bundle of a study: it lacks"),
        (lambda c: c.update({"../out.txt": b"x"}), "leads out of its folder; do not trust this archive"),
    ],
)
def test_what_was_changed_on_the_way_is_refused_and_nothing_is_left(
    place: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], object], message: str
) -> None:
    write_bundle("toy", place, tmp_path / "toy.zip", licence="x")
    with pytest.raises(UserError, match=message):
        read_bundle(repacked(tmp_path / "toy.zip", change), tmp_path / "there")
    assert not (tmp_path / "there").exists()


@pytest.mark.usefixtures("quick")
def test_a_report_that_comes_out_differently_names_the_versions(place: Path, tmp_path: Path) -> None:
    write_bundle("toy", place, tmp_path / "toy.zip", licence="x")

    def forge(content: dict[str, bytes]) -> None:
        content["report/report.html"] = b"we won"
        content["provenance.json"] = json.dumps({"versions": {"numpy": "1.0"}}).encode()
        sums = {name: sha256(data).hexdigest() for name, data in content.items() if name != "manifest-sha256.txt"}
        content["manifest-sha256.txt"] = "".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode()

    other = repacked(tmp_path / "toy.zip", forge)
    with pytest.raises(UserError, match=r"1 of its 1 files, the first of them report\.html\. .*numpy 1\.0 there"):
        read_bundle(other, tmp_path / "there")


def test_a_study_of_which_nothing_is_finished_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no record of a study"):
        write_bundle("toy", tmp_path, tmp_path / "toy.zip", licence="x")
    (tmp_path / "results/studies/toy").mkdir(parents=True)
    study = load_study(CONFIG)
    write_record(tmp_path / "results/studies/toy/study.json", study.record(study.runs([DATASET], 2)))
    with pytest.raises(UserError, match=r"Nothing of toy in .* is finished"):
        write_bundle("toy", tmp_path, tmp_path / "toy.zip", licence="x")
    with pytest.raises(UserError, match="There is no bundle"):
        read_bundle(tmp_path / "toy.zip", tmp_path / "there")


def test_what_is_no_zip_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no zip file")
    told = CliRunner().invoke(app, ["unbundle", str(tmp_path / "notes.txt"), str(tmp_path / "there")])
    assert told.exit_code == 1
    said = f"{tmp_path / 'notes.txt'} is no bundle of a study: it is no zip file, or not a whole one."
    assert told.stderr.splitlines() == [f"nnunet-losses unbundle: {said}"]
    assert not (tmp_path / "there").exists()


def test_a_study_of_which_only_aggregated_results_may_be_passed_on_is_not_packed(place: Path, tmp_path: Path) -> None:
    study = load_study(CONFIG | {"report": {"aggregated": True}})
    write_record(place / "results/studies/toy/study.json", study.record(study.runs([DATASET], 2)))
    with pytest.raises(UserError, match="Of toy only aggregated results may be passed on .* pass on its report"):
        write_bundle("toy", place, tmp_path / "toy.zip", licence="CC0")
    assert not (tmp_path / "toy.zip").exists()
