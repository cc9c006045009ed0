"""The recipe for a data set, followed to the letter."""

import json
from pathlib import Path

import pytest

from nnunet_losses.data.description import load_dataset_description
from nnunet_losses.data.raw import prepare_raw

from .recipe import LINES_OF_A_PAGE, Scratch, read_recipe, section

PAGE, HEADING = "docs/howto/add-dataset.md", "Add a data set"


@pytest.fixture
def nodules(tmp_path: Path) -> Path:
    """A raw data set that somebody has."""
    phantom = {"cases": 2, "shape": [24, 24, 24], "lesions": [1, 2]}
    return prepare_raw(
        load_dataset_description({"name": "Dataset001_Theirs", "source": {"phantom": phantom}}), tmp_path
    )


@pytest.mark.slow
def test_the_recipe_adds_a_data_set(nodules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(section(PAGE, HEADING).splitlines()) <= LINES_OF_A_PAGE
    monkeypatch.setenv("NODULES", str(nodules))
    scratch = Scratch(tmp_path / "scratch")
    scratch.follow(read_recipe(PAGE, HEADING))
    described = json.loads((scratch.root / "work/nnUNet_raw/Dataset910_Nodules/dataset.json").read_text())
    assert described["labels"] == {"background": 0, "nodule": 1}
