"""Asymmetric similarity: the soft F-beta score, in which recall counts β times as much as precision."""

from torch import Tensor

from nnunet_losses.losses.catalogue import SMOOTH, Loss, Parameter, register
from nnunet_losses.losses.tversky import tversky_loss


def asymmetric_similarity_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    beta: float = 1.5,
    smooth: float = 1e-5,
    regions: bool = False,
    include_background: bool = False,
    batch: bool = False,
) -> Tensor:
    """1 − mean_c TP / (TP + FP/(1 + β²) + FN·β²/(1 + β²)).

    Hashemi et al. 2018, arXiv:1803.11078, doi:10.1109/ACCESS.2018.2886371: the Tversky loss with both weights
    given by one number. β = 1 is soft Dice; 1.5 is the paper's choice (fp 0.308, fn 0.692). Range and absent
    classes as in `tversky_loss`. Arguments and errors as in `Loss`.
    """
    fp_weight = 1 / (1 + beta**2)
    return tversky_loss(
        logits,
        target,
        voxel_weight,
        fp_weight=fp_weight,
        fn_weight=1 - fp_weight,
        smooth=smooth,
        regions=regions,
        include_background=include_background,
        batch=batch,
    )


@register
class AsymmetricSimilarityLoss(Loss):
    """Asymmetric similarity loss (Hashemi 2018): one minus the soft F-beta score."""

    functional = staticmethod(asymmetric_similarity_loss)
    formula = "1 − mean_c TP / (TP + FP/(1 + β²) + FN·β²/(1 + β²))"
    reference = "Hashemi et al. 2018, arXiv:1803.11078, doi:10.1109/ACCESS.2018.2886371"
    of_sums = True
    hyper_parameters = (
        Parameter(
            "beta",
            "beta",
            float,
            "weight of recall relative to precision",
            letter="β",
            effect="fewer missed voxels, more false positives; 1 is Dice",
            minimum=0,
        ),
        SMOOTH,
    )
