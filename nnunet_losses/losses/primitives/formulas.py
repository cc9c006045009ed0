"""What is computed in a block: probabilities, weighted sums, and the gradient at each logit."""

import math

import torch
from torch import Tensor

from nnunet_losses.losses.primitives.blocks import Block

LOG2_E = 1 / math.log(2)


def fill_softmax(block: Block, log_truth: Tensor | None = None) -> None:
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


def fill_sigmoid(block: Block, log_truth: Tensor | None = None) -> None:
    """Fill in the probabilities of regions; ``log_truth`` (C, n) receives g·log p + (1 − g)·log(1 − p)."""
    if log_truth is not None:  # g·x − max(x, 0) − log(1 + e^−|x|): no cancellation at either end, the small term last
        tail = torch.abs(block.x, out=block.p).neg_().exp_().log1p_()
        torch.mul(block.g, block.x, out=log_truth).sub_(torch.clamp_min(block.x, 0, out=block.products)).sub_(tail)
    torch.sigmoid(block.x, out=block.p)


def weighted_sums(wanted: tuple[str, ...], block: Block) -> list[Tensor]:
    """Weighted sums (K,), or (K, B) of a batch, over the voxels of a block of the products that the names spell."""
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
            sums[name] = product.sum(-1)
        else:
            sums[name] = product @ weight if weight.ndim == 1 else (product * weight).sum(-1)
    return [sums[name] for name in wanted]


def _products_last(name: str) -> bool:
    """Order in which sums are taken: a product may take the place of the reference."""
    return len(name) > 1


def gradient_of_softmax(block: Block, slopes: dict[str, Tensor], pull: Tensor | None, out: Tensor) -> None:
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


def gradient_of_sigmoid(block: Block, slopes: dict[str, Tensor], pull: Tensor | None, out: Tensor) -> None:
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


def _slope(slopes: dict[str, Tensor], block: Block) -> Tensor:
    """Slope at each p, times p, (K, n): w·p·(∂p + ∂pg·g + 2·p·(∂pp + ∂ppg·g)), the ∂ of the sums being (K, 1)."""
    g, p, slope = block.summed
    squares = None if slopes.keys().isdisjoint({"pp", "ppg"}) else torch.mul(g, slopes.get("ppg", 0))
    torch.mul(g, slopes.get("pg", 0), out=slope).add_(slopes.get("p", 0))
    if squares is not None:
        slope.addcmul_(squares.add_(slopes.get("pp", 0)), p, value=2)
    if block.w is not None:
        slope.mul_(block.w)
    return slope.mul_(p)
