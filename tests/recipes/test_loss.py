"""The recipes for a loss, followed to the letter."""

import os
import sysconfig
import venv
from pathlib import Path

import pytest

from .recipe import LINES_OF_A_PAGE, ROOT, Scratch, read_recipe, section

PAGE = "docs/howto/add-loss.md"
COMMANDS = {"pip": "pip._internal.cli.main:main", "nnunet-losses": "nnunet_losses.cli:app"}


@pytest.fixture
def own_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    """An empty folder, and a Python in which all that this one has is installed, and into which more can be."""
    monkeypatch.setitem(Scratch.__init__.__globals__, "checkout_files", list)
    (tmp_path / "package").mkdir()
    scratch, environment = Scratch(tmp_path / "package"), tmp_path / "environment"
    venv.create(environment)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    (site / "base.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    for command, entry_point in COMMANDS.items():
        module, _, function = entry_point.partition(":")
        script = environment / "bin" / command
        script.write_text(f"#!{environment}/bin/python\nfrom {module} import {function}\n{function}()\n")
        script.chmod(0o755)
    scratch.environment |= {
        "PATH": f"{environment}/bin:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's way to say: without isolation
    }
    return scratch


@pytest.mark.slow
def test_a_package_of_ones_own_adds_a_loss(own_package: Scratch):
    blocks = read_recipe(PAGE, "In a package of your own")
    assert len([line for line in blocks[0].text.splitlines() if line.strip()]) <= 12
    own_package.follow(blocks)
    said = own_package.run("nnunet-losses describe HingeTrainer_margin2_iw")
    assert "Hinge loss: voxels that are right by a margin cost nothing." in said
    ran = own_package.run(
        "python -c 'import torch; from nnunet_losses.losses import CATALOGUE as C; x = torch.zeros(1, 2, 2, 2); "
        'y = torch.ones(1, 1, 2, 2); print(C["Hinge"](margin=3)(x, y).item(), '
        'C["Blob"](base="hinge", global_weight=2)(x, y).item(), C["Hinge"].__module__)\''
    )
    assert ran.split() == ["3.0", "3.0", "my_losses.hinge"]


@pytest.mark.slow
def test_a_loss_is_added_to_this_package(tmp_path: Path):
    scratch = Scratch(tmp_path)
    scratch.follow(read_recipe(PAGE, "In this package"))
    assert "| `LogCoshDiceTrainer` | log(cosh(" in (tmp_path / "README.md").read_text()
    assert "\n| LogCoshDice | ✓ |   | ✓ |" in (tmp_path / "docs/conformance.md").read_text()


@pytest.mark.parametrize("heading", ["In a package of your own", "In this package"])
def test_each_fits_on_a_page(heading: str):
    assert section(PAGE, heading).count("\n") <= LINES_OF_A_PAGE
