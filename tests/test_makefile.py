"""What `make` does before it installs."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("name", "refused"), [("a $b", True), ('a"b', True), ("a`b", True), ("stu'dy (x) y", False)])
def test_a_folder_that_pip_cannot_install_into_is_refused(tmp_path: Path, name: str, refused: bool) -> None:
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    folder = tmp_path / name
    folder.mkdir()
    for file in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / file, folder)
    done = subprocess.run(["make", "demo", "PYTHON=false"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert ("pip cannot install commands below a folder" in done.stderr) == refused
    assert ("false -m venv" in done.stdout) != refused
