"""Boundary: how far from the border of the reference a wrong voxel lies."""

import torch
from torch import Tensor

from nnunet_losses.losses.catalogue import Loss, Parameter, register
from nnunet_losses.losses.distances import Spacing, class_maps, signed_distances
from nnunet_losses.losses.primitives import voxel_mean


def boundary_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    shifted: bool = False,
    regions: bool = False,
    include_background: bool = False,
    spacing: Spacing = None,
) -> Tensor:
    """Σ_c,i w_i φ_c,i p_c,i / #{w > 0}, φ_c = +D outside class c, −D inside, D the distance to its other side.

    Kervadec et al. 2019, arXiv:1812.07032; Medical Image Analysis 67, 101851. The mean is over voxels and classes, as
    in their code, by default over the foreground classes. D is measured between voxel centres in the units of the
    spacing. ``shifted`` is the form of their code, −(D − 1) inside, so that φ is 0 at the inner border. Their 1 is one
    voxel; here it is the smallest spacing, since a larger shift would reward errors at the border. A class that is
    absent from a patch or fills it has no border: φ is 0, and predicting the class costs nothing, as in their code. The
    paper uses this loss together with an overlap loss: `dice_boundary_loss`.

    Range (−∞, ∞), smallest at a perfect prediction, where it is negative. Ignored voxels belong to neither side; of
    weights per class, that of the class summed over is taken. Arguments and errors as in `Loss`.
    """
    maps = class_maps(logits, target, voxel_weight, regions=regions, include_background=include_background)
    level = signed_distances(maps.g, maps.valid, spacing, dtype=maps.p.dtype)
    if shifted:
        level = torch.where(level < 0, level + min(spacing or (1.0,)), level)
    return voxel_mean(level * maps.p, maps.weight)


@register
class BoundaryLoss(Loss):
    """Boundary loss (Kervadec 2019): probability times signed distance to the border of the reference."""

    functional = staticmethod(boundary_loss)
    formula = "Σ_c,i w_i φ_c,i p_c,i / #{w > 0}, φ_c = D outside class c, −D inside"
    reference = "Kervadec, Bouchtiba, Desrosiers, Granger, Dolz, Ben Ayed 2019, arXiv:1812.07032"
    hyper_parameters = (
        Parameter(
            "shifted",
            "shifted",
            bool,
            "distances inside less by one voxel, as in the authors' code",
            effect="the distance is 0 at the inner border, so errors there cost nothing",
        ),
    )
