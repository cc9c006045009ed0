"""What others install: a source distribution of the project alone, and a wheel that trains and predicts by itself."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import nibabel as nib
import pytest

from nnunet_losses.nnunet.start_up import VARIABLE

ROOT = Path(__file__).parents[2]
LEFT = (
    "logs/run/demo/2026.log", "reports/demo/report.html", "results/models/checkpoint_final.pth", "work/a.nii.gz",
    "resources/a.zip", "site/index.html", ".snakemake/study.lock", ".venv/bin/python", "nnunet-losses.sif", "notes.txt",
    "nnunet_losses/__pycache__/a.cpython-311.pyc",
)  # fmt: skip
"""What is in a used checkout."""
TRAINER = "TverskyTrainer_iw_1epochs_1iters_seed1"


def files_of_the_project() -> list[Path]:
    """The files in git, or all files where there is no git."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        named = [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
        return [path for path in named if path.parts[0] != "reports"]  # results, not the project
    return [path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of a used checkout."""
    builders = pytest.importorskip("hatchling.builders.sdist")
    checkout = tmp_path_factory.mktemp("checkout")
    for file in files_of_the_project():
        (checkout / file.parent).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, checkout / file)
    for name in LEFT:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("of this user")
    [built] = builders.SdistBuilder(str(checkout)).build(directory=str(tmp_path_factory.mktemp("dist")))
    return Path(built)


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution."""
    builders = pytest.importorskip("hatchling.builders.wheel")
    source = tmp_path_factory.mktemp("source")
    with tarfile.open(sdist) as archive:
        # extractall(filter="data") needs Python 3.11.4
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(source)
    [unpacked] = source.iterdir()
    [built] = builders.WheelBuilder(str(unpacked)).build(directory=str(source / "dist"), versions=["standard"])
    return Path(built)


@pytest.mark.slow
def test_a_source_distribution_holds_the_project_and_nothing_of_its_user(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        held = {"/".join(name.split("/")[1:]) for name in archive.getnames()}
    assert not {*LEFT} & held
    assert {str(file) for file in files_of_the_project()} <= held
    assert held - {str(file) for file in files_of_the_project()} == {"PKG-INFO"}


@pytest.mark.slow
def test_a_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    package = {
        str(file) for file in files_of_the_project() if file.parts[0] == "nnunet_losses" and file.suffix != ".pth"
    }
    assert package <= packed
    assert "nnunet_losses_door.pth" in packed


@pytest.mark.slow
def test_an_installed_wheel_lists_describes_diagnoses_trains_and_predicts(
    wheel: Path, world_once: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    binaries = tmp_path / "venv" / "bin"
    own = Path(sysconfig.get_path("purelib", "venv", {"base": str(tmp_path / "venv")}))
    # only the path of the dependencies: the .pth files there, of our own editable install too, are not read
    (own / "zz_dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    environment = {name: value for name, value in os.environ.items() if name not in (VARIABLE, "PYTHONPATH")}
    environment |= {"nnUNet_n_proc_DA": "0", "nnUNet_def_n_proc": "1", "OMP_NUM_THREADS": "1"}
    results = tmp_path / "results"
    results.mkdir()
    for part, folder in (
        ("raw", world_once / "raw"),
        ("preprocessed", world_once / "preprocessed"),
        ("results", results),
    ):
        environment[f"nnUNet_{part}"] = str(folder)

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            list(map(str, command)),
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def nnunet(module: str, function: str, *arguments: str | Path) -> None:
        """A command of nnU-Net; its script belongs to the environment of the dependencies."""
        run(binaries / "python", "-c", f"from {module} import {function}; {function}()", *arguments)

    pip = [sys.executable, "-m", "pip", "--python", binaries / "python", "install", "--no-deps", "--no-index"]
    run(*pip, "--disable-pip-version-check", wheel)
    own_command = binaries / "nnunet-losses"
    assert "FocalTrainer" in run(own_command, "list")
    assert "fp_weight" in run(own_command, "describe", "Tversky")
    checks = [line.split() for line in run(own_command, "doctor").splitlines() if line.startswith(("ok ", "FAIL "))]
    assert [words[0] for words in checks] == ["ok"] * 6
    assert checks[3][-1] == f"{own / 'nnunet_losses' / 'nnunet' / 'door'}."

    job = ("Dataset901_Labels", "3d_tiny", "0")
    nnunet("nnunetv2.run.run_training", "run_training_entry", *job, "-tr", TRAINER, "-device", "cpu")
    assert (results / job[0] / f"{TRAINER}__nnUNetPlans__3d_tiny" / "fold_0" / "checkpoint_final.pth").is_file()
    images = tmp_path / "images"
    images.mkdir()
    image = world_once / "raw" / job[0] / "imagesTr" / "case_0_0000.nii.gz"
    shutil.copy(image, images)
    which = ("-d", job[0], "-c", job[1], "-f", job[2], "-tr", TRAINER, "-device", "cpu", "-npp", "1", "-nps", "1")
    nnunet(
        "nnunetv2.inference.predict_from_raw_data", "predict_entry_point", "-i", images, "-o", tmp_path / "out", *which
    )
    predicted = nib.load(tmp_path / "out" / "case_0.nii.gz")
    assert predicted.shape == nib.load(image).shape
