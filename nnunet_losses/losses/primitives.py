"""The one-pass primitives that carry almost every loss, and the means that end it.

`region_statistics` gives the weighted sums that a region loss is a formula of; `log_probabilities` gives the
log probability of the truth that a voxel-wise loss is a formula of; `statistics_and_log_probabilities` gives
both to a compound loss. Each reads logits and target once forward and once backward, block by block so that
every temporary stays in cache, computes in at least float32, and needs no memory but that of its result and of the
gradient: float32 probabilities wait in it for the backward pass, those of half precision are computed again. Notation:
p probability, g reference (0 or 1), w voxel weight.
"""

import itertools
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from nnunet_losses.losses.distributed import sum_over_ranks

# Elements of the temporaries of a block. On the CPU: small beside the gradient, large beside what a call costs, and
# in a cache. Elsewhere 128 MB bound the temporaries, and calls do not count beside it.
CPU_BLOCKS = 1 << 16, 1 << 19
DEVICE_BLOCK = 1 << 25

LOG2_E = 1 / math.log(2)


STATISTICS = ("pg", "p", "g", "pp", "gg", "ppg", "w")
"""What can be summed over the voxels of a class: Σ w·p·g (the true positives), Σ w·p (the size of the prediction),
Σ w·g (of the reference), Σ w·p², Σ w·g², Σ w·p²·g, and Σ w (of the patch)."""


class Parts(NamedTuple):
    """A cut of the voxels of one sample, (1, C, N), into runs; each part then has its own sums and means."""

    sizes: list[int]
    """Voxels of each run; they add up to N."""
    shared: bool
    """Whether the first run is no part of its own but belongs to every other."""

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """The runs of (..., N)."""
        return x.split(self.sizes, -1)

    def join(self, rows: Tensor) -> Tensor:
        """Sums of the parts, from those of the runs, (runs, ...)."""
        return rows[1:] + rows[:1] if self.shared else rows


_parts: ContextVar[Parts | None] = ContextVar("parts", default=None)


@contextmanager
def in_parts(parts: Parts) -> Iterator[None]:
    """Have sums and means taken for each part by itself: a loss ``of_sums`` gives (parts,) values instead of a scalar.

    One pass over the voxels replaces one evaluation for each part. For one sample with a voxel weight, unpooled;
    nothing is exchanged with other processes.
    """
    token = _parts.set(parts)
    try:
        yield
    finally:
        _parts.reset(token)


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
    sums, _ = _one_pass(
        logits, target, voxel_weight, names, regions, include_background=include_background, batch=batch, voxels=False
    )
    return sums


def log_probabilities(
    logits: Tensor, target: Tensor, voxel_weight: Tensor | None = None, *, regions: bool = False
) -> Tensor:
    """Give the log probability of the truth at each voxel.

    Labels: log softmax at the true class, (B, 1, *S). Regions: g·log p + (1 − g)·log(1 − p), (B, C, *S).
    ``voxel_weight`` only tells where a label may hold anything (weight 0); it is not multiplied in.
    Arguments and errors as in `region_statistics`.
    """
    _, log_p = _one_pass(logits, target, voxel_weight, "", regions, include_background=True, batch=False, voxels=True)
    return log_p


