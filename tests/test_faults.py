"""The table of faults names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROWS = [line.strip("|").split("|") for line in (ROOT / "docs/faults.md").read_text().splitlines() if "::" in line]


def test_every_row_has_four_cells_and_names_tests_that_exist() -> None:
    assert len(ROWS) >= 40
    for row in ROWS:
        assert len(row) == 4, row[0]
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", row[3])
        assert named, row[0]
        for file, test in named:
            assert re.search(rf"^def {test}\(", (ROOT / file).read_text(), re.MULTILINE), f"{row[0]}: {file}::{test}"


def test_no_row_of_a_table_is_without_a_test() -> None:
    lines = [line for line in (ROOT / "docs/faults.md").read_text().splitlines() if line.startswith("|")]
    heads = sum(line.startswith(("| fault", "| input", "|---")) for line in lines)
    assert len(lines) - heads == len(ROWS)
