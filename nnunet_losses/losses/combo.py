"""Combo: a cross-entropy in which positives and negatives weigh differently, and Dice."""

import torch
from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, Parameter, register
from nnunet_losses.losses.primitives import log_probabilities, ratio, region_statistics, sample_mean, voxel_mean


def combo_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    per_class: bool = False,
    smooth: float = 1.0,
    regions: bool = False,
    include_background: bool = True,
    batch: bool = False,
) -> Tensor:
    """−α Σ_{i,c} w [β g log p + (1 − β)(1 − g) log(1 − p)] / #{w > 0} − (1 − α) Dice.

    Taghanaki et al. 2018, arXiv:1805.02798. Every class is a binary problem, and the voxels of all classes are put into
    one row: the cross-entropy is the mean over voxels and classes, and Dice = (2 Σ p g + s) / (Σ p + Σ g + s) has sums
    over both, or is the mean of the Dice of each class (``per_class``). The paper subtracts Dice itself. The background
    is a class. Of weights per class, that of the class summed over is taken.

    The authors' code differs: for several classes it has the wrong sign before (1 − β), which rewards false positives;
    for one class it multiplies the negatives by β(1 − β). Neither is reproduced.

    Range [α − 1, ∞), α − 1 at a perfect prediction. Arguments and errors as in `Loss`.
    """
    modes = {"regions": regions, "include_background": include_background, "batch": batch}
    pg, p, g = region_statistics(logits, target, voxel_weight, names="pg p g", **modes)
    if not per_class:
        pg, p, g = (x.sum(1, keepdim=True) for x in (pg, p, g))
    overlap = sample_mean(ratio(2 * pg, p + g, smooth))
    first = 0 if regions or include_background else 1
    if voxel_weight is not None and voxel_weight.shape[1] > 1:
        voxel_weight = voxel_weight[:, first:]
    entropy = voxel_mean(-_log_likelihoods(logits, target, beta, regions)[:, first:], voxel_weight)
    return alpha * entropy - (1 - alpha) * overlap


def _log_likelihoods(logits: Tensor, target: Tensor, beta: float, regions: bool) -> Tensor:
    """β g log p + (1 − β)(1 − g) log(1 − p) of every voxel and class, (B, C, *S)."""
    if regions:
        log_p = log_probabilities(logits, target, regions=True)
        return (1 - beta + (2 * beta - 1) * target.to(log_p.dtype)) * log_p
    classes = torch.arange(logits.shape[1], device=logits.device).view(-1, *[1] * (logits.ndim - 2))
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return torch.where(target == classes, beta * logits.log_softmax(1), (1 - beta) * log_complements(logits))


def log_complements(logits: Tensor) -> Tensor:
    """log(1 − softmax), (B, C, *S), exact at both ends.

    At most one class of a voxel has p > 1/2, where 1 − p cancels; its complement is the sum over the others.
    """
    p = logits.softmax(1)
    likely = p > 0.5
    of_likely = logits.masked_fill(likely, -torch.inf).logsumexp(1, keepdim=True) - logits.logsumexp(1, keepdim=True)
    return torch.where(likely, of_likely, torch.log1p(-p.masked_fill(likely, 0)))


@register
class ComboLoss(Loss):
    """Combo loss (Taghanaki 2018): weighted binary cross-entropies minus Dice."""

    functional = staticmethod(combo_loss)
    formula = "−α Σ_{i,c} w [β g log p + (1−β)(1−g) log(1−p)] / #{w > 0} − (1−α) (2 Σ_{i,c} p g + s) / (Σ p + Σ g + s)"
    reference = "Taghanaki et al. 2018, arXiv:1805.02798"
    of_sums = True
    hyper_parameters = (
        Parameter(
            "alpha",
            "alpha",
            float,
            "share of the cross-entropy; Dice has 1 − alpha",
            letter="α",
            effect="single voxels count more, overlap less",
            minimum=0,
            maximum=1,
        ),
        Parameter(
            "beta",
            "beta",
            float,
            "weight of positives in the cross-entropy; negatives have 1 − beta",
            letter="β",
            effect="fewer missed voxels, more false positives",
            minimum=0,
            maximum=1,
        ),
        Parameter(
            "perclass",
            "per_class",
            bool,
            "Dice of each class by itself",
            effect="the mean of the classes' Dice, in which a rare class counts as much as a frequent one",
        ),
        SMOOTH,
    )
