import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nnunetv2.training.loss.compound_losses import DC_and_topk_loss

from nnunet_losses.losses import dice_loss, dice_topk_loss, topk_loss

from .problems import SEEDS, random_problem


@given(SEEDS, st.booleans(), st.booleans())
def test_it_is_the_sum_of_its_parts(seed: int, regions: bool, batch: bool):
    problem = random_problem(seed, regions=regions)
    parts = dice_loss(*problem, regions=regions, batch=batch) + topk_loss(*problem, fraction=0.2, regions=regions)
    torch.testing.assert_close(dice_topk_loss(*problem, fraction=0.2, regions=regions, batch=batch), parts)


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(SEEDS, st.booleans())
def test_gradient_is_that_of_nnunet_and_the_value_larger_by_1(seed: int, batch: bool):
    logits, labels = random_problem(seed)
    logits.requires_grad_()
    nnunet = DC_and_topk_loss({"batch_dice": batch, "smooth": 1e-5, "do_bg": False, "ddp": False}, {"k": 20})
    ours, theirs = dice_topk_loss(logits, labels, fraction=0.2, batch=batch), nnunet(logits, labels)
    torch.testing.assert_close(ours, theirs + 1, rtol=1e-6, atol=1e-6, check_dtype=False)  # nnU-Net adds in float32
    gradients = [torch.autograd.grad(value, logits)[0] for value in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-6)
