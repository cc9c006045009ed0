"""The pages of the loss families: every loss on one of them, and pictures drawn from the losses."""

import importlib.util
from collections import Counter
from pathlib import Path

import pytest
import torch

from nnunet_losses.losses import CATALOGUE, CrossEntropyLoss, TverskyLoss
from nnunet_losses.losses.catalogue import package_of
from nnunet_losses.losses.catalogue.curve import curve

DOCS = Path(__file__).parents[2] / "docs"


def pictures():
    specification = importlib.util.spec_from_file_location("figures", DOCS / "figures.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_every_loss_is_on_exactly_one_page_and_in_its_picture():
    families = pictures().families()
    shown = Counter(name for names in families.values() for name in names)
    assert shown == Counter(name for name, loss in CATALOGUE.items() if package_of(loss) == "nnunet_losses")
    for family, names in families.items():
        picture = (DOCS / "images" / "losses" / f"{family}.svg").read_text()
        assert all(f">{name}<" in picture for name in names), "run `python docs/figures.py`"
        assert f"images/losses/{family}.svg" in (DOCS / "losses" / f"{family}.md").read_text()


def test_a_picture_is_drawn(tmp_path: Path):
    pictures().draw(["Dice", "CrossEntropy"], tmp_path / "two.svg")
    assert (tmp_path / "two.svg").stat().st_size > 1000


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_curve_ends_at_its_best(name: str):
    p, missed, added = curve(pictures().make(CATALOGUE[name]), points=9)
    assert p.shape == missed.shape == added.shape == (9,)
    for values in (missed, added):
        assert values.isfinite().all()
        assert values[0] > values[-1]


def test_curves_are_the_loss_at_one_voxel():
    p, missed, added = curve(CrossEntropyLoss())
    torch.testing.assert_close(missed, -p.log() / 64, rtol=0, atol=1e-5)
    torch.testing.assert_close(missed, added)
    p, missed, added = curve(TverskyLoss(smooth=0))
    torch.testing.assert_close(missed, 1 - (8 + p) / (8 + p + 0.7 * (1 - p)), rtol=0, atol=1e-4)
    torch.testing.assert_close(added, 1 - 9 / (9 + 0.3 * (1 - p)), rtol=0, atol=1e-4)
