"""Fixtures shared by all tests."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from hypothesis import settings

# A busy machine must not fail a test, nor chance continuous integration; people's runs look for new counterexamples.
settings.register_profile("searching", deadline=None)
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("quick", derandomize=True, deadline=None, max_examples=10)
settings.load_profile("repeatable" if os.environ.get("CI") else "searching")

# Real data lie beside a checkout in shared/data; elsewhere, the variable names the folder.
SHARED_DATA = Path(os.environ.get("NNUNET_LOSSES_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="the first case of each test, nothing slow, few examples")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("quick"):
        settings.load_profile("quick")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # files that take long first, whole studies before all others, so that no worker is left with one at the end
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path.parent.name != "workflow", item.path not in slow))
    if not config.getoption("quick"):
        return
    first: dict[str, pytest.Item] = {}
    for item in items:
        if item.get_closest_marker("slow") is None:
            first.setdefault(item.nodeid.partition("[")[0], item)
    kept = set(first.values())
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = first.values()


class SmallDisk:
    """A disk of little space, mounted at ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, free: int) -> None:
        """Write a file that leaves about so many bytes."""
        filler = self.folder / "filler"
        filler.unlink(missing_ok=True)
        filler.write_bytes(bytes(max(0, shutil.disk_usage(self.folder).free - free)))

    def grow(self) -> None:
        """Free some space, as its user would."""
        subprocess.check_call(["mount", "-o", "remount,size=64m", str(self.folder)])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of 1 MB in memory; a test that needs it is skipped for people who may not mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() or subprocess.call(mount, stderr=subprocess.DEVNULL):
        pytest.skip("only root may mount a disk")
    yield SmallDisk(folder)
    subprocess.check_call(["umount", "--lazy", str(folder)])  # locks may still be held


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; tests that need it are skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real data at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def benchmark_script() -> Callable[[str], ModuleType]:
    """A script of benchmarks/ as a module, by its name."""

    def load(name: str) -> ModuleType:
        folder = Path(__file__).parents[1] / "benchmarks"
        sys.path.insert(0, str(folder))  # scripts import each other
        try:
            spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(folder))
        return module

    return load


Records = dict[str, list[dict[str, object]]]


@pytest.fixture(scope="session")
def lits_records(shared_data: Path) -> Callable[[str], Records]:
    """The per-lesion records of one loss of the inverse-weighting paper, by image."""
    return lambda loss: json.loads((shared_data / "froc_records" / "lits" / f"{loss}.json").read_text())


@pytest.fixture(scope="session")
def lits_lesions(lits_records: Callable[[str], Records]) -> Callable[[str], pd.DataFrame]:
    """The same records as a table of lesions; the trainer is the loss, diameters are in voxels."""

    def lesions(loss: str) -> pd.DataFrame:
        rows = []
        for image, records in lits_records(loss).items():
            for record in records:
                reference = bool(record["is_tum"])
                rows.append(
                    {
                        "dataset": "LiTS",
                        "configuration": "published",
                        "trainer": loss,
                        "fold": 0,
                        "seed": 0,
                        "case": image,
                        "label": "tumour",
                        "side": "reference" if reference else "prediction",
                        "component": int(str(record["obj"]).split("_")[1]),
                        "diameter_mm": record["diameter"],
                        "partner": str(record["hit_obj"]).split("_")[1].replace("None", "0"),
                        "matched": float(record["hit_dice"]) > 0,
                        "dice": record["hit_dice"],
                        "score_max": record["hit_logit"] if reference else record["self_logit"],
                    }
                )
        return pd.DataFrame(rows).astype({"partner": int})

    return lesions


WITHOUT_LOCKS = """
import errno, fcntl, os
def refuse(*_):
    open(os.environ["REFUSED_LOCKS"], "a").close()
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
fcntl.lockf = fcntl.flock = refuse
"""


@pytest.fixture
def hostile(tmp_path: Path) -> dict[str, str]:
    """The environment of such a machine, with locks refused in every Python process."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WITHOUT_LOCKS)
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "OMP_NUM_THREADS", "LD_LIBRARY_PATH")}
    return kept | {
        "HOME": "/dev/null/home",  # root, too, can make no folder below a file
        "TMPDIR": "/nowhere",
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONIOENCODING": "ascii",
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(Path(__file__).parents[1])]),
        "COLUMNS": "200",
        "REFUSED_LOCKS": str(tmp_path / "refused_locks"),
    }
