"""Lovász-softmax: the Jaccard loss of hard predictions, made continuous."""

import torch
from torch import Tensor

from nnunet_losses.losses.catalogue import Loss, Parameter, register
from nnunet_losses.losses.primitives import check_inputs, exact_type, gather_over_ranks, sample_mean, sum_over_ranks


def lovasz_softmax_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    all_classes: bool = False,
    regions: bool = False,
    include_background: bool = True,
    batch: bool = False,
) -> Tensor:
    """mean_c Σ_k e_(k) (J(k) − J(k−1)), e_(1) ≥ e_(2) ≥ … the errors |g − p| of a class in falling order.

    Berman, Rannen Triki, Blaschko 2018, arXiv:1705.08790. J(k) is the Jaccard loss of a prediction that is wrong on the
    first k voxels only: one minus intersection over union, where each size is a sum of weights, so that a voxel of
    weight 2 counts as two. The mean is over the classes present in the reference, as in the paper, or over all classes
    (``all_classes``, as in SegLoss); the loss of an absent class is its largest error. The background is a class by
    default; without it and without absent classes, false positives in a patch without structures cost nothing.

    With regions, the errors are those of the sigmoid of each region; an absent region always counts, since no other
    class shows its errors. (The paper's Lovász hinge, of logits, is another loss.)

    Range [0, 1], 0 at a perfect prediction; 0 where no class counts. For a hard prediction it is the Jaccard loss.
    Arguments and errors as in `Loss`.
    """
    check_inputs(logits, target, voxel_weight, regions=regions)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    p = (logits.sigmoid() if regions else logits.softmax(1)).flatten(2)
    t = target.flatten(2)
    w = torch.ones_like(p[:, :1]) if voxel_weight is None else voxel_weight.flatten(2).to(p.dtype)
    losses, presence = [], []
    for c in range(0 if regions or include_background else 1, p.shape[1]):
        g = (t[:, c] if regions else t[:, 0] == c).to(p.dtype)
        rows = [x.reshape(1, -1) if batch else x for x in ((g - p[:, c]).abs(), g, w[:, c if w.shape[1] > 1 else 0])]
        slopes, present = _slopes(*rows, batch=batch)
        losses.append((rows[0] * slopes).sum(1))
        presence.append(present | (regions or all_classes))
    loss, counts = torch.stack(losses, 1), torch.stack(presence, 1)
    if batch:
        loss = sum_over_ranks(loss)
    return sample_mean((loss * counts).sum(1) / counts.sum(1).clamp_min(1))


def _slopes(errors: Tensor, g: Tensor, w: Tensor, *, batch: bool) -> tuple[Tensor, Tensor]:
    """J(k) − J(k−1) at each voxel, (R, N), and whether each row has any reference, (R,)."""
    rows = torch.stack([errors.detach(), g, w])
    if not batch:
        slopes, total = lovasz_slopes(*rows)
        return slopes, total > 0
    parts, own = gather_over_ranks(rows)
    slopes, total = lovasz_slopes(*torch.cat(parts, -1))
    return slopes.split([part.shape[-1] for part in parts], 1)[own], total > 0


def lovasz_slopes(errors: Tensor, g: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """Slope of the Lovász extension of the weighted Jaccard loss at each error, and Σ w g; all (R, N), the last (R,).

    J(k) − J(k−1) is written without the difference, which would leave few digits of a slope of 1/N.
    """
    # Voxels of weight 0 come last: what they hold moves nothing.
    order = errors.masked_fill(w == 0, -1.0).sort(dim=1, descending=True, stable=True).indices
    exact = exact_type(errors)  # sums of millions of weights
    g, w = (x.gather(1, order).to(exact) for x in (g, w))
    inside, outside = w * g, w * (1 - g)
    total = inside.sum(1, keepdim=True)
    union = total + _running_sums(outside)
    union_before = union - outside
    missed_before = (total - _running_sums(inside) + inside).clamp_min(0)
    slopes = (inside * union_before + outside * missed_before) / (union * union_before).clamp_min(1e-30)
    largest = torch.zeros_like(slopes)
    largest[:, :1] = (w[:, :1] > 0).to(exact)
    slopes = torch.where(total > 0, slopes, largest).to(errors.dtype)
    return torch.empty_like(slopes).scatter_(1, order, slopes), total[:, 0]


def _running_sums(x: Tensor) -> Tensor:
    """Cumulative sums of (R, N) along each row; row by row, since CUDA sums a single row 100 times as fast."""
    return torch.stack([row.cumsum(0) for row in x])


@register
class LovaszSoftmaxLoss(Loss):
    """Lovász-softmax loss (Berman 2018): the convex closure of the Jaccard loss."""

    functional = staticmethod(lovasz_softmax_loss)
    formula = "mean_c Σ_k e_(k) (J(k) − J(k−1)), e_(k) the k-th largest error, J(k) the Jaccard loss of k wrong voxels"
    reference = "Berman, Rannen Triki, Blaschko 2018, arXiv:1705.08790"
    hyper_parameters = (
        Parameter(
            "allclasses",
            "all_classes",
            bool,
            "mean over all classes",
            effect="false positives of a class absent from the reference count, too",
        ),
    )