def statistics_and_log_probabilities(
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None = None,
    *,
    names: str,
    regions: bool = False,
    include_background: bool = False,
    batch: bool = False,
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Give what `region_statistics` and `log_probabilities` give, in one pass and with one gradient.

    For a loss that adds a voxel-wise part to a region part: two passes would cost twice the time and a second
    gradient. Arguments and errors as in `region_statistics`.
    """
    return _one_pass(
        logits, target, voxel_weight, names, regions, include_background=include_background, batch=batch, voxels=True
    )


def voxel_mean(values: Tensor, voxel_weight: Tensor | None = None, labels: Tensor | None = None) -> Tensor:
    """Mean of a voxel-wise loss, Σ w·l / #{w > 0}, over the batch and over all processes.

    With weights ≥ 1 this is the weighted mean of the inverse-weighting paper, with a mask nnU-Net's mean over
    valid voxels; 0 where no voxel counts. Weights per class, (B, C, *S), go with ``labels`` by the true class
    of a voxel.
    """
    if voxel_weight is None:
        total, count = values.sum(), values.new_full((), values.numel())
    else:
        weight = weight_of_truth(voxel_weight, values, labels).to(values.dtype)
        if (parts := _parts.get()) is not None:
            runs = zip(parts.split(values * weight), parts.split((weight > 0).expand_as(values)), strict=True)
            sums = [torch.stack([total.sum(), counted.sum().to(values.dtype)]) for total, counted in runs]
            totals, counts = parts.join(torch.stack(sums)).unbind(1)
            return totals / counts.clamp_min(1)
        total, count = (values * weight).sum(), (weight > 0).expand_as(values).sum().to(values.dtype)
    total, count = sum_over_ranks(torch.stack([total, count]))
    return total / count.clamp_min(1)


def sample_mean(values: Tensor) -> Tensor:
    """Mean of (B, C) over classes and samples, or of (B,) over samples; those of all processes."""
    per_sample = values.flatten(1).mean(1) if values.ndim > 1 else values
    if _parts.get() is not None:
        return per_sample
    total, count = sum_over_ranks(torch.stack([per_sample.sum(), per_sample.new_full((), len(per_sample))]))
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


def _one_pass(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None,
    names: str,
    regions: bool,
    *,
    include_background: bool,
    batch: bool,
    voxels: bool,
) -> tuple[Any, Any]:
    """The sums asked for, and the log probabilities if ``voxels``, else None."""
    check_inputs(logits, target, weight, regions=regions)
    wanted = tuple(names.split())
    if unknown := set(wanted) - set(STATISTICS):
        raise ValueError(f"unknown statistic {', '.join(sorted(unknown))}; there are: {', '.join(STATISTICS)}")
    keep = torch.is_grad_enabled() and logits.requires_grad and logits.dtype == _compute_type(logits)
    request = _Request(regions, 0 if regions or include_background else 1, wanted, voxels, keep)
    parts = _parts.get()
    if parts is None or weight is None:
        flat_weight = None if weight is None else weight.flatten(2)
        sums, log_p = _OnePass.apply(logits.flatten(2), target.flatten(2), flat_weight, request)
    else:
        runs = zip(*(parts.split(x.flatten(2)) for x in (logits, target, weight)), strict=True)
        rows, log_ps = zip(*(_OnePass.apply(*run, request) for run in runs), strict=True)
        sums = parts.join(torch.cat(rows, 1).transpose(0, 1)).transpose(0, 1) if wanted else None
        log_p = torch.cat(log_ps, 2) if voxels else None
    if wanted and batch:
        sums = sum_over_ranks(sums.sum(1, keepdim=True))
    return sums.unbind() if wanted else (), log_p.unflatten(2, target.shape[2:]) if voxels else None


class _Request(NamedTuple):
    """What is asked of a pass over the voxels."""

    regions: bool
    first: int  # the sums leave out the classes before it
    wanted: tuple[str, ...]  # names of the sums
    voxels: bool  # log probabilities, too
    keep: bool  # the probabilities, for the backward pass

    def rows(self, channels: int, kept: bool) -> tuple[int, int, int, int]:
        """Rows of memory that a block needs for references, products, probabilities and one row more."""
        rows = channels if self.voxels else channels - self.first
        return rows, 0 if self._in_place else rows, 0 if kept else channels, 1

    @property
    def _in_place(self) -> bool:
        """Whether products may take the place of the references, as nothing asks for these afterwards."""
        return not self.voxels and all(name == "pg" or len(name) == 1 for name in self.wanted)


class _Block(NamedTuple):
    """A run of n voxels of one sample, in the type that is computed in.

    All blocks compute in the same memory: fresh memory would fall out of cache. Only probabilities that are kept have
    a place of their own. Of C channels, the last K are the classes summed.
    """

    x: Tensor  # logits (C, n)
    g: Tensor  # reference, one-hot for labels: (C, n), or (K, n) where only sums are wanted
    w: Tensor | None  # weight (n,) or (K, n)
    p: Tensor  # probabilities (C, n), or room for them
    products: Tensor  # room like g, may be that of g
    row: Tensor  # room (1, n)
    summed: tuple[Tensor, Tensor, Tensor]  # the last K rows of g, p and products


def _memory(logits: Tensor, request: _Request, *, kept: bool) -> Tensor:
    """Room for a block of (B, C, N): the rows that it needs and as many columns as it has voxels."""
    _, channels, voxels = logits.shape
    rows = sum(request.rows(channels, kept))
    least, most = CPU_BLOCKS
    size = min(max(logits.numel() // 12, least), most) if logits.device.type == "cpu" else DEVICE_BLOCK
    blocks = max(1, round(voxels * rows / size))
    return logits.new_empty(rows, max(1, math.ceil(voxels / blocks)), dtype=_compute_type(logits))


def _blocks(
    logits: Tensor, target: Tensor, weight: Tensor | None, kept: Tensor | None, request: _Request, memory: Tensor
) -> Iterator[_Block]:
    """Cut one sample (C, N) into blocks that fit into the memory."""
    channels, dtype = len(logits), memory.dtype
    length = memory.shape[1]
    sizes = request.rows(channels, kept is not None)
    classes = torch.arange(channels - sizes[0], channels, dtype=dtype, device=logits.device)[:, None]
    if target.dtype == torch.bool:
        target = target.view(torch.uint8)  # torch converts bool to float six times as slowly
    g, products, p, row = memory.split(sizes)
    products = products if len(products) else g
    first = request.first
    summed = g[first - channels :], p[first:], products[first - channels :]
    places = (_split(x, length) for x in (logits, target, weight, kept, None if kept is None else kept[first:]))
    for x, t, w, kept_p, kept_summed in zip(*places, strict=False):
        if (n := x.shape[1]) < length:  # the last block
            g, p, products, row = (room[:, :n] for room in (g, p, products, row))
            summed = summed[0][:, :n], summed[1][:, :n], summed[2][:, :n]
        if kept_p is not None:
            p, summed = kept_p, (summed[0], kept_summed, summed[2])
        if request.regions:
            g.copy_(t)
        else:
            torch.eq(row.copy_(t), classes, out=g)
        if w is not None:
            w = (w[0] if len(w) == 1 else w[first:]).to(dtype)
        yield _Block(x.to(dtype), g, w, p, products, row, summed)


def _split(x: Tensor | None, length: int) -> Iterator[Any]:
    """The blocks of (C, N); None stays None."""
    return itertools.repeat(None) if x is None else iter(x.split(length, 1))


def _samples(*tensors: Tensor | None) -> Iterator[tuple[Any, ...]]:
    """Go through the samples of several tensors together; None stays None."""
    return zip(*(itertools.repeat(None) if x is None else x for x in tensors), strict=False)


def _compute_type(x: Tensor) -> torch.dtype:
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _full_precision(x: Tensor) -> AbstractContextManager[Any]:
    return torch.autocast(x.device.type, enabled=False)


class _OnePass(Function):
    """Sums over voxels and values of voxels from one read of the inputs.

    The weighted sums (M, B, K) of the M wanted statistics over the K classes from ``first`` on, None if none is
    wanted; and, if ``voxels``, the log probability of the truth, (B, 1, N) for labels or (B, C, N) for regions.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, target: Tensor, weight: Tensor | None, request: _Request
    ) -> tuple[Tensor | None, Tensor | None]:
        ctx.save_for_backward(logits, target, weight)
        ctx.set_materialize_grads(False)
        ctx.request, wanted = request, request.wanted
        log_p = logits.new_empty(target.shape, dtype=_compute_type(logits)) if request.voxels else None
        ctx.probabilities = _like(logits) if request.keep else None
        fill = _sigmoid if request.regions else _softmax
        sums, memory = [], _memory(logits, request, kept=request.keep)
        with _full_precision(logits):
            for x, t, w, kept, out in _samples(logits, target, weight, ctx.probabilities, log_p):
                parts: list[Tensor] = []
                blocks = _blocks(x, t, w, kept, request, memory)
                for block, log_truth in zip(blocks, _split(out, memory.shape[1]), strict=False):
                    fill(block, log_truth)
                    parts += _sums(wanted, block)
                if wanted:
                    sums.append(torch.stack(parts).unflatten(0, (-1, len(wanted))).sum(0))
        return torch.stack(sums, 1) if wanted else None, log_p

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_sums: Tensor | None, grad_log_p: Tensor | None) -> tuple[Tensor | None, ...]:
        logits, target, weight = ctx.saved_tensors
        request: _Request = ctx.request
        kept, ctx.probabilities = ctx.probabilities, None  # a second backward pass computes them again
        gradient = _like(logits) if kept is None else kept
        by_sample = None if grad_sums is None else grad_sums.transpose(0, 1)
        fill, gradient_of = (_sigmoid, _gradient_of_sigmoid) if request.regions else (_softmax, _gradient_of_softmax)
        samples = _samples(logits, target, weight, kept, gradient, by_sample, grad_log_p)
        memory = _memory(logits, request, kept=kept is not None)
        length = memory.shape[1]
        with _full_precision(logits):
            for x, t, w, p, out, by_sums, by_log_p in samples:
                slopes = {} if by_sums is None else dict(zip(request.wanted, by_sums[..., None], strict=True))
                blocks = _blocks(x, t, w, p, request, memory)
                for block, part, pull in zip(blocks, _split(out, length), _split(by_log_p, length), strict=False):
                    if p is None:
                        fill(block)
                    room = part if part.dtype == block.p.dtype else block.p
                    gradient_of(block, slopes, pull, room)
                    if room is not part:
                        part.copy_(room)
        return gradient, None, None, None


