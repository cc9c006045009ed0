"""Write down what the suite found: ``pytest tests/conformance --conformance-matrix docs/conformance.md``."""

from pathlib import Path

import pytest

from .matrix import Matrix

MATRIX = pytest.StashKey[Matrix]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--conformance-matrix",
        metavar="FILE",
        default=None,
        help="write the table of losses and cells to FILE; rows of losses that are not run stay as they are",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--conformance-matrix", None) and not hasattr(config, "workerinput"):
        config.stash[MATRIX] = Matrix(Path(config.getoption("--conformance-matrix")))
        config.pluginmanager.register(config.stash[MATRIX])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have every report say, also across processes, which loss and which cell it is of.

    A run that writes the table does not check it.
    """
    if config.getoption("--conformance-matrix"):
        items[:] = [item for item in items if item.path.name != "test_matrix.py"]
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        loss = getattr(parameters.get("subject"), "name", parameters.get("name"))
        if loss is not None and item.path.parent == Path(__file__).parent:
            item.user_properties += [("loss", loss), ("cell", item.originalname)]
