"""Splits that somebody else made."""

from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.splits import left_out_values, read_splits


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "does not exist"),
        ("{", "cannot be read"),
        ("[" * 10**5, "cannot be read"),
        ("[]", "must hold a list of folds"),
        ('[{"train": ["a"], "val": []}]', "fold 0"),
        ('[{"train": ["a", "b"], "val": ["b"]}]', "has b in both"),
    ],
)
def test_broken_splits_get_one_sentence(tmp_path: Path, text: str | None, sentence: str) -> None:
    file = tmp_path / "splits.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=f"^folds.file: .*{sentence}"):
        read_splits(file, "folds.file")


def test_splits_are_read_as_they_stand(tmp_path: Path) -> None:
    (tmp_path / "splits.json").write_text('[{"train": ["a"], "val": ["b"]}, {"train": ["b"], "val": ["a"]}]')
    assert read_splits(tmp_path / "splits.json", "x") == [
        {"train": ["a"], "val": ["b"]},
        {"train": ["b"], "val": ["a"]},
    ]


@pytest.mark.parametrize(
    ("sites", "sentence"),
    [
        ("AAA", "2 to 20 values of it, but there are 1;"),
        ("ABCDEFGHIJKLMNOPQRSTU", "To leave out each 'site' in turn, there must be 2 to 20 values of it, but .* 21;"),
        ("AAAB", "Without the cases of site 'A', only 1 of 4 cases is left to train with"),
    ],
)
def test_what_cannot_be_left_out_in_turn_is_one_sentence(sites: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        left_out_values({str(n): site for n, site in enumerate(sites)}, "site")


def test_what_is_left_out_is_each_value_once_in_alphabetical_order() -> None:
    assert left_out_values({str(n): site for n, site in enumerate("BACA")}, "site") == ["A", "B", "C"]
    assert len(left_out_values({site: site for site in "ABCDEFGHIJKLMNOPQRST"}, "site")) == 20
