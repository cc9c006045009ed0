"""Connected-component loss: any loss on the whole patch, and once more in the neighbourhood of each lesion."""

from collections.abc import Sequence

from torch import Tensor

from nnunet_losses.losses.catalogue import Loss, Parameter, register
from nnunet_losses.losses.per_lesion import BASE, InstanceLoss, instance_loss, nearest_component


def connected_component_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    base: str | Loss = "dicecrossentropy",
    global_weight: float = 1.0,
    component_weight: float = 1.0,
    regions: bool = False,
    include_background: bool | None = None,
    batch: bool = False,
    instances: Tensor | None = None,
    spacing: Sequence[float] | None = None,
    epoch: int = 0,
    class_frequencies: Tensor | None = None,
) -> Tensor:
    """α·L + β·mean over samples of mean_k L(w·m_k), m_k = 1 on the Voronoi cell of component k, 0 elsewhere.

    Jaus et al. 2024, arXiv:2410.18684 (the cells, as a metric); Bouteille et al. 2025, arXiv:2511.17146 (CC-DiceCE: L
    is Dice + cross-entropy). α is ``global_weight``, β ``component_weight``. A voxel belongs to the component nearest
    to it in physical distance (``spacing``); if two are equally near, to one of them. A false positive thus counts in
    the cell of one lesion only. The released trainer has no smoothing in Dice and takes two classes only; here it is
    ``base=DiceCrossEntropyLoss(smooth=0)``.

    With several classes, each is taken by itself against all others, in the cells of its own components, and the cells
    of all classes count alike; likewise with regions. A sample without components has no such term. Ignored voxels
    belong to no component. Range and minimum are α + β times those of L. ``batch`` pools L on the patch, never the
    cells.

    A base that is a formula of sums (``of_sums``) takes one pass over the voxels, another base one for each cell;
    besides, there is one distance transform for each sample and class. Arguments and errors as in `Loss`; ``base`` as
    in `InstanceLoss`.
    """
    return instance_loss(
        lambda ids: nearest_component(ids, spacing),
        logits,
        target,
        voxel_weight,
        base=base,
        global_weight=global_weight,
        instance_weight=component_weight,
        batch=batch,
        instances=instances,
        class_frequencies=class_frequencies,
        modes={"regions": regions, "include_background": include_background},
        circumstances={"spacing": spacing, "epoch": epoch},
    )


@register
class ConnectedComponentLoss(InstanceLoss):
    """Connected-component loss (CC-DiceCE, Bouteille 2025) around any loss: every lesion in its own surroundings."""

    functional = staticmethod(connected_component_loss)
    formula = "α·L + β·mean_samples mean_k L(w·m_k), m_k = 1 where lesion k is the nearest"
    reference = "Jaus et al. 2024, arXiv:2410.18684; Bouteille et al. 2025, arXiv:2511.17146"
    needs_of_cut = frozenset({"instances", "spacing"})
    hyper_parameters = (
        BASE,
        Parameter(
            "global",
            "global_weight",
            float,
            "weight of the loss on the whole patch",
            effect="the patch as a whole counts more, each lesion less",
            minimum=0,
        ),
        Parameter(
            "component",
            "component_weight",
            float,
            "weight of the mean over lesions, each in its own cell",
            effect="each lesion counts more, whatever its size",
            minimum=0,
        ),
    )
