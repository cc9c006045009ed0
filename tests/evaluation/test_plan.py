"""Which files belong to which case; everything wrong with them is told before any work."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.evaluation import EvaluationSettings, Prediction
from nnunet_losses.evaluation.plan import Job, plan

DATASET = {"labels": {"background": 0, "a": 1, "b": 2}, "file_ending": ".nii.gz", "name": "Toy"}
SPACING = (0.5, 2.0, 3.0)


def save(path: Path, shape: tuple[int, ...] = (6, 7, 8), spacing: tuple[float, ...] = SPACING) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.zeros(shape, np.uint8), np.diag([*spacing, 1.0])), path)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Three references, and of each a prediction and a file of probabilities."""
    for case in range(3):
        for name in ("labels", "trainer1"):
            save(tmp_path / name / f"case{case}.nii.gz")
        (tmp_path / "trainer1" / f"case{case}.npz").touch()
    return tmp_path


def jobs_of(
    folders: Path,
    *,
    dataset: object = DATASET,
    npz: bool = False,
    identity: dict[str, str | int] | None = None,
    cases: list[str] | None = None,
    settings: EvaluationSettings | None = None,
    allow: bool = False,
    trainer: str = "trainer1",
) -> list[Job]:
    directory = folders / trainer
    prediction = Prediction(directory, directory if npz else None, identity or {}, cases)
    return plan(
        folders / "labels",
        [prediction],
        folders / "out",
        dataset_json=dataset,
        settings=settings or EvaluationSettings(),
        allow_geometry_mismatch=allow,
    )


def test_each_case_has_its_files_its_spacing_and_an_identity(folders: Path) -> None:
    jobs = jobs_of(folders, npz=True, cases=["case0"], identity={"fold": 3})
    ((job, task),) = [(job, task) for job in jobs for task in job.tasks]
    assert (job.case, job.reference, job.spacing) == ("case0", folders / "labels" / "case0.nii.gz", SPACING)
    assert task.prediction == folders / "trainer1" / "case0.nii.gz"
    assert task.probabilities == folders / "trainer1" / "case0.npz"
    assert task.identity == {"dataset": "Toy", "configuration": "", "trainer": "trainer1", "fold": 3, "seed": 0}
    assert [job.case for job in jobs_of(folders)] == ["case0", "case1", "case2"]
    unnamed = {key: DATASET[key] for key in ("labels", "file_ending")}
    assert jobs_of(folders, dataset=unnamed)[0].tasks[0].identity["dataset"] == "labels"


def test_every_problem_is_listed(folders: Path) -> None:
    (folders / "trainer1" / "case0.nii.gz").unlink()
    save(folders / "trainer1" / "case2.nii.gz", spacing=(0.5, 2.0, 3.1))
    with pytest.raises(UserError) as error:
        jobs_of(folders, cases=["case0", "case1", "case2", "case3"])
    lines = str(error.value).splitlines()
    assert len(lines) == 3
    assert "case0.nii.gz is missing" in lines[0]
    assert "case2.nii.gz is shifted against its reference" in lines[1]
    assert "(a corner by 1.4 voxels)" in lines[1]
    assert "case3.nii.gz is missing, the reference of case 'case3'" in lines[2]


@pytest.mark.parametrize(("count", "last"), [(20, "x19"), (21, "… and 1 more."), (25, "… and 5 more.")])
def test_a_long_list_of_problems_is_cut(folders: Path, count: int, last: str) -> None:
    with pytest.raises(UserError) as error:
        jobs_of(folders, cases=[f"x{i}" for i in range(count)])
    lines = str(error.value).splitlines()
    assert len(lines) == min(count, 21)
    assert last in lines[-1]


def test_a_wrong_header_can_be_allowed_but_not_a_wrong_shape(folders: Path) -> None:
    save(folders / "trainer1" / "case1.nii.gz", spacing=(1, 1, 1))
    assert jobs_of(folders, allow=True)[1].spacing == SPACING
    save(folders / "trainer1" / "case1.nii.gz", (6, 7, 9))
    (broken,) = jobs_of(folders, allow=True)[1].broken
    assert "has shape" in broken.fault


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f: (f / "labels" / "case1.nii.gz").write_bytes(b"no image"), r"labels.case1\.nii\.gz cannot be read"),
        (lambda f: (f / "trainer1" / "case0.npz").unlink(), r"case0\.npz is missing"),
        (lambda f: save(f / "trainer1" / "stale.nii.gz"), r"stale\.nii\.gz is missing, the reference"),
    ],
)
def test_a_bad_file_is_named_in_one_sentence(folders: Path, spoil, sentence: str) -> None:
    spoil(folders)
    with pytest.raises(UserError, match=sentence) as error:
        jobs_of(folders, npz=True)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("dataset", "sentence"),
    [
        ({"labels": {"a": 1}, "file_ending": ".mha"}, r"holds no references ending in '\.mha'"),
        ({"file_ending": ".nii.gz"}, r"dataset\.json has no 'labels'"),
        ({"labels": {"a": 1}}, r"dataset\.json has no 'file_ending'"),
    ],
)
def test_a_dataset_json_that_does_not_fit_is_refused(folders: Path, dataset: dict[str, object], sentence: str) -> None:
    (folders / "dataset.json").write_text(json.dumps(dataset))
    for given in (dataset, folders / "dataset.json", str(folders / "dataset.json")):
        with pytest.raises(UserError, match=sentence):
            jobs_of(folders, dataset=given)


def test_missing_folders_and_unknown_columns_are_told(folders: Path) -> None:
    with pytest.raises(UserError, match="There is no folder"):
        jobs_of(folders, trainer="trainer7")
    with pytest.raises(UserError, match="unknown column 'trainr'"):
        jobs_of(folders, identity={"trainr": "x"})
    (folders / "trainer5").mkdir()
    with pytest.raises(UserError, match="holds no predictions"):
        jobs_of(folders, trainer="trainer5")


def test_whatever_changes_a_result_changes_its_name(folders: Path) -> None:
    def name(**changes: object) -> str:
        return jobs_of(folders, cases=["case0"], **changes)[0].tasks[0].part.name

    first = name()
    others = {
        name(settings=EvaluationSettings(beta=1)),
        name(identity={"fold": 4}),
        name(npz=True),
        name(dataset={**DATASET, "labels": {"background": 0, "whole": [1, 2], "b": 2}}),
    }
    assert name() == first
    save(folders / "labels" / "case0.nii.gz")
    others |= {name()}
    assert len({first, *others}) == 6
