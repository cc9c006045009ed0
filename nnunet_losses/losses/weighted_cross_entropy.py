"""Weighted cross-entropy: the rarer its class, the more a voxel counts."""

import torch
from torch import Tensor

from nnunet_losses.losses.catalogue import Loss, Parameter, register
from nnunet_losses.losses.primitives import log_probabilities, voxel_mean
from nnunet_losses.losses.weights import frequencies, inverse_power, weight_of_class


def weighted_cross_entropy_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    power: float = 1.0,
    normalised: bool = False,
    regions: bool = False,
    class_frequencies: Tensor | None = None,
) -> Tensor:
    """−Σ_i w_i ω(y_i) log p_i(truth) / #{w > 0}, ω_c = f_c^(−power) / Σ_k f_k^(1 − power).

    Ronneberger, Fischer, Brox 2015, arXiv:1505.04597, whose weight map "balances the class frequencies" (without its
    second term, the border between cells). f_c is the share of the voxels of the training cases that belongs to class c
    or, where it is not given, that of the batch. The class weights ω are scaled to a mean of 1 over those voxels, so
    that the loss and its learning rate are comparable with the cross-entropy; a class that occurs in no training case
    gets the largest weight of the others. A region has one weight inside and one outside, from f and 1 − f in the same
    way.

    ``normalised`` divides by the sum of the class weights ω of the voxels that count instead of their number, as
    torch's cross_entropy(weight=ω) does; then every batch has the same total weight, however rare its classes.

    Range [0, ∞), 0 at a perfect prediction. power = 0 is the cross-entropy. Arguments and errors as in `Loss`.
    """
    log_p = log_probabilities(logits, target, voxel_weight, regions=regions)
    shares = frequencies(class_frequencies, logits, target, voxel_weight, regions=regions)
    if regions:
        shares = torch.stack([1 - shares, shares], 1)
    weights = inverse_power(shares, power)
    weights = weights / (shares * weights).sum(-1, keepdim=True).clamp_min(1e-8)
    by_voxel = weight_of_class(weights, target, regions=regions)
    labels = None if regions else target
    loss = voxel_mean(-by_voxel * log_p, voxel_weight, labels)
    if normalised:
        loss = loss / voxel_mean(by_voxel, None if voxel_weight is None else voxel_weight > 0, labels).clamp_min(1e-8)
    return loss


@register
class WeightedCrossEntropyLoss(Loss):
    """Cross-entropy with class weights of inverse frequency (Ronneberger 2015)."""

    functional = staticmethod(weighted_cross_entropy_loss)
    formula = "−Σ_i w_i ω(y_i) log p_i(truth) / #{w > 0}, ω_c = f_c^(−power) / Σ_k f_k^(1−power)"
    reference = "Ronneberger, Fischer, Brox 2015, arXiv:1505.04597"
    of_sums = True
    hyper_parameters = (
        Parameter(
            "power",
            "power",
            float,
            "exponent of the inverse class frequency",
            effect="rare classes count more; 0 is cross-entropy",
            minimum=0,
            maximum=2,
        ),
        Parameter(
            "normalised",
            "normalised",
            bool,
            "division by the sum of the class weights, as in torch",
            effect="every batch has the same total weight, however rare its classes",
        ),
    )
