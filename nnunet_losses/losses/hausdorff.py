"""Hausdorff: squared error times distance to the borders, an estimate of the Hausdorff distance."""

import torch
from torch import Tensor

from nnunet_losses.losses.catalogue import Loss, Parameter, register
from nnunet_losses.losses.distances import ClassMaps, Spacing, class_maps, distances_to_others
from nnunet_losses.losses.primitives import voxel_mean

DISTANCES = ("both", "reference", "inside")


def hausdorff_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    alpha: float = 2.0,
    distances: str = "both",
    regions: bool = False,
    include_background: bool = False,
    spacing: Spacing = None,
) -> Tensor:
    """Σ_c,i w_i (p − g)² (d_S^α + d_G^α) / #{w > 0}, d the distance to the other side of S = {p > ½} and of G.

    Karimi & Salcudean 2019, arXiv:1904.10030, by distance transforms; the mean is over voxels and (foreground) classes.
    Distances are in the units of the spacing and have no gradient. ``distances`` is ``both``, as in the paper;
    ``reference``, its one-sided form d_G^α, which does not need a transform of the prediction in each step; or
    ``inside``, the form of the code released by Ma et al. and by Kervadec et al.: both, but 0 outside S and outside G.
    A mask that is empty or full has distance 0. MONAI's HausdorffDTLoss is the same for unit spacing.

    Range [0, ∞), 0 at a perfect prediction. Ignored voxels belong to neither side, whatever their label and logits; of
    weights per class, that of the class summed over is taken. Arguments and errors as in `Loss`.
    """
    maps = class_maps(logits, target, voxel_weight, regions=regions, include_background=include_background)
    reach = _reach(maps, alpha, distances, spacing)
    return voxel_mean((maps.p - maps.g.to(maps.p.dtype)).square() * reach, maps.weight)


@torch.no_grad()
def _reach(maps: ClassMaps, alpha: float, distances: str, spacing: Spacing) -> Tensor:
    """d_S^α + d_G^α, or what ``distances`` keeps of it."""
    masks = [maps.g] if distances == "reference" else [maps.g, maps.p > 0.5]
    total = torch.zeros_like(maps.p)
    for mask in masks:
        d = distances_to_others(mask, maps.valid, spacing, dtype=maps.p.dtype)
        total += d.pow_(alpha).masked_fill_(~mask, 0) if distances == "inside" else d.pow_(alpha)
    return total


@register
class HausdorffLoss(Loss):
    """Hausdorff loss by distance transforms (Karimi & Salcudean 2019): far errors count most."""

    functional = staticmethod(hausdorff_loss)
    formula = "Σ_c,i w_i (p − g)² (d_S^α + d_G^α) / #{w > 0}"
    reference = "Karimi, Salcudean 2019, arXiv:1904.10030, doi:10.1109/TMI.2019.2930068"
    hyper_parameters = (
        Parameter(
            "alpha",
            "alpha",
            float,
            "exponent of the distances",
            letter="α",
            effect="errors far from the border cost more, compared with near ones",
            minimum=0,
            exclusive=True,
        ),
        Parameter(
            "distances",
            "distances",
            str,
            "distances that are used",
            effect="both: to the borders of prediction and reference; reference: to that of the reference; "
            "inside: both, but only inside of each (released code)",
            choices=DISTANCES,
        ),
    )
