"""How nnU-Net comes to find our trainers."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

import nnunet_losses._door as start_up
from nnunet_losses.nnunet.training.trainer import LossTrainer, make_trainer

ROOT = Path(__file__).parents[2]
DOOR = str(ROOT / "nnunet_losses" / "nnunet" / "door")


@pytest.fixture(autouse=True)
def open_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(start_up.VARIABLE, DOOR)


def python(code: str, site: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter that has processed the ``.pth`` files of ``site`` and knows no more of us."""
    clean = {k: v for k, v in os.environ.items() if k not in (start_up.VARIABLE, "PYTHONPATH")}
    return subprocess.run(
        [sys.executable, "-S", "-c", f"import site; site.addsitedir({str(site)!r})\n{code}"],
        env=clean | environment,
        cwd=site.parent,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module", params=["standard", "editable"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip would put into site-packages."""
    builders = pytest.importorskip("hatchling.builders.wheel")
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed") / "site"
    shutil.copytree(ROOT / "nnunet_losses", source / "nnunet_losses", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "pyproject.toml", source / "pyproject.toml")
    for name in ("README.md", "LICENSE"):
        (source / name).write_text("")
    [wheel] = builders.WheelBuilder(str(source)).build(directory=str(source / "dist"), versions=[request.param])
    zipfile.ZipFile(wheel).extractall(site)
    return site


PRINT = f"import os, sys; print(os.environ.get({start_up.VARIABLE!r}))"


def test_an_installed_package_opens_the_door_at_start_and_loads_nothing(site: Path) -> None:
    ran = python(f"{PRINT}; print({{'nnunet_losses', 'torch', 'pathlib'}} & set(sys.modules))", site)
    assert ran.stderr == ""
    variable, loaded = ran.stdout.splitlines()
    assert Path(variable).name == "door"
    assert [file.name for file in Path(variable).glob("*.*")] == ["nnunet_losses_door.py"]
    assert loaded == "set()"


def test_own_directories_stay_first_and_nothing_is_listed_twice(site: Path) -> None:
    again = f"import site; site.addsitedir({str(site)!r}); {PRINT}"
    ran = python(
        f"{PRINT}; import subprocess; sys.stdout.flush(); subprocess.run([sys.executable, '-S', '-c', {again!r}])",
        site,
        **{start_up.VARIABLE: "/my/own"},
    )
    first, in_child = ran.stdout.split()
    assert first.split(os.pathsep)[0] == "/my/own"
    assert len(first.split(os.pathsep)) == 2
    assert in_child == first


@pytest.mark.parametrize("gone", ["_nnunet_losses_door.py", "nnunet_losses"])
def test_a_half_removed_package_keeps_still(site: Path, tmp_path: Path, gone: str) -> None:
    rest = shutil.copytree(site, tmp_path / "site")
    for editable in rest.glob("_editable*.pth"):
        editable.unlink()
    if (rest / gone).is_dir():
        shutil.rmtree(rest / gone)
    else:
        (rest / gone).unlink(missing_ok=True)
    shutil.rmtree(rest / "nnunet_losses" / "nnunet" / "door", ignore_errors=True)
    ran = python(PRINT, rest)
    assert (ran.stdout, ran.stderr) == ("None\n", "")


def test_the_door_is_found_in_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(start_up.VARIABLE)
    start_up.open_door()
    start_up.open_door()
    assert os.environ[start_up.VARIABLE] == start_up.door_directory()


def test_nnunet_finds_the_class_of_the_name_and_finds_the_same_again() -> None:
    name = "TverskyTrainer_fp0.1_fn0.9_iw"
    found = recursive_find_trainer_class_by_name(name)
    assert issubclass(found, LossTrainer)
    assert found.__name__ == name
    assert found is recursive_find_trainer_class_by_name(name) is make_trainer(name)


def test_own_trainers_in_own_directories_are_found_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_trainers.py").write_text(
        "from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer\n"
        "class DiceTrainer(nnUNetTrainer): pass\n"
        "class MyTrainer(nnUNetTrainer): pass\n"
    )
    for order in ([DOOR, str(tmp_path)], [str(tmp_path), DOOR]):
        monkeypatch.setenv(start_up.VARIABLE, os.pathsep.join(order))
        assert recursive_find_trainer_class_by_name("MyTrainer").__module__ == "my_trainers"
    assert recursive_find_trainer_class_by_name("DiceTrainer").__module__ == "my_trainers"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("TverskyTrainer_fq0.1", "no option fq0.1; its options are fp<number>"),
        ("TverskyTrainer_iw_fp0.1", "Write TverskyTrainer_fp0.1_iw instead"),
        ("TverskyTrainer_fn0.7", "Write TverskyTrainer instead"),
        ("TverskyTrainer_fp0.10", "Write TverskyTrainer_fp0.1 instead"),
    ],
)
def test_a_wrong_name_of_ours_ends_the_search_with_one_sentence(name: str, reason: str) -> None:
    with pytest.raises(SystemExit) as end:
        recursive_find_trainer_class_by_name(name)
    assert reason in str(end.value.code)
    assert "\n" not in str(end.value.code)


def test_a_near_miss_gets_a_hint_and_a_foreign_name_gets_silence(capsys: pytest.CaptureFixture[str]) -> None:
    for name, hint in (("TverskiTrainer", "did you mean TverskyTrainer?"), ("SomebodysTrainer", "")):
        with pytest.raises(RuntimeError, match="Could not find requested nnunet trainer"):
            recursive_find_trainer_class_by_name(name)
        errors = capsys.readouterr().err
        assert hint in errors
        assert len(errors.splitlines()) == bool(hint)


def test_a_python_without_the_package_passes_by_an_inherited_door(tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {DOOR!r}); import nnunet_losses_door as d; print(hasattr(d, 'DiceTrainer'))"
    ran = subprocess.run(
        [sys.executable, "-S", "-E", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("False\n", "")


@pytest.mark.slow
@pytest.mark.usefixtures("world")
def test_the_command_ends_with_the_sentence_and_no_traceback() -> None:
    ran = subprocess.run(
        [Path(sys.executable).with_name("nnUNetv2_train"), "901", "3d_tiny", "0", "-tr", "TverskyTrainer_fq0.1"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith("nnunet-losses: TverskyTrainer_fq0.1: TverskyTrainer has no option")
    assert "Traceback" not in ran.stderr
