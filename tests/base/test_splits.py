"""Splits that somebody else made."""

from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.splits import read_splits


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
