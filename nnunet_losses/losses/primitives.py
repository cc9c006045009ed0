"""The two one-pass primitives that carry almost every loss, and the means that end it.

`region_statistics` gives the weighted sums that a region loss is a formula of; `log_probabilities` gives the
log probability of the truth that a voxel-wise loss is a formula of. Both read logits and target once, block
by block so that every temporary stays in cache, compute in at least float32, save nothing but their inputs,
and compute the probabilities again in the backward pass. Notation: p probability, g reference (0 or 1), w
voxel weight.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from nnunet_losses.losses.distributed import sum_over_ranks

# Elements of a block (channels × voxels). On the CPU a few blocks must fit into the second-level cache;
# elsewhere a block bounds the temporaries and is large enough that the time to launch a kernel does not
# count.
CPU_BLOCK = 1 << 16
DEVICE_BLOCK = 1 << 26


STATISTICS = ("pg", "p", "g", "pp", "gg", "ppg", "w")
"""What can be summed over the voxels of a class: Σ w·p·g (the true positives), Σ w·p (the size of the
prediction),
Σ w·g (of the reference), Σ w·p², Σ w·g², Σ w·p²·g, and Σ w (of the patch)."""


def region_statistics(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    names: str,
    regions: bool = False,
    include_background: bool = False,
    batch: bool = False,
) -> tuple[Tensor, ...]:
    """Sum products of probability, reference and weight over the voxels of each sample and class.

    Args:
        logits: (B, C, *S), any float type, 2D or 3D.
        target: (B, 1, *S) integer labels, or (B, C, *S) regions.
        voxel_weight: None, (B, 1, *S) or (B, C, *S), ≥ 0. A voxel of weight 0 has no influence, whatever its
        label.
        names: the sums wanted, out of `STATISTICS`, for example ``"pg p g"``.
        regions: sigmoid over overlapping regions instead of softmax over labels.
        include_background: keep class 0 of labels; regions have no background channel.
        batch: pool the samples of the batch, over all processes of a distributed training.

    Returns:
        The sums in the order asked for, each (B, C), or (1, C) where the batch is pooled.

    Raises:
        ValueError: if shapes, types or labels do not fit together, or for an unknown name.
    """
    check_inputs(logits, target, voxel_weight, regions=regions)
    wanted = tuple(names.split())
    if unknown := set(wanted) - set(STATISTICS):
        raise ValueError(f"unknown statistic {', '.join(sorted(unknown))}; there are: {', '.join(STATISTICS)}")
    sums = _RegionSums.apply(
        logits.flatten(2),
        target.flatten(2),
        None if voxel_weight is None else voxel_weight.flatten(2),
        regions,
        wanted,
    )
    if not regions and not include_background:
        sums = sums[..., 1:]
    if batch:
        sums = sum_over_ranks(sums.sum(1, keepdim=True))
    return sums.unbind()


def log_probabilities(
    logits: Tensor, target: Tensor, voxel_weight: Tensor | None = None, *, regions: bool = False
) -> Tensor:
    """Give the log probability of the truth at each voxel.

    Labels: log softmax at the true class, (B, 1, *S). Regions: g·log p + (1 − g)·log(1 − p), (B, C, *S).
    ``voxel_weight`` only tells where a label may hold anything (weight 0); it is not multiplied in.
    Arguments and errors as in `region_statistics`.
    """
    check_inputs(logits, target, voxel_weight, regions=regions)
    log_p = _LogProbabilities.apply(
        logits.flatten(2),
        target.flatten(2),
        None if voxel_weight is None else voxel_weight.flatten(2),
        regions,
    )
    return log_p.unflatten(2, target.shape[2:])


def voxel_mean(values: Tensor, voxel_weight: Tensor | None = None, labels: Tensor | None = None) -> Tensor:
    """Mean of a voxel-wise loss, Σ w·l / #{w > 0}, over the batch and over all processes.

    With weights ≥ 1 this is the weighted mean of the inverse-weighting paper, with a mask nnU-Net's mean over
    valid voxels; 0 where no voxel counts. Weights per class, (B, C, *S), go with ``labels`` by the true class
    of a voxel.
    """
    if voxel_weight is None:
        total, count = values.sum(), values.new_tensor(values.numel())
    else:
        weight = weight_of_truth(voxel_weight, values, labels).to(values.dtype)
        total, count = (values * weight).sum(), (weight > 0).expand_as(values).sum().to(values.dtype)
    total, count = sum_over_ranks(torch.stack([total, count]))
    return total / count.clamp_min(1)


def sample_mean(values: Tensor) -> Tensor:
    """Mean of (B, C) over classes and samples, or of (B,) over samples; those of all processes."""
    per_sample = values.flatten(1).mean(1) if values.ndim > 1 else values
    total, count = sum_over_ranks(torch.stack([per_sample.sum(), per_sample.new_tensor(len(per_sample))]))
    return total / count.clamp_min(1)


def weight_of_truth(voxel_weight: Tensor, values: Tensor, labels: Tensor | None) -> Tensor:
    """The weight that goes with each element of ``values``: that of its voxel or of its true class."""
    if labels is None or voxel_weight.shape[1] == values.shape[1]:
        return voxel_weight
    classes = labels.long().clamp(0, voxel_weight.shape[1] - 1)  # a label out of range stands where all weights are 0
    return voxel_weight.gather(1, classes)


def check_inputs(logits: Tensor, target: Tensor, voxel_weight: Tensor | None, *, regions: bool) -> None:
    """Refuse shapes and types that would be misread silently, with one sentence that says what was expected."""
    if logits.ndim < 3 or not logits.is_floating_point():
        raise ValueError(f"logits must be floating point of shape (B, C, *S), got {logits.dtype} {tuple(logits.shape)}")
    batch, channels, *space = logits.shape
    if not regions and channels < 2:
        raise ValueError(
            "a softmax over one channel is always 1: labels need at least two channels; "
            "use regions=True for one foreground channel"
        )
    expected = (batch, channels if regions else 1, *space)
    if target.shape != expected:
        raise ValueError(
            f"{'regions' if regions else 'labels'} must have shape {expected} beside logits of shape "
            f"{tuple(logits.shape)}, got {tuple(target.shape)}"
        )
    if voxel_weight is not None and voxel_weight.shape not in {(batch, 1, *space), (batch, channels, *space)}:
        raise ValueError(
            f"voxel_weight must have shape {(batch, 1, *space)} or {(batch, channels, *space)}, "
            f"got {tuple(voxel_weight.shape)}"
        )


class _Block(NamedTuple):
    """A run of voxels of one sample: where it lies, and its inputs in the type that is computed in."""

    sample: int
    voxels: slice
    logits: Tensor  # (C, n)
    target: Tensor  # labels: (n,) int64; regions: (C, n)
    weight: Tensor | None  # (1, n) or (C, n)


def _blocks(logits: Tensor, target: Tensor, weight: Tensor | None, regions: bool) -> Iterator[_Block]:
    """Cut flattened inputs (B, C, N) into blocks."""
    samples, channels, voxels = logits.shape
    dtype = _compute_type(logits)
    elements = CPU_BLOCK if logits.device.type == "cpu" else DEVICE_BLOCK
    length = max(1, elements // channels)
    for sample in range(samples):
        for start in range(0, voxels, length):
            part = slice(start, start + length)
            w = None if weight is None else weight[sample, :, part].to(dtype)
            t = target[sample, :, part]
            t = t.to(dtype) if regions else _valid_labels(t[0].long(), w, channels)
            yield _Block(sample, part, logits[sample, :, part].to(dtype), t, w)


def _valid_labels(labels: Tensor, weight: Tensor | None, channels: int) -> Tensor:
    """Labels that can index a class: those of weight 0 may be anything, the others must be 0 … C − 1."""
    if weight is not None:
        labels = labels.masked_fill((weight == 0).all(0), 0)
    if labels.device.type == "cpu":  # elsewhere a check would wait for the device, whose own kernels check the index
        low, high = torch.aminmax(labels)
        if low < 0 or high >= channels:
            wrong = int(low) if low < 0 else int(high)
            raise ValueError(
                f"label {wrong} stands at a voxel that counts, but the logits have classes 0 to "
                f"{channels - 1}; give voxels to be ignored the weight 0"
            )
    return labels


def _compute_type(x: Tensor) -> torch.dtype:
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _full_precision(x: Tensor) -> AbstractContextManager[Any]:
    return torch.autocast(x.device.type, enabled=False)


def _probabilities(block: _Block, regions: bool) -> Tensor:
    return block.logits.sigmoid() if regions else block.logits.softmax(0)


def _sum_by_class(values: Tensor | None, labels: Tensor, channels: int) -> Tensor:
    """Sum (n,) values over the voxels of each label; count the voxels if values is None."""
    if values is not None and labels.device.type == "cpu":
        values = values.double()  # one addition after the other needs more digits than a tree of additions
    return torch.bincount(labels, values, minlength=channels)


class _RegionSums(Function):
    """Weighted sums (K, B, C) of the K wanted statistics."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None,
        regions: bool,
        wanted: tuple[str, ...],
    ) -> Tensor:
        ctx.save_for_backward(logits, target, weight)
        ctx.regions, ctx.wanted = regions, wanted
        samples, channels, _ = logits.shape
        sums = logits.new_zeros(len(wanted), samples, channels, dtype=_compute_type(logits))
        add = _add_regions if regions else _add_labels
        with _full_precision(logits):
            for block in _blocks(logits, target, weight, regions):
                p = _probabilities(block, regions)
                add(sums[:, block.sample], wanted, p, block.target, block.weight)
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_sums: Tensor) -> tuple[Tensor | None, ...]:
        logits, target, weight = ctx.saved_tensors
        gradient = torch.empty_like(logits, memory_format=torch.contiguous_format)
        by_name = dict(zip(ctx.wanted, grad_sums, strict=True))
        with _full_precision(logits):
            for block in _blocks(logits, target, weight, ctx.regions):
                p = _probabilities(block, ctx.regions)
                slopes = {name: grad[block.sample, :, None] for name, grad in by_name.items()}
                upstream = _upstream(slopes, p, block, ctx.regions)
                if ctx.regions:
                    torch.mul(upstream, p.sub_(p.square()), out=p)
                else:
                    p = torch.ops.aten._softmax_backward_data(upstream, p, 0, p.dtype)
                gradient[block.sample, :, block.voxels] = p
        return gradient, None, None, None, None


