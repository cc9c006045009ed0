"""Cross-entropy: the mean of −log p of the true class."""

from torch import Tensor

from nnunet_losses.losses.catalogue import Loss, register
from nnunet_losses.losses.primitives import log_probabilities, voxel_mean


def cross_entropy_loss(
    logits: Tensor, target: Tensor, voxel_weight: Tensor | None = None, *, regions: bool = False
) -> Tensor:
    """−Σ_i w_i log p_i(truth) / #{w > 0}.

    Labels: softmax, one term for each voxel. Regions: binary cross-entropy, one term for each voxel and region. Range
    [0, ∞), 0 at a perfect prediction, and where no voxel counts. With weights it is the weighted cross-entropy of
    Shirokikh et al. 2020, arXiv:2007.10033; unlike torch's ``weight``, it does not divide by the sum of the weights.
    Arguments and errors as in `Loss`.
    """
    log_p = log_probabilities(logits, target, voxel_weight, regions=regions)
    return -voxel_mean(log_p, voxel_weight, None if regions else target)


@register
class CrossEntropyLoss(Loss):
    """Cross-entropy: softmax over labels, or binary for each region."""

    functional = staticmethod(cross_entropy_loss)
    formula = "−Σ_i w_i log p_i(truth) / #{w > 0}"
    reference = "Good 1952, Rational decisions, doi:10.1111/j.2517-6161.1952.tb00104.x"
    of_sums = True