def _like(logits: Tensor) -> Tensor:
    """Room for the gradient."""
    return torch.empty_like(logits, memory_format=torch.contiguous_format)


def _softmax(block: _Block, log_truth: Tensor | None = None) -> None:
    """Fill in the probabilities of labels; ``log_truth`` (1, n) receives the log probability of the true class.

    All in powers of two: without MKL's help they cost half of those of e.
    """
    largest = torch.amax(block.x, 0, keepdim=True, out=block.row)
    bits = torch.add(largest.mul_(-LOG2_E), block.x, alpha=LOG2_E, out=block.p)
    if log_truth is not None:
        torch.sum(torch.mul(block.g, bits, out=block.products), 0, keepdim=True, out=log_truth)
    e = bits.exp2_()
    total = _total(e, block.row)
    if log_truth is not None:
        log_truth.sub_(total.log2()).div_(LOG2_E).clamp_max_(0)
    e.div_(total)


def _total(x: Tensor, out: Tensor) -> Tensor:
    """Sum over the channels, (1, n)."""
    if not 2 <= len(x) <= 4:
        return torch.sum(x, 0, keepdim=True, out=out)
    first, second, *others = x.unbind()  # adding a few rows is up to twice as fast as torch's sum
    total = torch.add(first, second, out=out[0])
    for row in others:
        total += row
    return out


