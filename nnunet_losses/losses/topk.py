"""Top-k: the cross-entropy of the hardest voxels only."""

import math

import torch
from torch import Tensor

from nnunet_losses.losses.catalogue import Loss, Parameter, register
from nnunet_losses.losses.primitives import (
    asynchronous,
    exact_type,
    gather_over_ranks,
    log_probabilities,
    several_ranks,
    sum_over_ranks,
    weight_of_truth,
)


def topk_loss(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    fraction: float = 0.1,
    threshold: float | None = None,
    regions: bool = False,
) -> Tensor:
    """−Σ_{i in K} w_i log p_i(truth) / #K, K the hardest voxels.

    Wu, Shen, van den Hengel 2016, arXiv:1605.06885. K is the ``fraction`` of the voxels that count (w > 0) with the
    lowest probability of the truth, of the whole batch and all processes, rounded down to at least one voxel; the
    default is nnU-Net's TopKLoss with k = 10 %. With ``threshold`` t, K is every voxel with p < t instead.

    Voxels are ranked by −log p, never by w·(−log p): weights say what a mistake costs, not what is hard. Voxels that
    tie with the last one selected share its place, so that their order does not matter. With regions, each pair of
    voxel and region is ranked.

    Range [0, ∞), 0 at a perfect prediction, and where no voxel counts or none is below the threshold. fraction = 1 is
    the cross-entropy. Arguments and errors as in `Loss`.
    """
    log_p = log_probabilities(logits, target, voxel_weight, regions=regions)
    return topk_of_log_probabilities(
        log_p, target, voxel_weight, fraction=fraction, threshold=threshold, regions=regions
    )


def topk_of_log_probabilities(
    log_p: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None,
    *,
    fraction: float,
    threshold: float | None = None,
    regions: bool,
) -> Tensor:
    """The top-k loss, from the log probability of the truth at each voxel."""
    hardness = costs = -log_p
    if voxel_weight is not None and asynchronous(hardness) and threshold is None and not several_ranks():
        weight = weight_of_truth(voxel_weight, hardness, None if regions else target).expand_as(hardness)
        return _mean_of_hardest_that_count(hardness.flatten(), weight.flatten(), fraction)
    if voxel_weight is not None:
        weight = weight_of_truth(voxel_weight, hardness, None if regions else target).expand_as(hardness)
        counts = weight > 0
        hardness = hardness[counts]
        costs = hardness * weight[counts].to(hardness.dtype)
    if threshold is None:
        return _mean_of_hardest(hardness.detach().flatten(), costs.flatten(), fraction)
    selected = hardness.detach() > -math.log(threshold)
    total, count = sum_over_ranks(torch.stack([(costs * selected).sum(), selected.sum().to(costs.dtype)]))
    return total / count.clamp_min(1)


def _mean_of_hardest(hardness: Tensor, costs: Tensor, fraction: float) -> Tensor:
    """Mean cost of the hardest voxels of all processes; both (N,), N that of this process."""
    count = len(hardness)
    if several_ranks():
        count = int(sum_over_ranks(torch.tensor(count, device=hardness.device)))
    if count == 0:
        return costs.sum()
    k = max(1, math.floor(round(fraction * count, 6)))  # 0.29 · 100 is 28.999999999999996
    hardest = hardness.topk(min(k, len(hardness)), sorted=False).values
    if several_ranks():  # no voxel outside the k hardest of its own process can be among the k hardest of all
        hardest = torch.cat(gather_over_ranks(hardest)[0]).topk(k, sorted=False).values
    last = hardest.min()
    harder, tied = hardness > last, hardness == last
    costs_and_numbers = [(costs * harder).sum(), (costs * tied).sum(), harder.sum().to(last), tied.sum().to(last)]
    cost_of_harder, cost_of_tied, n_harder, n_tied = sum_over_ranks(torch.stack(costs_and_numbers))
    return (cost_of_harder + (k - n_harder) / n_tied * cost_of_tied) / k


def _mean_of_hardest_that_count(hardness: Tensor, weight: Tensor, fraction: float) -> Tensor:
    """The same of the voxels whose weight is not 0, both (N,).

    For a device: only it knows how many voxels count, and it is not waited for.
    """
    counts = weight > 0
    costs = torch.where(counts, hardness * weight.to(hardness.dtype), 0)
    hardness = hardness.detach().masked_fill(~counts, -1)  # after all that count, which are ≥ 0
    k = (fraction * counts.sum().to(exact_type(hardness))).mul_(1e6).round_().div_(1e6).floor_().clamp_min_(1)
    last = hardness.sort(descending=True).values.gather(0, k.long() - 1)
    harder, tied = hardness > last, hardness == last
    n_harder, n_tied = harder.sum(), tied.sum()
    return ((costs * harder).sum() + ((k - n_harder) / n_tied).to(costs.dtype) * (costs * tied).sum()) / k.to(
        costs.dtype
    )


@register
class TopKLoss(Loss):
    """Top-k loss (Wu 2016): cross-entropy of the hardest voxels."""

    functional = staticmethod(topk_loss)
    formula = "−Σ_{i in K} w_i log p_i(truth) / #K, K the voxels of lowest p_i(truth)"
    reference = "Wu, Shen, van den Hengel 2016, arXiv:1605.06885"
    hyper_parameters = (
        Parameter(
            "fraction",
            "fraction",
            float,
            "share of the voxels that are selected",
            effect="more of the easier voxels count; 1 is cross-entropy",
            minimum=0,
            exclusive=True,
            maximum=1,
        ),
        Parameter(
            "threshold",
            "threshold",
            float,
            "select the voxels whose probability is below it, instead of a fraction",
            letter="t",
            effect="more of the easier voxels count",
            minimum=0,
            exclusive=True,
            maximum=1,
            none="nothreshold",
        ),
    )
