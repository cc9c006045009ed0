"""Where MONAI differs from us and from the papers; docs/monai.md tells it, and each line of it is a test."""

import re
import warnings
from pathlib import Path

import monai
import pytest
import torch
from monai.losses import AsymmetricUnifiedFocalLoss, FocalLoss

from nnunet_losses.losses import focal_loss, unified_focal_loss

from .problems import random_problem

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "monai.md"
SETTINGS = {"gamma": 0.5, "delta": 0.6}


def two_classes() -> tuple[torch.Tensor, torch.Tensor]:
    return random_problem(7, classes=2)


def unified_focal_of_monai(logits: torch.Tensor, labels: torch.Tensor, share: float) -> torch.Tensor:
    one_hot = torch.cat([1 - labels, labels], 1)  # MONAI's own conversion fails before its version 1.6.1
    return AsymmetricUnifiedFocalLoss(weight=share, **SETTINGS)(logits, one_hot)


@pytest.mark.skipif(
    tuple(map(int, monai.__version__.split(".")[:3])) < (1, 6, 1), reason="MONAI weighed otherwise before 1.6.1"
)
def test_unified_focal_gives_lambda_to_the_other_part_and_halves_the_cross_entropy():
    logits, labels = two_classes()
    ours = {part: unified_focal_loss(logits, labels, balance=part, smooth=1e-7, **SETTINGS) for part in (0.0, 1.0)}
    for share in (0.0, 0.3, 1.0):
        theirs = unified_focal_of_monai(logits.softmax(1), labels, share)
        swapped = share * ours[0.0] / 2 + (1 - share) * ours[1.0]
        torch.testing.assert_close(theirs, swapped, rtol=1e-5, atol=1e-6)


def test_unified_focal_of_monai_takes_probabilities_though_it_asks_for_logits():
    logits, labels = two_classes()
    ours = unified_focal_loss(logits, labels, balance=1.0, smooth=1e-7, **SETTINGS)
    torch.testing.assert_close(unified_focal_of_monai(logits.softmax(1), labels, 0.0), ours, rtol=1e-5, atol=1e-6)
    assert (unified_focal_of_monai(logits, labels, 0.0) - ours).abs() > 0.01


def test_unified_focal_of_monai_has_no_gradient_where_the_network_is_surely_wrong():
    labels = torch.ones(1, 1, 2, 2, dtype=torch.int64)
    logits = torch.stack([torch.full((1, 2, 2), 20.0), torch.full((1, 2, 2), -20.0)], 1).requires_grad_()
    theirs = unified_focal_of_monai(logits.softmax(1), labels, 1.0)
    assert not torch.autograd.grad(theirs, logits)[0].any()
    ours = unified_focal_loss(logits, labels, balance=0.0, **SETTINGS)
    assert torch.autograd.grad(ours, logits)[0].abs().min() > 0.1


def test_focal_of_monai_forgets_alpha_where_background_is_left_out():
    logits, labels = random_problem(5)
    settings = {"gamma": 2.0, "to_onehot_y": True, "use_softmax": True, "include_background": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with_alpha, without = (FocalLoss(**settings, alpha=alpha)(logits, labels) for alpha in (0.25, None))
    assert with_alpha.item() == without.item()
    assert focal_loss(logits, labels, alpha=0.25).item() != focal_loss(logits, labels, alpha=None).item()


def test_every_line_of_the_page_names_a_test_that_exists():
    rows = re.findall(r"^\| `\w+` \|.*\| `(test_\w+\.py)::(\w+)` \|$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) == len(re.findall(r"^\| `", PAGE.read_text(), re.MULTILINE)) > 0
    for file, name in rows:
        assert f"def {name}(" in (HERE / file).read_text(), name


@pytest.mark.parametrize("file", sorted(HERE.glob("test_*.py")), ids=lambda file: file.stem)
def test_every_test_of_a_difference_is_on_the_page(file: Path):
    found = re.findall(r"^def (test_(?:\w*_of_monai_|monai_|\w+_monai_but_)\w+)\(", file.read_text(), re.MULTILINE)
    page = PAGE.read_text()
    for name in found:
        assert f"`{file.name}::{name}`" in page
