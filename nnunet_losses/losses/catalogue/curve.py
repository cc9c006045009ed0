"""The value of a loss over the probability of the truth at one voxel, all other voxels being right."""

from typing import NamedTuple

import torch
from torch import Tensor

from nnunet_losses.losses.catalogue.loss import Loss

SIZE = 8
SURE = 12.0
"""Log-odds of the voxels that are right: a probability of 1 − 6e-6."""


class Curve(NamedTuple):
    """A loss on a patch in which all voxels but one are right."""

    p: Tensor
    """(P,) probability of the truth at that voxel, from nearly 0 to nearly 1."""
    missed: Tensor
    """(P,) value where that voxel belongs to the lesion: as p falls, it becomes a false negative."""
    added: Tensor
    """(P,) value where it belongs to the background: as p falls, it becomes a false positive."""


def curve(loss: Loss, points: int = 49) -> Curve:
    """The value of a loss of two classes (or one region) over p at one voxel.

    The patch is 8 × 8 with a square lesion of 3 × 3. The missed voxel lies in the middle of the lesion's edge, the
    added one beside it, outside.
    """
    labels = torch.zeros(1, 1, SIZE, SIZE, dtype=torch.int16)
    labels[..., 2:5, 2:5] = 1
    p = torch.linspace(0.01, 0.99, points, dtype=torch.float64)
    log_odds = torch.logit(p)
    values = []
    for voxel in ((4, 3), (5, 3)):
        sign = 2 * labels[0, 0].double() - 1
        x = (SURE * sign).repeat(points, 1, 1)
        x[:, *voxel] = log_odds * sign[voxel]
        # as two logits, or as one
        logits = x[:, None] if loss.regions else torch.stack([-x / 2, x / 2], 1)
        with torch.no_grad():
            values.append(torch.stack([loss(one[None], labels) for one in logits]).cpu())
    return Curve(p, *values)