def _add_labels(sums: Tensor, wanted: tuple[str, ...], p: Tensor, labels: Tensor, weight: Tensor | None) -> None:
    """Add one block of labels to ``sums`` (K, C): the reference is never made one-hot."""
    channels = len(p)
    p_true = p.gather(0, labels[None])[0]
    w_true = None if weight is None else weight[0] if len(weight) == 1 else weight.gather(0, labels[None])[0]
    for total, name in zip(sums, wanted, strict=True):
        match name:
            case "p" | "pp":
                power = p if name == "p" else p.square()
                total += power.sum(1) if weight is None else (power * weight).sum(1)
            case "g" | "gg":
                total += _sum_by_class(w_true, labels, channels)
            case "pg" | "ppg":
                value = p_true if name == "pg" else p_true.square()
                total += _sum_by_class(value if w_true is None else value * w_true, labels, channels)
            case "w":
                total += p.shape[1] if weight is None else weight.sum(1)


def _add_regions(sums: Tensor, wanted: tuple[str, ...], p: Tensor, g: Tensor, weight: Tensor | None) -> None:
    """Add one block of regions to ``sums`` (K, C)."""
    factors = {"p": p, "g": g}
    for total, name in zip(sums, wanted, strict=True):
        if name == "w":
            total += p.shape[1] if weight is None else weight.sum(1)
            continue
        product = factors[name[0]]
        for letter in name[1:]:
            product = product * factors[letter]
        total += product.sum(1) if weight is None else (product * weight).sum(1)


