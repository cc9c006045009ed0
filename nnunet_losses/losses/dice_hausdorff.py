"""Dice plus Hausdorff: overlap, and errors far from the border."""

from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, Parameter, register
from nnunet_losses.losses.dice import dice_loss
from nnunet_losses.losses.distances import Spacing
from nnunet_losses.losses.hausdorff import DISTANCES, hausdorff_loss
from nnunet_losses.losses.weights import scheduled_weights


def dice_hausdorff_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    balance: str = "rebalance",
    start: float = 0.01,
    growth: float = 0.01,
    cap: float = 0.99,
    alpha: float = 2.0,
    distances: str = "both",
    smooth: float = 1e-5,
    regions: bool = False,
    include_background: bool = False,
    batch: bool = False,
    spacing: Spacing = None,
    epoch: int = 0,
) -> Tensor:
    """(1 − λ) · Dice loss + λ · Hausdorff loss, λ = min(start + growth · epoch, cap).

    Karimi & Salcudean 2019, arXiv:1904.10030; Ma et al. 2021, doi:10.1016/j.media.2021.102035. The terms are
    `dice_loss` and `hausdorff_loss`. Both papers weight them so that they are equal: Karimi & Salcudean by the ratio of
    their means, which would need a memory of the training, Ma's code by the ratio r of their values in each step. The
    latter is ``balance="ratio"``: r · Dice loss + Hausdorff loss, where r = Hausdorff / (Dice loss + 1e-5) has no
    gradient; with ``distances="inside"`` it is Ma's DiceHD. Its value is twice the Hausdorff loss; its gradient is that
    of fixed weights, not of this value. The default is the schedule of `dice_boundary_loss`, a function of the epoch
    alone; ``balance="increase"`` has the weights 1 and λ.

    Range [0, ∞), 0 at a perfect prediction. Arguments and errors as in `Loss`.
    """
    modes = {"regions": regions, "include_background": include_background}
    dice = dice_loss(logits, target, voxel_weight, smooth=smooth, batch=batch, **modes)
    hausdorff = hausdorff_loss(logits, target, voxel_weight, alpha=alpha, distances=distances, spacing=spacing, **modes)
    if balance == "ratio":
        return (hausdorff / (dice + 1e-5)).detach() * dice + hausdorff
    of_dice, of_hausdorff = scheduled_weights(balance, epoch, start=start, growth=growth, cap=cap)
    return of_dice * dice + of_hausdorff * hausdorff


@register
class DiceHausdorffLoss(Loss):
    """Dice loss and Hausdorff loss (Karimi & Salcudean 2019; Ma 2021), by a schedule or by their ratio."""

    functional = staticmethod(dice_hausdorff_loss)
    formula = "(1 − λ) (1 − mean_c Dice_c) + λ Σ_c,i w_i (p − g)² (d_S^α + d_G^α) / #{w > 0}, λ growing with the epochs"
    reference = "Karimi, Salcudean 2019, arXiv:1904.10030; Ma et al. 2021, doi:10.1016/j.media.2021.102035"
    hyper_parameters = (
        Parameter(
            "balance",
            "balance",
            str,
            "weights of the Dice and the Hausdorff term",
            effect="rebalance: 1 − λ and λ; increase: 1 and λ; ratio: both terms equal (code of Ma 2021)",
            choices=("rebalance", "increase", "ratio"),
        ),
        Parameter(
            "start",
            "start",
            float,
            "weight λ of the Hausdorff term in the first epoch",
            effect="distances count from the start",
            minimum=0,
            maximum=1,
        ),
        Parameter(
            "growth", "growth", float, "growth of λ in each epoch", effect="distances take over sooner", minimum=0
        ),
        Parameter(
            "cap",
            "cap",
            float,
            "largest λ",
            effect="distances count more, overlap less in the last epochs",
            minimum=0,
            maximum=1,
        ),
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
        SMOOTH,
    )
