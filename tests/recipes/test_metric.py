"""The recipe for a metric, followed to the letter."""

from pathlib import Path

import pytest

from .recipe import LINES_OF_A_PAGE, Scratch, read_recipe, section

PAGE, HEADING = "docs/howto/add-metric.md", "Add a metric"


@pytest.mark.slow
def test_the_recipe_adds_a_metric_in_one_file(tmp_path: Path) -> None:
    assert len(section(PAGE, HEADING).splitlines()) <= LINES_OF_A_PAGE
    blocks = read_recipe(PAGE, HEADING)
    changed = {block.file for block in blocks if block.title}
    assert {file for file in changed if not file.startswith("tests/")} == {"nnunet_losses/base/metrics/voxel.py"}
    Scratch(tmp_path).follow(blocks)
