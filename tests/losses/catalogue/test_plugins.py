"""Losses of other packages: how a function becomes a loss, and that a broken package does no harm."""

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
import torch

from nnunet_losses.losses import CATALOGUE, Parameter, cross_entropy_loss, register
from nnunet_losses.losses.catalogue import load_plugins, package_of

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def catalogue_as_before():
    before = dict(CATALOGUE)
    yield
    CATALOGUE.clear()
    CATALOGUE.update(before)


def python(site: Path, code: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(site), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )


def install(site: Path, distribution: str, entry_point: str, files: dict[str, str]) -> None:
    """Put a package where pip would put it."""
    info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[nnunet_losses.losses]\n{entry_point}\n")
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)


HINGE = """
from nnunet_losses.losses import log_probabilities, register, voxel_mean

@register(formula="the mean of max(0, m − log p)", reference="this test")
def hinge_loss(logits, target, voxel_weight=None, *, margin: float = 1.0, regions: bool = False):
    "Hinge loss."
    log_p = log_probabilities(logits, target, voxel_weight, regions=regions)
    return voxel_mean((margin - log_p).clamp_min(0), voxel_weight, None if regions else target)
"""


def install_example(site: Path) -> None:
    install(site, "my-losses", "hinge = my_losses.hinge", {"my_losses/hinge.py": HINGE, "my_losses/__init__.py": ""})


def test_a_function_becomes_a_loss():
    @register(
        formula="s·CE",
        reference="this test",
        hyper_parameters=(Parameter("s", "scale_up", float, "the factor", minimum=0),),
    )
    def scaled_entropy_loss(
        logits,
        target,
        voxel_weight=None,
        *,
        scale_up: float = 2.0,
        times: int = 1,
        be_odd: bool = False,
        form: Literal["plain", "fancy"] = "plain",
        regions: bool = False,
        epoch: int = 0,
    ):
        """Cross-entropy, scaled.

        And more.
        """
        return scale_up * times * cross_entropy_loss(logits, target, voxel_weight, regions=regions)

    loss = CATALOGUE["ScaledEntropy"]
    assert loss.__doc__ == "Cross-entropy, scaled."
    assert [(p.option, p.keyword, p.type) for p in loss.hyper_parameters] == [
        ("s", "scale_up", float),
        ("times", "times", int),
        ("beodd", "be_odd", bool),
        ("form", "form", str),
    ]
    assert loss.hyper_parameters[3].choices == ("plain", "fancy")
    logits, labels = torch.randn(1, 2, 3, 3), torch.ones(1, 1, 3, 3)
    expected = 6 * cross_entropy_loss(logits, labels)
    assert loss(times=3)(logits, labels).item() == pytest.approx(expected.item())
    assert scaled_entropy_loss(logits, labels, times=3).item() == pytest.approx(expected.item())
    assert loss().needs == {"epoch"}
    assert type(pickle.loads(pickle.dumps(loss(times=3)))) is loss
    with pytest.raises(ValueError, match="scale_up must be a finite number ≥ 0, got -1"):
        loss(scale_up=-1)


def test_a_function_that_does_not_say_what_it_is_is_refused():
    with pytest.raises(TypeError, match=r'@register\(formula="...", reference="..."\)'):
        register(cross_entropy_loss)
    with pytest.raises(ValueError, match="called <name>_loss; got entropy"):
        register(formula="f", reference="r")(lambda_named("entropy"))
    with pytest.raises(ValueError, match="SilentLoss does not state its __doc__"):
        register(formula="f", reference="r")(lambda_named("silent_loss"))

    def vague_loss(logits, target, voxel_weight=None, *, power=None):
        """Vague."""

    with pytest.raises(ValueError, match="the default of power in vague_loss must be a number"):
        register(formula="f", reference="r")(vague_loss)


def lambda_named(name: str):
    def function(logits, target, voxel_weight=None):
        return logits.sum()

    function.__name__ = name
    return function


def test_names_that_differ_in_case_only_are_one_name():
    def dice_loss(logits, target, voxel_weight=None):
        """Dice again."""

    dice_loss.__name__ = "DICE_loss"
    with pytest.raises(ValueError, match=r"already a loss called Dice \(nnunet_losses.losses.dice\)"):
        register(formula="f", reference="r")(dice_loss)


@pytest.mark.slow
@pytest.mark.parametrize("first", ["my_losses.hinge", "nnunet_losses.losses"])
def test_a_package_registers_once_whichever_is_imported_first(tmp_path: Path, first: str):
    install_example(tmp_path)
    ran = python(
        tmp_path,
        f"import {first}; from my_losses.hinge import HingeLoss; from nnunet_losses.losses import CATALOGUE\n"
        "from nnunet_losses.losses.catalogue import load_plugins, package_of\n"
        "print(CATALOGUE['Hinge'] is HingeLoss, package_of(HingeLoss), package_of(CATALOGUE['Dice']))",
    )
    assert (ran.stdout.split(), ran.stderr) == (["True", "my_losses", "nnunet_losses"], "")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("raise SystemExit('no licence')", "SystemExit: no licence"),
        (
            "from nnunet_losses.losses import *\nclass EarlyLoss(DiceLoss):\n  'Early.'\nregister(EarlyLoss)\n"
            "class TverskyLoss(DiceLoss):\n  'Taken.'\nregister(TverskyLoss)",
            "ValueError: there is already a loss called Tversky (nnunet_losses.losses.tversky)",
        ),
    ],
    ids=["cannot be imported", "exits", "takes a name"],
)
def test_a_broken_package_gets_one_sentence_and_hurts_nothing(
    tmp_path: Path, text: str, cause: str, monkeypatch: pytest.MonkeyPatch
):
    install(tmp_path, "a-broken-one", "x = broken_losses", {"broken_losses.py": text})
    install_example(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("broken_losses", "my_losses", "my_losses.hinge"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    before = set(CATALOGUE)
    with pytest.warns(UserWarning, match="a-broken-one") as warned:
        load_plugins()
    assert [str(warning.message) for warning in warned] == [
        f"The losses of the package a-broken-one are left out, because loading broken_losses failed: {cause}."
    ]
    assert set(CATALOGUE) == before | {"Hinge"}
    assert CATALOGUE["Tversky"].__module__ == "nnunet_losses.losses.tversky"


def test_ours_come_from_this_package():
    assert {package_of(loss) for loss in CATALOGUE.values()} == {"nnunet_losses"}
