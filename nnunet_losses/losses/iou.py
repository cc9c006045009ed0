"""IoU (Jaccard): overlap relative to the union."""

from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, register
from nnunet_losses.losses.tversky import tversky_loss


def iou_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    smooth: float = 1e-5,
    regions: bool = False,
    include_background: bool = False,
    batch: bool = False,
) -> Tensor:
    """1 − mean_c Σ p g / (Σ p + Σ g − Σ p g).

    Rahman, Wang 2016, doi:10.1007/978-3-319-50835-1_22: the Tversky loss with both weights 1. Range and absent
    classes as there. Arguments and errors as in `Loss`.
    """
    return tversky_loss(
        logits,
        target,
        voxel_weight,
        fp_weight=1,
        fn_weight=1,
        smooth=smooth,
        regions=regions,
        include_background=include_background,
        batch=batch,
    )


@register
class IoULoss(Loss):
    """Soft intersection over union (Rahman, Wang 2016)."""

    functional = staticmethod(iou_loss)
    formula = "1 − mean_c Σ p g / (Σ p + Σ g − Σ p g)"
    reference = "Rahman, Wang 2016, doi:10.1007/978-3-319-50835-1_22"
    of_sums = True
    hyper_parameters = (SMOOTH,)
