"""Distance-penalised cross-entropy: a voxel near a border counts more."""

import torch
from torch import Tensor

from nnunet_losses.losses.catalogue import Loss, Parameter, register
from nnunet_losses.losses.distances import Spacing, distances_to_others, largest_of_label, sides, valid_voxels
from nnunet_losses.losses.primitives import log_probabilities, voxel_mean


def distance_penalized_cross_entropy_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    normalized: bool = False,
    regions: bool = False,
    spacing: Spacing = None,
) -> Tensor:
    """−Σ_i w_i (1 + Φ_i) log p_i / #{w > 0}, Φ_i = max D − D_i, the maximum over the voxels of i's own class.

    Caliva et al. 2019, arXiv:1908.03679. D is the distance to the nearest voxel of another class, in the units of the
    spacing; in a region, to its other side, so that both sides are penalised. With C labels, the paper's binary map
    becomes that of each voxel's true class, the class in its cross-entropy. ``normalized`` divides the Φ of each class
    by its largest value, so that it falls from 1 at the border to 0 in the core, as in the code of Ma et al. 2021
    (which, as released, computes it and then returns the unweighted mean). Φ is 0 where a class borders on no other
    class, and where all voxels of a class are equally far from its border.

    Range [0, ∞), 0 at a perfect prediction. Ignored voxels border on nothing. Arguments and errors as in `Loss`.
    """
    log_p = log_probabilities(logits, target, voxel_weight, regions=regions)
    labels, classes = sides(target, logits.shape[1], regions=regions)
    penalty = _penalty(labels, valid_voxels(voxel_weight, regions=regions), spacing, classes, normalized, log_p.dtype)
    return voxel_mean(-(1 + penalty) * log_p, voxel_weight, None if regions else target)


@torch.no_grad()
def _penalty(
    labels: Tensor, valid: Tensor | None, spacing: Spacing, classes: int, normalized: bool, dtype: torch.dtype
) -> Tensor:
    """Φ of every voxel of the label maps (B, K, *S); 0 where a voxel is ignored."""
    distances = distances_to_others(labels, valid, spacing, classes=classes, dtype=dtype)
    penalty = largest_of_label(distances, labels, classes) - distances
    if valid is not None:
        penalty = penalty.masked_fill(~valid, 0)
    if not normalized:
        return penalty
    largest = largest_of_label(penalty, labels, classes)
    return penalty / largest.masked_fill(largest == 0, 1)


@register
class DistancePenalizedCrossEntropyLoss(Loss):
    """Distance-penalised cross-entropy (Caliva 2019): voxels near a border count more."""

    functional = staticmethod(distance_penalized_cross_entropy_loss)
    formula = "−Σ_i w_i (1 + Φ_i) log p_i(truth) / #{w > 0}, Φ_i = max D − D_i within the class"
    reference = "Caliva, Iriondo, Martinez, Majumdar, Pedoia 2019, arXiv:1908.03679"
    hyper_parameters = (
        Parameter(
            "normalized",
            "normalized",
            bool,
            "penalty of each class scaled to a largest of 1, as in the code of Ma 2021",
            effect="a voxel at a border counts twice as much as one in the core, however large the structure is",
        ),
    )
