"""The trainings in a results folder."""

from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.results.trainings import Training, find_trainings

MODELS = {
    "DiceTrainer__nnUNetPlans__2d": [0],
    "DiceTrainer__nnUNetPlans__3d_fullres": [1, 0, 10],
    "nnUNetTrainer__nnUNetPlans__3d_fullres": [0],
    "nnUNetTrainer__nnUNetResEncUNetMPlans__3d_fullres": [0],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for model, folds in MODELS.items():
        for fold in folds:
            (tmp_path / model / f"fold_{fold}").mkdir(parents=True)
    (tmp_path / "DiceTrainer__nnUNetPlans__2d" / "fold_all").mkdir()
    (tmp_path / "ensembles" / "a__b__c___d__e__f").mkdir(parents=True)
    (tmp_path / "DiceTrainer__nnUNetPlans__file").touch()
    return tmp_path


def test_they_are_sorted_and_others_left_out(folder: Path) -> None:
    found = find_trainings(folder)
    assert [(t.plans, t.configuration, t.trainer, t.fold) for t in found] == [
        ("nnUNetPlans", "2d", "DiceTrainer", 0),
        *[("nnUNetPlans", "3d_fullres", "DiceTrainer", fold) for fold in (0, 1, 10)],
        ("nnUNetPlans", "3d_fullres", "nnUNetTrainer", 0),
        ("nnUNetResEncUNetMPlans", "3d_fullres", "nnUNetTrainer", 0),
    ]
    assert found[0] == Training(
        folder.name, "nnUNetPlans", "2d", "DiceTrainer", 0, folder / "DiceTrainer__nnUNetPlans__2d" / "fold_0"
    )
    assert str(found[1]) == "DiceTrainer, 3d_fullres, fold 0"


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ({"trainers": ["Dice*"]}, 4),
        ({"trainers": ["DiceTrainer", "nnUNetTrainer"]}, 6),
        ({"configurations": ["2d"]}, 1),
        ({"plans": ["nnUNetRes*"]}, 1),
        ({"trainers": ["Dice*"], "configurations": ["3d*"], "plans": ["nnUNetPlans"]}, 3),
    ],
)
def test_names_and_patterns_select(folder: Path, wanted: dict[str, list[str]], number: int) -> None:
    assert len(find_trainings(folder, **wanted)) == number


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"trainers": ["DiceTrainr"]}, "holds no trainer DiceTrainr; did you mean DiceTrainer?"),
        ({"trainers": ["Dice*", "Q"]}, "holds no trainer Q; there are DiceTrainer, nnUNetTrainer."),
        ({"configurations": ["zz"]}, "holds no configuration zz; there are 2d, 3d_fullres."),
        ({"plans": ["zz"]}, "holds no plans zz; there are nnUNetPlans, nnUNetResEncUNetMPlans."),
        ({"trainers": ["nnUNetTrainer"], "configurations": ["2d"]}, "holds no configuration 2d; there are 3d_fullres."),
    ],
)
def test_what_fits_none_is_named(folder: Path, wanted: dict[str, list[str]], sentence: str) -> None:
    with pytest.raises(UserError) as error:
        find_trainings(folder, **wanted)
    assert sentence in str(error.value)


def test_a_folder_without_trainings_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no training; nnU-Net's are folders <trainer>__<plans>__"):
        find_trainings(tmp_path)


@pytest.mark.parametrize("file", ["checkpoint_final.pth", "validation/summary.json"])
def test_a_checkpoint_or_a_summary_shows_the_end(folder: Path, file: str) -> None:
    training = find_trainings(folder)[0]
    assert not training.finished
    (training.folder / file).parent.mkdir(exist_ok=True)
    (training.folder / file).touch()
    assert training.finished
    assert training.validation == training.folder / "validation"
