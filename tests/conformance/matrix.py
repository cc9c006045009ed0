"""The table of losses and cells, from the reports of a run and from the file of an earlier one."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

PASSED, REFUSED, FAILED = "✓", "–", "✗"
HEADER = """# Conformance

What the suite `tests/conformance` found, written by the run itself (`make matrix`). A row is a loss: with its defaults,
with every switch and choice changed and, where a cell asks for finite values or compares values, with every number
changed. A column is a cell: one test in all its variants (labels and regions, 2D and 3D, types of numbers, weights,
pooling). ✓ all variants passed; – refused, for the reason given below; ✓– some variants are refused; ✗ failed.
"""


class Matrix:
    """Collects reports; writes the table when the session ends."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.marks: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.reasons: dict[tuple[str, str], set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told = dict(report.user_properties)
        if "loss" not in told:
            return
        loss, cell = str(told["loss"]), str(told["cell"])
        if report.failed:
            self.marks[loss][cell].add(FAILED)
        elif report.skipped:
            self.marks[loss][cell].add(REFUSED)
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.reasons[loss, cell].add(reason.removeprefix("Skipped: "))
        elif report.when == "call":
            self.marks[loss][cell].add(PASSED)

    def pytest_sessionfinish(self) -> None:
        rows = {loss: {cell: mark(marks) for cell, marks in cells.items()} for loss, cells in self.marks.items()}
        reasons = {key: "; ".join(sorted(texts)) for key, texts in self.reasons.items()}
        if self.file.is_file():
            old_rows, old_reasons = read_matrix(self.file)
            rows = old_rows | rows
            reasons |= {key: text for key, text in old_reasons.items() if key[0] not in self.marks}
        self.file.write_text(write_matrix(rows, reasons))


def mark(marks: set[str]) -> str:
    return FAILED if FAILED in marks else "".join(sorted(marks, reverse=True))


def write_matrix(rows: dict[str, dict[str, str]], reasons: dict[tuple[str, str], str]) -> str:
    cells = sorted({cell for row in rows.values() for cell in row})
    lines = [HEADER, "| loss | " + " | ".join(str(n + 1) for n in range(len(cells))) + " |"]
    lines.append("|---|" + ":-:|" * len(cells))
    lines += [f"| {loss} | " + " | ".join(rows[loss].get(cell, " ") for cell in cells) + " |" for loss in sorted(rows)]
    lines += ["", "## Cells", "", *(f"{n + 1}. {words(cell)} (`{cell}`)" for n, cell in enumerate(cells))]
    lines += [
        "",
        "An empty field: the cell asks for something that the loss does not have, such as classes to leave out.",
    ]
    lines += ["", "## Refused", ""]
    lines += [f"- {loss}, {cells.index(cell) + 1}: {text}" for (loss, cell), text in sorted(reasons.items())]
    return "\n".join(lines) + "\n"


def read_matrix(file: Path) -> tuple[dict[str, dict[str, str]], dict[tuple[str, str], str]]:
    """Rows (loss -> cell -> mark) and reasons ((loss, cell) -> text) of a file that `write_matrix` made."""
    text = file.read_text()
    cells = re.findall(r"^\d+\. .*\(`(\w+)`\)$", text, re.MULTILINE)
    rows = {}
    for line in re.findall(r"^\| (?!loss)(.*) \|$", text, re.MULTILINE):
        loss, *marks = (field.strip() for field in line.split("|"))
        rows[loss] = {cell: found for cell, found in zip(cells, marks, strict=True) if found}
    found = re.findall(r"^- (\w+), (\d+): (.*)$", text, re.MULTILINE)
    return rows, {(loss, cells[int(number) - 1]): reason for loss, number, reason in found}


def words(cell: str) -> str:
    sentence = cell.removeprefix("test_").replace("_", " ")
    return sentence[:1].upper() + sentence[1:]
