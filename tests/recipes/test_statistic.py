"""The recipe for a statistic, followed to the letter."""

from pathlib import Path

import pytest

from .recipe import LINES_OF_A_PAGE, Scratch, read_recipe, section

PAGE, HEADING = "docs/howto/add-statistic.md", "Add a statistic"


@pytest.mark.slow
def test_the_recipe_adds_a_statistic(tmp_path: Path) -> None:
    text = section(PAGE, HEADING)
    assert len(text.splitlines()) <= LINES_OF_A_PAGE
    blocks = read_recipe(PAGE, HEADING)
    changed = {block.file for block in blocks if block.title.startswith("nnunet_losses/")}
    named = {file.replace("<name>", "wins") for file in changed if f"| `{file.replace('wins', '<name>')}`" in text}
    assert changed == named, "the table names the files to touch"
    Scratch(tmp_path).follow(blocks)
