"""An installed package lets nnU-Net find the trainers, and never disturbs the start of Python."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from nnunet_losses.nnunet.start_up import VARIABLE, door_folder, open_door

ROOT = Path(__file__).parents[2]
PRINT = f"import os, sys; print(os.environ.get({VARIABLE!r}))"


def build_wheel(kind: str, folder: Path) -> Path:
    """Build the package as pip does; ``kind`` is ``standard`` or ``editable``."""
    builders = pytest.importorskip("hatchling.builders.wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "nnunet_losses", source / "nnunet_losses", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "pyproject.toml", source / "pyproject.toml")
    for name in ("README.md", "LICENSE"):
        (source / name).write_text("")
    [wheel] = builders.WheelBuilder(str(source)).build(directory=str(folder / "dist"), versions=[kind])
    return Path(wheel)


def python(code: str, site: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter that has processed the ``.pth`` files of ``site`` and knows no more of us."""
    clean = {k: v for k, v in os.environ.items() if k not in (VARIABLE, "PYTHONPATH")}
    return subprocess.run(
        [sys.executable, "-S", "-c", f"import site; site.addsitedir({str(site)!r})\n{code}"],
        env=clean | environment,
        cwd=site.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module", params=["standard", "editable"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip would put into site-packages."""
    site = tmp_path_factory.mktemp("installed") / "site"
    zipfile.ZipFile(build_wheel(request.param, tmp_path_factory.mktemp("build"))).extractall(site)
    return site


def test_the_hook_opens_the_door_and_loads_nothing(site: Path) -> None:
    ran = python(f"{PRINT}; print({{'nnunet_losses', 'torch', 'pathlib'}} & set(sys.modules))", site)
    assert ran.stderr == ""
    variable, loaded = ran.stdout.splitlines()
    assert Path(variable).name == "door"
    assert [file.name for file in Path(variable).glob("*.*")] == ["nnunet_losses_door.py"]
    assert loaded == "set()"


def test_own_folders_stay_first_and_nothing_is_listed_twice(site: Path) -> None:
    again = f"import site; site.addsitedir({str(site)!r}); {PRINT}"
    ran = python(
        f"{PRINT}; import subprocess; sys.stdout.flush(); subprocess.run([sys.executable, '-S', '-c', {again!r}])",
        site,
        **{VARIABLE: "/my/own"},
    )
    first, in_child = ran.stdout.split()
    assert first.split(os.pathsep)[0] == "/my/own"
    assert len(first.split(os.pathsep)) == 2
    assert in_child == first


@pytest.mark.parametrize("gone", ["nnunet_losses/nnunet/start_up.py", "nnunet_losses/nnunet/door", "nnunet_losses"])
def test_a_package_removed_in_part_keeps_quiet(tmp_path: Path, gone: str) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(build_wheel("standard", tmp_path)).extractall(site)
    shutil.rmtree(site / gone) if (site / gone).is_dir() else (site / gone).unlink()
    ran = python(PRINT, site)
    assert (ran.stdout, ran.stderr) == ("None\n", "")


@pytest.mark.parametrize(
    "content",
    [
        b"raise RuntimeError('no')",
        b"raise SystemExit(3)",
        b"raise KeyboardInterrupt",
        b"def (",
        b"\xff",
        b"x = 1",
        None,
    ],
    ids=str,
)
@pytest.mark.parametrize("file", ["nnunet_losses/nnunet/start_up.py", "_nnunet_losses_door.py"])
def test_a_file_of_the_same_name_earlier_on_the_path_does_no_harm(
    site: Path, tmp_path: Path, file: str, content: bytes | None
) -> None:
    disturbing = tmp_path / file
    disturbing.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        disturbing.mkdir()
    else:
        disturbing.write_bytes(content)
    ran = python("print('started')", site, PYTHONPATH=str(tmp_path))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "started\n", "")


def test_the_door_is_opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    open_door()
    open_door()
    assert os.environ[VARIABLE] == door_folder() == str(ROOT / "nnunet_losses" / "nnunet" / "door")
