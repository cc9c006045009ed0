"""The papers' networks: sizes counted independently, shapes, gradients, low precision."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
from torch import nn

from nnunet_losses.nnunet.training.networks import AutoNet, FCDenseNet, PyramidResUNet

CUBE = [(2, 2, 2)]


def weights(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def dense_weights(
    layers: Sequence[int], growth: int, first: int, inputs: int, outputs: int, dimension: int, norm: int = 2
) -> int:
    """Weights of an FC-DenseNet by the tables of Jégou et al. 2017: blocks down, bottom, and up again.

    norm: numbers that a batch normalisation has for a channel; 4 with its running mean and variance.
    """

    def convolution(a: int, b: int, kernel: int) -> int:
        return a * b * kernel**dimension + b

    def block(width: int, depth: int) -> int:
        return sum(norm * (width + i * growth) + convolution(width + i * growth, growth, 3) for i in range(depth))

    *down, bottom = layers
    total, width, skips = convolution(inputs, first, 3), first, []
    for depth in down:
        total += block(width, depth)
        width += depth * growth
        skips.append(width)
        total += norm * width + convolution(width, width, 1)
    total += block(width, bottom)
    new = bottom * growth
    for depth, skip in zip(down[::-1], skips[::-1], strict=True):
        total += convolution(new, new, 3) + block(skip + new, depth)
        width, new = skip + new + depth * growth, depth * growth
    return total + convolution(width, outputs, 1)


@pytest.mark.parametrize(
    ("layers", "growth", "published"),
    [([5] * 6, 16, 3.5e6), ([4, 5, 7, 10, 12, 15], 16, 9.4e6)],
    ids=["FC-DenseNet67", "FC-DenseNet103"],
)
def test_the_dense_networks_of_the_paper_have_the_published_size(
    layers: list[int], growth: int, published: float
) -> None:
    # 11 classes of colour images; the authors' library counts the running mean and variance too
    network = FCDenseNet(3, 11, [(2, 2)] * 5, layers=layers, growth=growth)
    assert weights(network) == dense_weights(layers, growth, 48, 3, 11, 2)
    counted = dense_weights(layers, growth, 48, 3, 11, 2, norm=4)
    assert counted == pytest.approx(published, abs=0.05e6)


def test_the_dense_network_in_3d_has_the_counted_size_and_56_layers() -> None:
    network = FCDenseNet(3, 2, CUBE * 5)
    assert weights(network) == dense_weights([4] * 6, 12, 48, 3, 2, 3) == 3_663_794
    assert sum(isinstance(module, nn.Conv3d | nn.ConvTranspose3d) for module in network.modules()) == 56


def test_the_dense_network_keeps_for_its_gradient_what_its_layers_join() -> None:
    """Its memory: a layer keeps its joined input, rectified and not, and gives ``growth`` channels to all after it."""
    layers, growth, first, side = 2, 3, 4, 16
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.dim() == 5:
            kept[tensor.data_ptr()] = tensor  # held, so that no other tensor gets its place
        return tensor

    network = FCDenseNet(1, 2, CUBE, layers=layers, growth=growth, first=first, dropout=0.0)
    image = torch.rand(1, 1, side, side, side)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(image)
    block, fine, coarse = layers * growth, side**3, (side // 2) ** 3
    twice = [first + i * growth for i in range(layers)]  # what the layers of the first block join
    twice.append(first + block)  # the transition down
    twice += [first + 2 * block + i * growth for i in range(layers)]  # the block on the way up
    once = [
        1,
        first + block,
        first + 3 * block,
    ]  # inputs of the first convolution, of pooling and of the last convolution
    bottom = 2 * sum(first + block + i * growth for i in range(layers)) + block + (first + block)
    expected = fine * (2 * sum(twice) + sum(once)) + coarse * bottom
    found = sum(t.numel() for t in kept.values() if t.shape[-1] > 3)
    assert found == pytest.approx(expected, rel=0.02)


def test_auto_net_has_the_counted_size() -> None:
    widths = [16, 32, 64, 128, 256]
    expected, before = 0, 3
    for width in widths:
        expected += 27 * before * width + width + 27 * width * width + width
        before = width
    for fine, coarse in pairwise(widths):
        expected += 8 * coarse * fine + fine  # upsampling
        expected += 27 * 2 * fine * fine + fine + 27 * fine * fine + fine
    assert weights(AutoNet(3, 2, CUBE * 6)) == expected + 16 * 2 + 2
    assert not any("norm" in type(module).__name__.lower() for module in AutoNet(3, 2, CUBE).modules())


def test_the_residual_pyramid_has_the_counted_size() -> None:
    def activation(a: int, b: int, kernel: int, bias: bool) -> int:
        return 2 * a + a * b * kernel**3 + b * bias

    def blocks(*path: int, kernel: int = 3) -> int:
        return sum(
            activation(a, b, kernel, False) + activation(b, b, kernel, False) + (a * b if a != b else 0)
            for a, b in pairwise(path)
        )

    expected = 27 * 1 * 16 + activation(16, 16, 3, True)
    expected += blocks(16, 16, 16) + activation(16, 16, 1, True) + blocks(16, 16, 16)
    expected += blocks(16, 64, 64) + activation(64, 64, 1, True) + blocks(64, 64, 16)
    expected += blocks(64, 128, 128) + activation(128, 128, 1, True) + blocks(128, 128, 64)
    expected += blocks(128, 256, 256, 128)
    expected += blocks(16, 16, kernel=1) + activation(16, 1, 1, False) + 2
    assert weights(PyramidResUNet(1, 2, CUBE * 5)) == expected


@pytest.mark.parametrize("network", [AutoNet, FCDenseNet, PyramidResUNet])
@pytest.mark.parametrize("pooling", [[(1, 2, 2), (2, 2, 2)], [(2, 2), (2, 1)]])
def test_every_network_keeps_the_shape_and_trains_in_low_precision(
    network: type[nn.Module], pooling: list[tuple[int, ...]]
) -> None:
    made = network(2, 3, pooling)
    image = torch.randn(2, 2, *([8] * len(pooling[0])))
    with torch.autocast("cpu", torch.bfloat16):
        logits = made(image)
        logits.float().log_softmax(1)[:, 1].mean().backward()
    assert logits.shape == (2, 3, *image.shape[2:])
    grads = [parameter.grad for parameter in made.parameters()]
    assert all(grad is not None and torch.isfinite(grad).all() for grad in grads)


def test_softmax_over_the_pyramid_s_outputs_is_the_sigmoid_of_one_normed_logit() -> None:
    torch.manual_seed(0)
    made = PyramidResUNet(1, 2, CUBE).train()
    logits = made(torch.randn(2, 1, 8, 8, 8))
    logit = logits[:, 1]
    assert (logits[:, 0] == 0).all()
    torch.testing.assert_close(logits.softmax(1)[:, 1], logit.sigmoid())
    assert float(logit.detach().mean()) == pytest.approx(0, abs=1e-5)
    assert float(logit.detach().std(correction=0)) == pytest.approx(1, abs=1e-2)
    assert PyramidResUNet(1, 1, CUBE)(torch.randn(1, 1, 8, 8, 8)).shape[1] == 1
