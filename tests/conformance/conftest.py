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
        help="write the table of losses and cells to FILE; rows of losses that were not run are kept",
    )
    parser.addoption(
        "--conformance-defaults", action="store_true", help="leave out changed hyper-parameters: a quarter of the tests"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--conformance-matrix", None) and not hasattr(config, "workerinput"):
        file, defaults_only = Path(config.getoption("--conformance-matrix")), _defaults_only(config)
        config.stash[MATRIX] = Matrix(file, defaults_only=defaults_only)
        config.pluginmanager.register(config.stash[MATRIX])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have every report say, also across processes, which loss and which cell it is of."""
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        loss = getattr(parameters.get("subject"), "name", parameters.get("name"))
        if loss is not None and item.path.parent == Path(__file__).parent:
            item.user_properties += [("loss", loss), ("cell", item.originalname)]
    if _defaults_only(config):
        changed = [item for item in items if _is_changed(item)]
        config.hook.pytest_deselected(items=changed)
        items[:] = [item for item in items if not _is_changed(item)]


def _defaults_only(config: pytest.Config) -> bool:
    return bool(config.getoption("--conformance-defaults", default=False))


def _is_changed(item: pytest.Item) -> bool:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return bool(getattr(parameters.get("subject"), "changed", ()))
