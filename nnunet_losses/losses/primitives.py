"""The two one-pass primitives that carry almost every loss, and the means that end it.

`region_statistics` gives the weighted sums that a region loss is a formula of; `log_probabilities` gives the
log probability of the truth that a voxel-wise loss is a formula of. Both read logits and target once, block
by block so that every temporary stays in cache, compute in at least float32, save nothing but their inputs,
and compute the probabilities again in the backward pass. Notation: p probability, g reference (0 or 1), w
voxel weight.
"""

import itertools
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
CPU_BLOCK = 3 << 15
DEVICE_BLOCK = 1 << 26
FEW_CLASSES = 4


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
        0 if regions or include_background else 1,
        wanted,
    )
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
    log_p = _LogProbabilities.apply(logits.flatten(2), target.flatten(2), regions)
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
    if not regions and target.device.type == "cpu":  # elsewhere it would wait for the device
        _check_labels(target, voxel_weight, channels)


def _check_labels(labels: Tensor, weight: Tensor | None, channels: int) -> None:
    """Refuse labels (B, 1, *S) that are no class, where their weight is not 0."""
    low, high = torch.aminmax(labels)
    if low >= 0 and high < channels:
        return
    wrong = (labels < 0) | (labels >= channels)
    if weight is not None:
        wrong &= (weight > 0).any(1, keepdim=True)
    if wrong.any():
        raise ValueError(
            f"label {labels[wrong][0].item():g} stands at a voxel that counts, but the logits have classes 0 to "
            f"{channels - 1}; give voxels to be ignored the weight 0"
        )


class _Block(NamedTuple):
    """A run of n voxels of one sample, in the type that is computed in.

    ``g`` may be overwritten, and the rest is room to compute in: fresh memory would fall out of cache.
    """

    x: Tensor  # logits (C, n)
    g: Tensor  # reference of the classes that count (C', n), one-hot for labels
    w: Tensor | None  # weight (1, n) or (C', n)
    room: Tensor  # (C, n)
    room_counted: Tensor  # (C', n)
    room_row: Tensor  # (1, n)


def _blocks(logits: Tensor, target: Tensor, weight: Tensor | None, regions: bool, first: int = 0) -> Iterator[_Block]:
    """Cut one sample (C, N) into blocks; the classes that count are ``first`` … C − 1."""
    channels, dtype = len(logits), _compute_type(logits)
    length = _block_length(logits)
    memory = logits.new_empty(3 * channels - 2 * first + 1, min(length, logits.shape[1]), dtype=dtype)
    rows = (channels - first, channels, channels - first, 1)
    classes = torch.arange(first, channels, dtype=dtype, device=logits.device)[:, None]
    if target.dtype == torch.bool:
        target = target.view(torch.uint8)  # torch converts bool to float six times as slowly
    xs, targets = logits.split(length, 1), target.split(length, 1)
    weights = itertools.repeat(None) if weight is None else weight.split(length, 1)
    room = memory.split(rows)
    for x, t, w in zip(xs, targets, weights, strict=False):
        if x.shape[1] < memory.shape[1]:
            room = memory.flatten()[: len(memory) * x.shape[1]].view(len(memory), -1).split(rows)
        g, *rest = room
        if regions:
            g.copy_(t)
        else:
            torch.eq(rest[-1].copy_(t), classes, out=g)
        if w is not None:
            w = (w if len(w) == 1 else w[first:]).to(dtype)
        yield _Block(x.to(dtype), g, w, *rest)


