"""Blob loss: any loss on the whole patch, and once more for each lesion, with the other lesions left out."""

from collections.abc import Sequence

from torch import Tensor

from nnunet_losses.losses.catalogue import Loss, Parameter, register
from nnunet_losses.losses.per_lesion import BASE, InstanceLoss, instance_loss


def blob_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    base: str | Loss = "dicecrossentropy",
    global_weight: float = 2.0,
    blob_weight: float = 1.0,
    regions: bool = False,
    include_background: bool | None = None,
    batch: bool = False,
    instances: Tensor | None = None,
    spacing: Sequence[float] | None = None,
    epoch: int = 0,
    class_frequencies: Tensor | None = None,
) -> Tensor:
    """α·L + β·mean over samples of mean_k L(w·m_k), m_k = 0 on the other components of the reference, 1 elsewhere.

    Kofler et al. 2022, arXiv:2205.08209 (α: ``global_weight``, β: ``blob_weight``). L is the base loss. Every false
    positive is in the term of every blob. The other components get the voxel weight 0, so they have no influence; the
    released code multiplies logits by m_k where its network has no sigmoid, which turns masked voxels into predictions
    of probability 1/2.

    With several classes, each is taken by itself against all others, with its own components, and the blobs of all
    classes count alike; likewise with regions. A sample without components has no blob term. Ignored voxels belong to
    no component. Range and minimum are α + β times those of L. ``batch`` pools L on the patch, never the blobs.

    A base that is a formula of sums (``of_sums``) takes one pass over the voxels, another base one for each blob.
    Arguments and errors as in `Loss`; ``base`` as in `InstanceLoss`.
    """
    return instance_loss(
        lambda ids: ids,
        logits,
        target,
        voxel_weight,
        base=base,
        global_weight=global_weight,
        instance_weight=blob_weight,
        batch=batch,
        instances=instances,
        class_frequencies=class_frequencies,
        modes={"regions": regions, "include_background": include_background},
        circumstances={"spacing": spacing, "epoch": epoch},
    )


@register
class BlobLoss(InstanceLoss):
    """Blob loss (Kofler 2022) around any loss: every lesion also counts by itself."""

    functional = staticmethod(blob_loss)
    formula = "α·L + β·mean_samples mean_k L(w·m_k), m_k = 0 on the other lesions"
    reference = "Kofler et al. 2022, arXiv:2205.08209"
    needs_of_cut = frozenset({"instances"})
    hyper_parameters = (
        BASE,
        Parameter(
            "global",
            "global_weight",
            float,
            "weight of the loss on the whole patch",
            letter="α",
            effect="the patch as a whole counts more, each lesion less",
            minimum=0,
        ),
        Parameter(
            "blob",
            "blob_weight",
            float,
            "weight of the mean over lesions",
            letter="β",
            effect="each lesion counts more, whatever its size",
            minimum=0,
        ),
    )
