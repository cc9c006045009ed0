"""Splits are made once, and never changed under trainings."""

import json
from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.preparation.splits import case_names, make_splits, write_splits

CASES = [f"c{n:02d}" for n in range(10)]


def test_default_splits_are_nnunets_own() -> None:
    from nnunetv2.utilities.crossval_split import generate_crossval_split

    own = [{part: list(map(str, cases)) for part, cases in split.items()} for split in generate_crossval_split(CASES)]
    assert make_splits(CASES[::-1], folds=5) == own


def test_every_case_is_validated_once() -> None:
    splits = make_splits(CASES, folds=3, seed=1)
    assert sorted(case for split in splits for case in split["val"]) == CASES
    assert all(not set(split["train"]) & set(split["val"]) for split in splits)


def test_other_splits_are_not_overwritten(tmp_path: Path) -> None:
    path = write_splits(tmp_path, make_splits(CASES, folds=3), CASES)
    assert json.loads(path.read_text()) == make_splits(CASES, folds=3)
    write_splits(tmp_path, make_splits(CASES, folds=3), CASES)  # the same again is fine
    with pytest.raises(UserError, match="holds other splits than those asked for"):
        write_splits(tmp_path, make_splits(CASES, folds=5), CASES)


def test_too_few_cases_and_unknown_cases_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="5 folds need at least 5 cases, but there are 3"):
        make_splits(CASES[:3], folds=5)
    with pytest.raises(UserError, match="Fold 0 of the splits names zz"):
        write_splits(tmp_path, [{"train": ["c00"], "val": ["zz"]}], CASES)


def test_case_names_are_nnunets(world_once: Path) -> None:
    assert case_names(world_once / "raw/Dataset901_Labels") == [f"case_{n}" for n in range(6)]
