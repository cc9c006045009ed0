"""The recipe for a figure, followed to the letter."""

from pathlib import Path

import pytest

from .recipe import LINES_OF_A_PAGE, Scratch, read_recipe, section

PAGE, HEADING = "docs/howto/add-figure.md", "Add a figure"


@pytest.mark.slow
def test_the_recipe_adds_a_figure(tmp_path: Path) -> None:
    assert len(section(PAGE, HEADING).splitlines()) <= LINES_OF_A_PAGE
    blocks = read_recipe(PAGE, HEADING)
    changed = {block.file for block in blocks if block.title.startswith("nnunet_losses/")}
    assert changed == {"nnunet_losses/report/figures/worst_cases.py", "nnunet_losses/report/contents.py"}
    Scratch(tmp_path).follow(blocks)
