"""Dice plus boundary: at first overlap, then more and more the distance to the border."""

from torch import Tensor

from nnunet_losses.losses.boundary import boundary_loss
from nnunet_losses.losses.catalogue import SMOOTH, Loss, Parameter, register
from nnunet_losses.losses.dice import dice_loss
from nnunet_losses.losses.distances import Spacing
from nnunet_losses.losses.generalized_dice import generalized_dice_loss
from nnunet_losses.losses.weights import scheduled_weights


def dice_boundary_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    overlap: str = "dice",
    balance: str = "rebalance",
    start: float = 0.01,
    growth: float = 0.01,
    cap: float = 0.99,
    shifted: bool = False,
    smooth: float = 1e-5,
    regions: bool = False,
    include_background: bool = False,
    batch: bool = False,
    spacing: Spacing = None,
    epoch: int = 0,
) -> Tensor:
    """(1 − α) · Dice loss + α · boundary loss, α = min(start + growth · epoch, cap).

    Kervadec et al. 2019, arXiv:1812.07032, for the schedule; Ma et al. 2021, doi:10.1016/j.media.2021.102035, for the
    combination with Dice. The terms are `dice_loss` and `boundary_loss`. ``overlap="generalized"`` is the overlap term
    of Kervadec et al., `generalized_dice_loss` with the background as a class. ``balance`` chooses the weights of the
    two
    terms: ``rebalance`` is (1 − α, α); ``increase`` is (1, α), constant with ``growth=0``; ``steal`` is that of
    Kervadec's code, (max(1 − growth · epoch, 0.1), start + growth · epoch), without a cap. Ma's sum with equal weights
    is ``balance="increase", start=1, cap=1``. The schedule is a function of the epoch, so it survives resuming.

    Range (−∞, ∞), smallest at a perfect prediction. Arguments and errors as in `Loss`.
    """
    modes = {"regions": regions, "include_background": include_background}
    if overlap == "dice":
        region_part = dice_loss(logits, target, voxel_weight, smooth=smooth, batch=batch, **modes)
    else:
        region_part = generalized_dice_loss(
            logits, target, voxel_weight, smooth=smooth, regions=regions, include_background=True, batch=batch
        )
    boundary = boundary_loss(logits, target, voxel_weight, shifted=shifted, spacing=spacing, **modes)
    of_overlap, of_boundary = scheduled_weights(balance, epoch, start=start, growth=growth, cap=cap)
    return of_overlap * region_part + of_boundary * boundary


@register
class DiceBoundaryLoss(Loss):
    """Dice loss and boundary loss (Kervadec 2019; Ma 2021), the share of the boundary growing with the epochs."""

    functional = staticmethod(dice_boundary_loss)
    formula = "(1 − α) (1 − mean_c Dice_c) + α Σ_c,i w_i φ_c,i p_c,i / #{w > 0}, α growing with the epochs"
    reference = "Kervadec et al. 2019, arXiv:1812.07032; Ma et al. 2021, doi:10.1016/j.media.2021.102035"
    hyper_parameters = (
        Parameter(
            "overlap",
            "overlap",
            str,
            "overlap term",
            effect="dice: Dice of the foreground; generalized: generalised Dice of all classes (Kervadec 2019)",
            choices=("dice", "generalized"),
        ),
        Parameter(
            "balance",
            "balance",
            str,
            "weights of the overlap and the boundary term",
            effect="rebalance: 1 − α and α; increase: 1 and α; steal: as in the authors' code",
            choices=("rebalance", "increase", "steal"),
        ),
        Parameter(
            "start",
            "start",
            float,
            "weight of the boundary term in the first epoch",
            letter="α",
            effect="distances count from the start",
            minimum=0,
            maximum=1,
        ),
        Parameter(
            "growth", "growth", float, "growth of α in each epoch", effect="distances take over sooner", minimum=0
        ),
        Parameter(
            "cap",
            "cap",
            float,
            "largest α",
            effect="distances count more, overlap less in the last epochs",
            minimum=0,
            maximum=1,
        ),
        Parameter(
            "shifted",
            "shifted",
            bool,
            "distances inside less by one voxel, as in the authors' code",
            effect="the distance is 0 at the inner border, so errors there cost nothing",
        ),
        SMOOTH,
    )
