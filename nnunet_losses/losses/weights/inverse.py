"""Inverse weighting: the smaller the component a voxel belongs to, the more the voxel counts.

Shirokikh et al. 2020, "Universal loss reweighting to balance lesion size inequality in 3D medical image
segmentation", arXiv:2007.10033. There are two definitions: ``iw`` is that of the paper's release, ``iwpos`` that of the
earlier code, from which the published records most probably come.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from nnunet_losses.losses.primitives import asynchronous, count_by_number

LIMITS = (1.0, 2e5)
"""Smallest and largest weight of ``iw``, as in the paper's release."""


def inverse_weights(instances: Tensor, valid: Tensor | None = None, *, definition: str = "iw") -> Tensor:
    """The weight of each voxel, by its component.

    Args:
        instances: (B, L, *S) integer component numbers, 0 the background; L is 1 for labels, else one per
            region.
        valid: (B, 1, *S) bool; other voxels are ignored: they have weight 0 and are not counted.
        definition: ``iw``: N / (M·n_k), M the number of components present including the background, n_k the
            size of component k, N = Σ n_k, clipped to [1, 2e5]. ``iwpos``: N₊ / (K·n_k) on each of the K
            components present, N₊ the sum of their sizes, and 1 on the background.

    Returns:
        (B, L, *S) float32 weights, computed for each sample and region by itself.

    Raises:
        ValueError: there is no such definition, or shapes do not fit.
    """
    if definition not in WEIGHTINGS:
        raise ValueError(f"there is no weighting {definition!r}; there are: {', '.join(WEIGHTINGS)}")
    if valid is not None and valid.shape != (len(instances), 1, *instances.shape[2:]):
        raise ValueError(
            f"valid must have shape {(len(instances), 1, *instances.shape[2:])} beside instances of shape "
            f"{tuple(instances.shape)}, got {tuple(valid.shape)}"
        )
    ids = instances.flatten(0, 1).flatten(1)
    count = torch.full((len(ids), 1), ids.shape[1], device=ids.device)
    if valid is not None:
        valid = valid.expand_as(instances).reshape(ids.shape)
        ids, count = ids * valid, valid.sum(1, keepdim=True)
    weights = (_without_waiting if asynchronous(ids) else _of_few_voxels)(ids, count, WEIGHTINGS[definition])
    if valid is not None:
        weights *= valid
    return weights.view(instances.shape)


def _of_few_voxels(ids: Tensor, count: Tensor, weigh: Callable[[Tensor], Tensor]) -> Tensor:
    """Weights (rows, N). Lesion voxels are few: only they are counted one by one and looked up."""
    flat = ids.reshape(-1)
    lesion = flat.nonzero()[:, 0]
    slots = int(ids.max()) + 1
    number = lesion // ids.shape[1] * slots + flat[lesion]
    sizes = torch.bincount(number, minlength=len(ids) * slots).view(-1, slots)
    sizes[:, :1] = count - sizes.sum(1, keepdim=True)
    by_number = weigh(sizes.float())
    weights = by_number[:, :1].repeat(1, ids.shape[1])
    weights.view(-1)[lesion] = by_number.view(-1)[number]
    return weights


def _without_waiting(ids: Tensor, count: Tensor, weigh: Callable[[Tensor], Tensor]) -> Tensor:
    """The same from all voxels alike."""
    sizes = count_by_number(ids)
    sizes[:, :1] = count - sizes[:, 1:].sum(1, keepdim=True)
    return weigh(sizes.float()).gather(1, ids.long())


def _release_weights(sizes: Tensor) -> Tensor:
    """Weights by component number from sizes (rows, numbers); number 0 is the background."""
    total, present = sizes.sum(1, keepdim=True), (sizes > 0).sum(1, keepdim=True)
    return (total / (present * sizes).clamp_min(1)).clamp(*LIMITS)


def _positive_weights(sizes: Tensor) -> Tensor:
    lesions = sizes[:, 1:]
    total, present = lesions.sum(1, keepdim=True), (lesions > 0).sum(1, keepdim=True)
    return torch.cat([torch.ones_like(sizes[:, :1]), total / (present * lesions).clamp_min(1)], 1)


WEIGHTINGS: dict[str, Callable[[Tensor], Tensor]] = {"iw": _release_weights, "iwpos": _positive_weights}
"""Every definition of inverse weights: sizes of components (rows, numbers) -> their weights."""
