"""The recipes of containers: what they copy is enough, and they install the same."""

import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APPTAINER = (ROOT / "workflow/apptainer.def").read_text()
DOCKER = (ROOT / "workflow/Dockerfile").read_text()


def copied() -> list[str]:
    """What the recipe for Apptainer copies."""
    return re.findall(r"^    (\S+) /opt/nnunet-losses/$", APPTAINER, re.MULTILINE)


def test_both_recipes_copy_and_install_the_same() -> None:
    assert sorted(copied()) == sorted(
        word for line in re.findall(r"^COPY (.*) \S+$", DOCKER, re.MULTILINE) for word in line.split()
    )
    post = APPTAINER.partition("%post\n")[2].splitlines()[1:]
    assert [line.strip() for line in post] == re.findall(r"^RUN (.*)$", DOCKER, re.MULTILINE)
    assert re.findall(r"^From: (.*)$", APPTAINER, re.MULTILINE) == re.findall(r"^FROM (.*)$", DOCKER, re.MULTILINE)
    kept = (ROOT / "workflow/Dockerfile.dockerignore").read_text()
    assert sorted(re.findall(r"^!(.*)$", kept, re.MULTILINE)) == sorted(copied())


def test_the_package_is_built_from_what_they_copy(tmp_path: Path) -> None:
    builders = pytest.importorskip("hatchling.builders.wheel")
    for name in copied():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    [built] = builders.WheelBuilder(str(tmp_path)).build(directory=str(tmp_path / "dist"), versions=["standard"])
    with zipfile.ZipFile(built) as wheel:
        assert {"nnunet_losses/cli/app.py", "nnunet_losses_door.pth"} <= set(wheel.namelist())


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("docker", ["docker", "build", "-t", "nnunet-losses-test", "-f", "workflow/Dockerfile", "."]),
        ("apptainer", ["apptainer", "build", "--force", "{folder}/test.sif", "workflow/apptainer.def"]),
    ],
)
def test_the_image_is_built(program: str, command: list[str], tmp_path: Path) -> None:
    if not os.environ.get("NNUNET_LOSSES_BUILD_IMAGES"):
        pytest.skip("NNUNET_LOSSES_BUILD_IMAGES is not set: the image downloads gigabytes")
    if (
        shutil.which(program) is None
        or subprocess.run([program, "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip(f"{program} cannot be used here")
    words = [word.format(folder=tmp_path) for word in command]
    subprocess.run(words, cwd=ROOT, check=True)
