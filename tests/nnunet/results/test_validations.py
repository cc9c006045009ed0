"""Which cases a training predicted out of fold."""

from pathlib import Path

import pytest

from nnunet_losses.nnunet.results.trainings import Training
from nnunet_losses.nnunet.results.validations import Validation, find_validation, without_repeats

SPLITS = [{"train": ["c", "d"], "val": ["a", "b"]}, {"train": ["a", "b"], "val": ["c", "d"]}]


def training(folder: Path, fold: int = 0, trainer: str = "DiceTrainer") -> Training:
    return Training("Dataset004_Tiny", "nnUNetPlans", "2d", trainer, fold, folder)


@pytest.fixture
def fold(tmp_path: Path) -> Path:
    """A finished fold that predicted a and b."""
    (tmp_path / "validation").mkdir()
    for name in ("a.nii.gz", "b.nii.gz", "a.npz", "summary.json", "a.pkl", ".b.nii.gz"):
        (tmp_path / "validation" / name).touch()
    return tmp_path


def log(fold: Path, *cases: str) -> None:
    (fold / "training_log_2026_1_1_00_00_00.txt").write_text("".join(f": predicting {case}\n" for case in cases))


def add(fold: Path, *cases: str) -> None:
    for case in cases:
        (fold / "validation" / f"{case}.nii.gz").touch()


def test_the_cases_are_those_of_the_files_the_log_and_the_splits(fold: Path) -> None:
    for logged in ((), ("a", "b")):
        log(fold, *logged)
        found = find_validation(training(fold), ".nii.gz", SPLITS)
        assert found.cases == ("a", "b")
        assert found.with_probabilities == {"a"}
        assert found.remarks == ()


def test_files_that_the_log_or_the_splits_do_not_name_are_left_out(fold: Path) -> None:
    add(fold, "z")
    for logged in ((), ("a", "b")):
        log(fold, *logged)
        found = find_validation(training(fold), ".nii.gz", SPLITS)
        assert found.cases == ("a", "b")
        assert found.remarks == (
            "DiceTrainer, 2d, fold 0: 1 of 3 predictions are not from its last validation and are left out.",
        )


def test_without_log_and_splits_all_files_count(fold: Path) -> None:
    add(fold, "z")
    for splits in (None, []):
        found = find_validation(training(fold), ".nii.gz", splits)
        assert found.cases == ("a", "b", "z")
    assert find_validation(training(fold), ".nii.gz", None).remarks == ()


def test_other_splits_are_told_and_the_own_cases_count(fold: Path) -> None:
    add(fold, "z")
    log(fold, "a", "z")
    found = find_validation(training(fold), ".nii.gz", SPLITS)
    assert found.cases == ("a", "z")
    assert found.remarks == (
        "DiceTrainer, 2d, fold 0 was trained with other splits than splits_final.json; its own cases are compared.",
        "DiceTrainer, 2d, fold 0: 1 of 3 predictions are not from its last validation and are left out.",
    )


def test_predictions_that_are_missing_are_told_once_the_training_is_finished(fold: Path) -> None:
    (fold / "validation" / "a.nii.gz").unlink()
    log(fold, "a", "b")
    found = find_validation(training(fold), ".nii.gz", SPLITS)
    assert found.cases == ("b",)
    assert found.with_probabilities == set()
    assert found.remarks == (
        "DiceTrainer, 2d, fold 0: 1 of 2 predictions are missing; nnUNetv2_train ... --val makes them.",
    )
    (fold / "validation" / "summary.json").unlink()
    assert find_validation(training(fold), ".nii.gz", SPLITS).remarks == ()


def test_a_log_that_was_cut_off_does_not_hide_cases_of_the_split(fold: Path) -> None:
    log(fold, "a")
    assert find_validation(training(fold), ".nii.gz", SPLITS).cases == ("a", "b")


def test_a_training_without_predictions_has_no_cases(tmp_path: Path) -> None:
    found = find_validation(training(tmp_path), ".nii.gz", SPLITS)
    assert found == Validation(training(tmp_path), (), frozenset(), ())


def test_a_case_counts_once_in_the_fold_of_the_splits_or_the_first(tmp_path: Path) -> None:
    def validation(fold: int, *cases: str, trainer: str = "DiceTrainer") -> Validation:
        return Validation(training(tmp_path, fold, trainer), cases, frozenset(cases), ())

    both = [validation(0, "a", "c", "z"), validation(1, "c", "d", "z"), validation(1, "a", "z", trainer="IoUTrainer")]
    first, second, other = without_repeats(both, SPLITS)
    assert (first.cases, second.cases, other.cases) == (("a", "z"), ("c", "d"), ("a", "z"))
    assert (first.with_probabilities, second.with_probabilities) == ({"a", "z"}, {"c", "d"})
    assert first.remarks == (
        "DiceTrainer, 2d, fold 0: 1 of 3 cases are counted in another fold, which also predicted them.",
    )
    assert other.remarks == ()
    first, second, _ = without_repeats(both, None)
    assert (first.cases, second.cases) == (("a", "c", "z"), ("d",))