def _sigmoid(block: _Block, log_truth: Tensor | None = None) -> None:
    """Fill in the probabilities of regions; ``log_truth`` (C, n) receives g·log p + (1 − g)·log(1 − p)."""
    if log_truth is not None:  # g·x − max(x, 0) − log(1 + e^−|x|): no cancellation at either end, the small term last
        tail = torch.abs(block.x, out=block.p).neg_().exp_().log1p_()
        torch.mul(block.g, block.x, out=log_truth).sub_(torch.clamp_min(block.x, 0, out=block.products)).sub_(tail)
    torch.sigmoid(block.x, out=block.p)


def _sums(wanted: tuple[str, ...], block: _Block) -> list[Tensor]:
    """Weighted sums (K,) over the voxels of a block of the products that the names spell."""
    g, p, room = block.summed
    factors = {"g": g, "p": p}
    weight = block.w
    sums = {}
    for name in sorted(wanted, key=_products_last):
        if name == "w":
            product = torch.ones_like(room)
        elif len(name) == 1:
            product = factors[name]
        else:
            product = torch.mul(factors[name[0]], factors[name[1]], out=room)
            for letter in name[2:]:
                product.mul_(factors[letter])
        if weight is None:
            sums[name] = product.sum(1)
        else:
            sums[name] = product @ weight if weight.ndim == 1 else (product * weight).sum(1)
    return [sums[name] for name in wanted]


def _products_last(name: str) -> bool:
    """Order in which sums are taken: a product may take the place of the reference."""
    return len(name) > 1


def _gradient_of_softmax(block: _Block, slopes: dict[str, Tensor], pull: Tensor | None, out: Tensor) -> None:
    """Write p·(slope − Σ p·slope) + pull·(g − p), slope being that at each p and pull that at each log probability.

    ``out`` may be the memory of p.
    """
    if pull is not None and not slopes:
        torch.mul(block.g.sub_(block.p), pull, out=out)
        return
    pulled = _slope(slopes, block)
    first = len(block.p) - len(pulled)
    total = _total(pulled, block.row)
    if pull is not None:
        total += pull
    torch.addcmul(pulled, block.summed[1], total, value=-1, out=out[first:] if first else out)
    if first:
        torch.mul(block.p[:first], total.neg_(), out=out[:first])
    if pull is not None:
        out.addcmul_(block.g, pull)


def _gradient_of_sigmoid(block: _Block, slopes: dict[str, Tensor], pull: Tensor | None, out: Tensor) -> None:
    """Write slope·p·(1 − p) + pull·(g − p); ``out`` may be the memory of p."""
    if pull is not None and not slopes:
        torch.mul(block.g.sub_(block.p), pull, out=out)
        return
    pulled = _slope(slopes, block)
    if pull is not None:
        block.g.sub_(block.p)
    torch.addcmul(pulled, pulled, block.p, value=-1, out=out)
    if pull is not None:
        out.addcmul_(block.g, pull)


def _slope(slopes: dict[str, Tensor], block: _Block) -> Tensor:
    """Slope at each p, times p, (K, n): w·p·(∂p + ∂pg·g + 2·p·(∂pp + ∂ppg·g)), the ∂ of the sums being (K, 1)."""
    g, p, slope = block.summed
    squares = None if slopes.keys().isdisjoint({"pp", "ppg"}) else torch.mul(g, slopes.get("ppg", 0))
    torch.mul(g, slopes.get("pg", 0), out=slope).add_(slopes.get("p", 0))
    if squares is not None:
        slope.addcmul_(squares.add_(slopes.get("pp", 0)), p, value=2)
    if block.w is not None:
        slope.mul_(block.w)
    return slope.mul_(p)
