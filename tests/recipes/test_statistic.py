"""The recipe for a statistic, followed to the letter."""

from pathlib import Path

import pytest

from .recipe import LINES_OF_A_PAGE, Scratch, read_recipe, section

PAGE, HEADING = "docs/howto/add-statistic.md", "Add a statistic"


@pytest.mark.slow
def test_the_recipe_adds_a_statistic(tmp_path: Path) -> None:
    assert len(section(PAGE, HEADING).splitlines()) <= LINES_OF_A_PAGE
    blocks = read_recipe(PAGE, HEADING)
    changed = {block.file for block in blocks if block.title.startswith("nnunet_losses/")}
    assert changed == {
        "nnunet_losses/statistics/ranking/wins.py",
        "nnunet_losses/statistics/tables/ranking.py",
        "nnunet_losses/statistics/tables/__init__.py",
        "nnunet_losses/statistics/compare.py",
    }
    Scratch(tmp_path).follow(blocks)
