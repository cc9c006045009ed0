"""The committed table is complete: every loss of this package, every cell, and a reason for each refusal."""

import ast
from pathlib import Path

import pytest

from nnunet_losses.losses import CATALOGUE
from nnunet_losses.losses.catalogue import package_of

from .matrix import FAILED, PASSED, REFUSED, Matrix, read_matrix, write_matrix
from .subjects import Subject

HERE = Path(__file__).parent
FILE = HERE.parents[1] / "docs" / "conformance.md"
# Cells that ask for something that not every loss has: classes that can be left out, a weight for each kind of error.
OPTIONAL = {
    "test_background_and_pooling_mean_what_they_say": lambda name: Subject(name).has_classes,
    "test_a_false_negative_costs_by_its_weight_and_a_false_positive_by_its_own": lambda name: (
        {"fp_weight", "fn_weight"} <= {p.keyword for p in CATALOGUE[name].hyper_parameters}
    ),
}


def cells() -> set[str]:
    """The tests of this folder that are asked of a loss."""
    found = set()
    for file in HERE.glob("test_*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and {a.arg for a in node.args.args} & {"subject", "name"}:
                found.add(node.name)
    return found - {"test_a_loss_of_the_catalogue_has_every_cell"}


@pytest.mark.parametrize("row", [name for name, loss in CATALOGUE.items() if package_of(loss) == "nnunet_losses"])
def test_a_loss_of_the_catalogue_has_every_cell(row: str):
    rows, reasons = read_matrix(FILE)
    assert row in rows, "run `make matrix`"
    expected = {cell for cell in cells() if cell not in OPTIONAL or OPTIONAL[cell](row)}
    assert rows[row].keys() == expected, "run `make matrix`"
    for cell, mark in rows[row].items():
        assert mark != FAILED, cell
        assert (REFUSED in mark) == ((row, cell) in reasons), cell


def test_every_row_is_a_loss():
    assert set(read_matrix(FILE)[0]) <= set(CATALOGUE)


def report(loss: str, cell: str, outcome: str, reason: str = "") -> pytest.TestReport:
    told = [("loss", loss), ("cell", cell)]
    longrepr = ("file", 1, f"Skipped: {reason}") if outcome == "skipped" else None
    return pytest.TestReport(cell, ("file", 1, cell), {}, outcome, longrepr, "call", user_properties=told)


def test_a_run_is_written_and_joins_an_earlier_one(tmp_path: Path):
    file = tmp_path / "matrix.md"
    for reports in (
        [report("Dice", "test_a", "passed"), report("Dice", "test_a", "skipped", "no neighbours")],
        [report("IoU", "test_a", "failed"), report("IoU", "test_a", "passed"), report("IoU", "test_b", "skipped", "x")],
    ):
        matrix = Matrix(file)
        for one in reports:
            matrix.pytest_runtest_logreport(one)
        matrix.pytest_sessionfinish()
    rows, reasons = read_matrix(file)
    assert rows == {"Dice": {"test_a": PASSED + REFUSED}, "IoU": {"test_a": FAILED, "test_b": REFUSED}}
    assert reasons == {("Dice", "test_a"): "no neighbours", ("IoU", "test_b"): "x"}
    assert write_matrix(rows, reasons) == file.read_text()