def _upstream(slopes: dict[str, Tensor], p: Tensor, block: _Block, regions: bool) -> Tensor:
    """Gradient with respect to p, (C, n), from the gradients with respect to the sums, (C, 1) each.

    w·(∂p + ∂pg·g + 2·p·(∂pp + ∂ppg·g)); with labels a table looked up at the true class, as g is one-hot.
    """

    def affine(constant: str, slope: str) -> Tensor | None:
        if slope not in slopes:
            return slopes.get(constant)
        base = slopes.get(constant, torch.zeros_like(slopes[slope]))
        if regions:
            return torch.addcmul(base, slopes[slope], block.target)
        return (base + slopes[slope][:, 0].diag()).index_select(1, block.target)

    linear, quadratic = affine("p", "pg"), affine("pp", "ppg")
    upstream = torch.zeros_like(p) if linear is None else linear.expand_as(p)
    if quadratic is not None:
        upstream = torch.addcmul(upstream, quadratic, p, value=2)
    return upstream if block.weight is None else upstream * block.weight


class _LogProbabilities(Function):
    """Log probability of the truth: (B, 1, N) for labels, (B, C, N) for regions."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, weight: Tensor | None, regions: bool) -> Tensor:
        ctx.save_for_backward(logits, target, weight)
        ctx.regions = regions
        log_p = logits.new_empty(target.shape, dtype=_compute_type(logits))
        with _full_precision(logits):
            for block in _blocks(logits, target, weight, regions):
                if regions:  # g·log σ(x) + (1 − g)·log(1 − σ(x)), without cancellation at either end
                    x = block.logits
                    truth = x * block.target - x.relu() - x.abs().neg().exp().log1p()
                else:
                    truth = block.logits.log_softmax(0).gather(0, block.target[None])
                log_p[block.sample, :, block.voxels] = truth
        return log_p

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_log_p: Tensor) -> tuple[Tensor | None, ...]:
        logits, target, weight = ctx.saved_tensors
        gradient = torch.empty_like(logits, memory_format=torch.contiguous_format)
        with _full_precision(logits):
            for block in _blocks(logits, target, weight, ctx.regions):
                upstream = grad_log_p[block.sample, :, block.voxels]
                p = _probabilities(block, ctx.regions)
                if ctx.regions:
                    p = (block.target - p).mul_(upstream)
                else:
                    p.mul_(-upstream).scatter_add_(0, block.target[None], upstream)
                gradient[block.sample, :, block.voxels] = p
        return gradient, None, None, None
