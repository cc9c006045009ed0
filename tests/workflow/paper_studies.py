"""The five papers' studies: the full ones are planned on miniatures of their data, the small ones run to their end.

`make studies` runs this file; it takes minutes, so that plain pytest leaves it out.
"""

import shutil

import pandas as pd
import pytest
import yaml

from nnunet_losses.data.description import load_dataset_description
from nnunet_losses.nnunet.names.grammar import parse_trainer_name
from nnunet_losses.study.study import read_study

from ..data.originals.replicas import REPLICAS
from .conftest import ROOT, RUN, Workplace, job_counts, make_workplace

PAPERS = ("tversky-2017", "mixed-focal-2021", "inverse-weighting-2020", "asymmetric-2018", "loss-odyssey-2021")
FILES = [path.stem for paper in PAPERS for path in sorted((ROOT / "config/studies").glob(f"{paper}*.yaml"))]
FULL = [study for study in FILES if not study.endswith("-small")]
pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A checkout whose ``resources/`` hold miniatures of what the full studies need."""
    made = make_workplace(tmp_path_factory.mktemp("papers"))
    for file in (ROOT / "config/datasets").glob("*.yaml"):
        source = yaml.safe_load(file.read_text(encoding="utf-8"))["source"].get("original")
        if source is not None and source["layout"] in REPLICAS:
            description = load_dataset_description(file)
            folder = made.folder / (source.get("path") or f"resources/{description.name}")
            if not folder.exists():
                REPLICAS[source["layout"]].build(folder)
    return made


def run(place: Workplace, study: str, *options: str) -> str:
    """Run a study of the checkout; it must succeed."""
    return place.succeed(*options, "--configfile", str(place.folder / f"config/studies/{study}.yaml"), by=RUN)


@pytest.mark.parametrize("study", FULL)
def test_a_full_study_is_planned_on_miniatures_of_its_data(place: Workplace, study: str) -> None:
    known = read_study(place.folder / f"config/studies/{study}.yaml")
    counts = job_counts(run(place, study, "--dry-run"))
    folds = 1 if known.config.folds.file else known.config.folds.number
    trainings = len(known.trained) * len(known.config.datasets) * folds
    assert counts["train"] == counts["predict"] == counts["evaluate"] == trainings
    assert counts["prepare"] == len(known.config.datasets)


@pytest.mark.parametrize("paper", PAPERS)
def test_a_small_study_runs_to_its_report_by_both_recipes(place: Workplace, paper: str) -> None:
    study = f"{paper}-small"
    run(place, study)
    jobs = pd.read_parquet(place.folder / f"results/studies/{study}/tables/jobs.parquet")
    assert set(jobs["status"]) <= {"completed"}
    names = [parse_trainer_name(name) for name in jobs["trainer"].unique()]
    assert sum(bool(name.changes) for name in names) == 1
    report = (place.folder / f"reports/{study}/report.html").read_text()
    assert "more than the loss differed" in report
    shutil.rmtree(place.folder / f"reports/{study}")
