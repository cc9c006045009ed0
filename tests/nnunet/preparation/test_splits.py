"""Splits are made once, and never changed under trainings."""

import json
import multiprocessing
from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.splits import Splits
from nnunet_losses.cli import data
from nnunet_losses.nnunet.preparation.splits import (
    case_names,
    leave_out_splits,
    make_balanced_splits,
    make_splits,
    write_splits,
)

CASES = [f"c{n:02d}" for n in range(10)]


def test_default_splits_are_nnunets_own() -> None:
    from nnunetv2.utilities.crossval_split import generate_crossval_split

    own = [{part: list(map(str, cases)) for part, cases in split.items()} for split in generate_crossval_split(CASES)]
    assert make_splits(CASES[::-1], folds=5) == own


def test_every_case_is_validated_once() -> None:
    splits = make_splits(CASES, folds=3, seed=1)
    assert sorted(case for split in splits for case in split["val"]) == CASES
    assert all(not set(split["train"]) & set(split["val"]) for split in splits)


@pytest.mark.slow
def test_of_processes_that_want_different_folds_at_once_one_gets_them(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier, told = context.Barrier(8), context.SimpleQueue()

    wanted = [make_splits(CASES, folds=3, seed=seed) for seed in range(8)]

    def ask(number: int) -> None:
        barrier.wait()
        try:
            told.put(write_splits(tmp_path, wanted[number], CASES).read_text())
        except UserError as error:
            told.put(str(error))

    for _ in range(5):
        asked = [context.Process(target=ask, args=(number,)) for number in range(8)]
        for process in asked:
            process.start()
        answers = [told.get() for _ in asked]
        for process in asked:
            process.join()
        winner = (tmp_path / "splits_final.json").read_text()
        assert answers.count(winner) == 1
        assert sum("holds other splits than those asked for" in answer for answer in answers) == 7
        (tmp_path / "splits_final.json").unlink()


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


def held_out(splits: Splits) -> list[list[str]]:
    return [split["val"] for split in splits]


def test_groups_stay_in_one_fold_and_every_case_is_validated_once() -> None:
    patients = {case: f"p{n // 2}" for n, case in enumerate(CASES)}
    splits = make_balanced_splits(CASES, folds=3, groups=patients)
    assert sorted(case for fold in held_out(splits) for case in fold) == CASES
    for split in splits:
        assert sorted(split["train"] + split["val"]) == CASES
        assert not {patients[case] for case in split["train"]} & {patients[case] for case in split["val"]}
    assert sorted(map(len, held_out(splits))) == [2, 4, 4]


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_each_fold_gets_one_of_every_rank(grouped: bool, seed: int) -> None:
    counts = {f"c{n:02d}": 10 ** (n // 2 if grouped else n) for n in range(12)}
    groups = {case: f"g{n // 2}" for n, case in enumerate(counts)} if grouped else None
    folds = held_out(make_balanced_splits([*counts], folds=3, seed=seed, groups=groups, counts=counts))
    units = [sorted({int(case[1:]) // (2 if grouped else 1) for case in fold}) for fold in folds]
    ranks = [[unit // 3 for unit in fold] for fold in units]
    assert ranks == [[0, 1] if grouped else [0, 1, 2, 3]] * 3


def test_another_seed_gives_another_split_and_the_same_seed_the_same() -> None:
    counts = {case: n for n, case in enumerate(CASES)}
    once, again, other = (make_balanced_splits(CASES, folds=3, seed=seed, counts=counts) for seed in (1, 1, 2))
    assert once == again != other


def test_fewer_groups_than_folds_are_refused() -> None:
    with pytest.raises(UserError, match="3 folds need at least 3 groups of cases, but there are 2"):
        make_balanced_splits(CASES, folds=3, groups=dict(zip(CASES, "aaaaabbbbb", strict=True)))


def test_each_site_is_predicted_by_a_model_of_all_others() -> None:
    sites = dict(zip(CASES, "BACABBCABA", strict=True))
    splits = leave_out_splits(sites, column="site")
    for site, split in zip("ABC", splits, strict=True):
        assert split["val"] == [case for case in CASES if sites[case] == site]
        assert split["train"] == [case for case in CASES if sites[case] != site]


def test_values_that_are_left_out_together_are_one_test_set() -> None:
    subsets = dict(zip(CASES, "0123456789", strict=True))
    (split,) = leave_out_splits(subsets, column="subset", together=["9", "8"])
    assert split == {"train": sorted(CASES)[:8], "val": sorted(CASES)[8:]}
    with pytest.raises(UserError, match="No case has the subset '10', which is to be left out; there are: 0, 1, 2"):
        leave_out_splits(subsets, column="subset", together=["8", "10"])
    with pytest.raises(UserError, match=r"Without the cases of subset .*, only 1 of 10 is left to train with"):
        leave_out_splits(subsets, column="subset", together=list("012345678"))


@pytest.mark.slow
def test_the_command_leaves_out_sites_and_refuses_another_number_of_folds(
    world_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("nnUNet_raw", str(world_once / "raw"))
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path))
    (tmp_path / "Dataset901_Labels").mkdir()
    table = tmp_path / "cases.csv"
    table.write_text("case,site\n" + "".join(f"case_{n},{'AAB'[n % 3]}\n" for n in range(6)))
    options = {"leave_out": "site", "case_table": table}
    data.split("Dataset901_Labels", folds=2, **options, out=tmp_path / "splits.json")
    assert [fold["val"] for fold in json.loads((tmp_path / "splits.json").read_text())] == [
        ["case_0", "case_1", "case_3", "case_4"],
        ["case_2", "case_5"],
    ]
    with pytest.raises(UserError, match="The 6 cases of Dataset901_Labels have 2 values of 'site', but 3 folds"):
        data.split("Dataset901_Labels", folds=3, **options)
    with pytest.raises(UserError, match="--leave-out already defines the folds"):
        data.split("Dataset901_Labels", group="site", **options)
    with pytest.raises(UserError, match="--left-out has values of the column that --leave-out names; give that, too"):
        data.split("Dataset901_Labels", left_out=["A"])
    with pytest.raises(UserError, match="holds other splits"):
        data.split("Dataset901_Labels", left_out=["A"], **options)
    (tmp_path / "Dataset901_Labels/splits_final.json").unlink()
    data.split("Dataset901_Labels", left_out=["B"], **options, out=tmp_path / "splits.json")
    assert [fold["val"] for fold in json.loads((tmp_path / "splits.json").read_text())] == [["case_2", "case_5"]]