def _block_length(logits: Tensor) -> int:
    """Voxels of a block of (C, N)."""
    return max(1, (CPU_BLOCK if logits.device.type == "cpu" else DEVICE_BLOCK) // len(logits))


def _compute_type(x: Tensor) -> torch.dtype:
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _samples(*tensors: Tensor | None) -> Iterator[tuple[Any, ...]]:
    """Go through the samples of several tensors together; None stays None."""
    return zip(*(itertools.repeat(None) if x is None else x for x in tensors), strict=False)


def _full_precision(x: Tensor) -> AbstractContextManager[Any]:
    return torch.autocast(x.device.type, enabled=False)


def _exponentials(block: _Block) -> tuple[Tensor, Tensor]:
    """Softmax in two factors: exponentials (C, n) and the inverse of their sum (1, n), in the room of the block."""
    e = torch.sub(block.x, _largest(block.x, block.room_row), out=block.room).exp_()
    return e, _total(e, block.room_row).reciprocal_()


def _probabilities(block: _Block, regions: bool) -> Tensor:
    """Probabilities (C, n), in the room of the block."""
    if regions:
        return torch.sigmoid(block.x, out=block.room)
    e, scale = _exponentials(block)
    return e.mul_(scale)


def _largest(x: Tensor, out: Tensor) -> Tensor:
    """Maximum over classes, (C, n) to (1, n)."""
    if not 1 < len(x) <= FEW_CLASSES:
        return torch.amax(x, 0, keepdim=True, out=out)
    torch.maximum(x[:1], x[1:2], out=out)
    for c in range(2, len(x)):
        torch.maximum(out, x[c], out=out)
    return out


def _total(x: Tensor, out: Tensor) -> Tensor:
    """Sum over classes, (C, n) to (1, n)."""
    if not 1 < len(x) <= FEW_CLASSES:
        return torch.sum(x, 0, keepdim=True, out=out)
    torch.add(x[:1], x[1:2], out=out)
    for c in range(2, len(x)):
        out.add_(x[c])
    return out


class _RegionSums(Function):
    """Weighted sums (K, B, C') of the K wanted statistics over the classes that count."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None,
        regions: bool,
        first: int,
        wanted: tuple[str, ...],
    ) -> Tensor:
        ctx.save_for_backward(logits, target, weight)
        ctx.regions, ctx.first, ctx.wanted = regions, first, wanted
        sums = []
        with _full_precision(logits):
            for x, t, w in _samples(logits, target, weight):
                parts = []
                for block in _blocks(x, t, w, regions, first):
                    p, scale = (_probabilities(block, True), None) if regions else _exponentials(block)
                    parts.append(torch.stack([_sum(name, p[first:], scale, block) for name in wanted]))
                sums.append(torch.stack(parts).sum(0))
        return torch.stack(sums, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_sums: Tensor) -> tuple[Tensor | None, ...]:
        logits, target, weight = ctx.saved_tensors
        gradient = torch.empty_like(logits, memory_format=torch.contiguous_format)
        with _full_precision(logits):
            for x, t, w, out, grad in _samples(logits, target, weight, gradient, grad_sums.transpose(0, 1)):
                slopes = dict(zip(ctx.wanted, grad[..., None], strict=True))
                blocks = _blocks(x, t, w, ctx.regions, ctx.first)
                for block, part in zip(blocks, out.split(_block_length(x), 1), strict=True):
                    p = _probabilities(block, ctx.regions)
                    counted = p[ctx.first :]
                    pull = _slope(slopes, counted, block).mul_(counted)
                    if ctx.regions:
                        pull.mul_(p.neg_().add_(1))
                        part.copy_(pull)
                    else:
                        p.mul_(_total(pull, block.room_row).neg_())
                        counted.add_(pull)
                        part.copy_(p)
        return gradient, None, None, None, None, None


def _sum(name: str, p: Tensor, scale: Tensor | None, block: _Block) -> Tensor:
    """Weighted sum (C',) over the voxels of a block of the product that the name spells; p is still to be scaled."""
    factors = {"p": p, "g": block.g}
    if name == "w":
        product = torch.ones_like(p)
    elif len(name) == 1:
        product = factors[name]
    else:
        product = torch.mul(factors[name[0]], factors[name[1]], out=block.room_counted)
        for letter in name[2:]:
            product.mul_(factors[letter])
    weight = block.w
    if scale is not None:
        for _ in range(name.count("p")):
            weight = scale if weight is None else weight * scale
    if weight is None:
        return product.sum(1)
    return product @ weight[0] if len(weight) == 1 else (product * weight).sum(1)


def _slope(slopes: dict[str, Tensor], p: Tensor, block: _Block) -> Tensor:
    """Slope at each p, (C', n): w·(∂p + ∂pg·g + 2·p·(∂pp + ∂ppg·g)), the ∂ being those of the sums, (C', 1)."""
    slope = torch.mul(block.g, slopes.get("pg", 0), out=block.room_counted).add_(slopes.get("p", 0))
    if not slopes.keys().isdisjoint({"pp", "ppg"}):
        slope.addcmul_(block.g.mul_(slopes.get("ppg", 0)).add_(slopes.get("pp", 0)), p, value=2)
    return slope if block.w is None else slope.mul_(block.w)


class _LogProbabilities(Function):
    """Log probability of the truth: (B, 1, N) for labels, (B, C, N) for regions."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, regions: bool) -> Tensor:
        ctx.save_for_backward(logits, target)
        ctx.regions = regions
        log_p = logits.new_empty(target.shape, dtype=_compute_type(logits))
        with _full_precision(logits):
            for x, t, out in _samples(logits, target, log_p):
                blocks = _blocks(x, t, None, regions)
                for block, part in zip(blocks, out.split(_block_length(x), 1), strict=True):
                    part.copy_(_log_truth(block, regions))
        return log_p

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_log_p: Tensor) -> tuple[Tensor | None, ...]:
        logits, target = ctx.saved_tensors
        gradient = torch.empty_like(logits, memory_format=torch.contiguous_format)
        with _full_precision(logits):
            for x, t, out, grad in _samples(logits, target, gradient, grad_log_p):
                length = _block_length(x)
                blocks = _blocks(x, t, None, ctx.regions)
                for block, part, pull in zip(blocks, out.split(length, 1), grad.split(length, 1), strict=True):
                    difference = block.g.sub_(_probabilities(block, ctx.regions))
                    part.copy_(difference.mul_(pull))
        return gradient, None, None


def _log_truth(block: _Block, regions: bool) -> Tensor:
    x, g = block.x, block.g
    if regions:  # g·log σ(x) + (1 − g)·log(1 − σ(x)), without cancellation at either end
        tail = torch.abs(x, out=block.room).neg_().exp_().log1p_()
        return g.mul_(x).sub_(torch.relu(x)).sub_(tail)  # the tail last: it is small
    shifted = torch.sub(x, _largest(x, block.room_row), out=block.room)
    truth = _total(g.mul_(shifted), block.room_counted[:1])
    return truth.sub_(_total(shifted.exp_(), block.room_row).log_())
