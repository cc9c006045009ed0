"""What a slow loop is given: a problem, in which weights, pooling and the choice of classes mean the same for all."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

SLOW_LOOPS: dict[str, Callable[..., float]] = {}


@dataclass
class Problem:
    """What a loss is asked: logits (B, C, *S), labels (B, 1, *S) or regions (B, C, *S), weights or None."""

    logits: NDArray[np.float64]
    target: NDArray[np.generic]
    weight: NDArray[np.float64] | None
    regions: bool
    include_background: bool
    batch: bool

    def __post_init__(self) -> None:
        samples, self.channels = self.logits.shape[:2]
        self.x = self.logits.reshape(samples, self.channels, -1)
        self.t = self.target.reshape(samples, self.target.shape[1], -1)
        shape = self.x.shape
        if self.weight is None:
            self.w = np.ones(shape)
        else:
            self.w = np.broadcast_to(self.weight.reshape(samples, self.weight.shape[1], -1), shape)

    def p(self, sample: int, channel: int, voxel: int) -> float:
        """Probability of a class or region."""
        return self._probabilities[sample][voxel][channel]

    @cached_property
    def _probabilities(self) -> list[list[list[float]]]:
        """Those of every sample, voxel and channel; a loss asks for each many times."""
        return [[self._probabilities_of(x) for x in sample.T.tolist()] for sample in self.x]

    def _probabilities_of(self, x: list[float]) -> list[float]:
        if self.regions:
            return [1 / (1 + math.exp(-value)) for value in x]
        total = sum(math.exp(value) for value in x)
        return [math.exp(value) / total for value in x]

    def g(self, sample: int, channel: int, voxel: int) -> float:
        """Reference of a class or region."""
        if self.regions:
            return float(self.t[sample, channel, voxel])
        return 1.0 if int(self.t[sample, 0, voxel]) == channel else 0.0

    def groups(self) -> list[list[int]]:
        """The samples that a region loss sums over together."""
        samples = list(range(len(self.x)))
        return [samples] if self.batch else [[sample] for sample in samples]

    def classes(self) -> range:
        """The channels that count as classes."""
        return range(0 if self.regions or self.include_background else 1, self.channels)

    def voxels(self, group: list[int], channel: int) -> Iterator[tuple[float, float, float]]:
        """(probability, reference, weight) of every voxel of a group."""
        for sample in group:
            for voxel in range(self.x.shape[2]):
                weight = float(self.w[sample, channel, voxel])
                if weight > 0:
                    yield self.p(sample, channel, voxel), self.g(sample, channel, voxel), weight

    def frequency(self, channel: int) -> float:
        """Share of the voxels of the batch that count, of a class or region."""
        if self.regions:
            return mean([g for group in self.groups() for _, g, _ in self.voxels(group, channel)])
        return mean([float(label == channel) for _, label, _ in self.truths()])

    def truths(self) -> Iterator[tuple[float, int, float]]:
        """(probability of the truth, true class or region value, weight) of every voxel that counts.

        Regions give one for each region.
        """
        for sample in range(len(self.x)):
            for voxel in range(self.x.shape[2]):
                if self.regions:
                    for channel in range(self.channels):
                        weight = float(self.w[sample, channel, voxel])
                        if weight > 0:
                            p, g = self.p(sample, channel, voxel), int(self.g(sample, channel, voxel))
                            yield (p if g else 1 - p), g, weight
                elif self.w[sample, :, voxel].any():
                    label = int(self.t[sample, 0, voxel])
                    weight = float(self.w[sample, label, voxel])
                    if weight > 0:
                        yield self.p(sample, label, voxel), label, weight


def slow_loop(name: str) -> Callable[[Callable[..., float]], Callable[..., float]]:
    """Decorator: the reference of the loss of that name in the catalogue."""

    def add(function: Callable[..., float]) -> Callable[..., float]:
        SLOW_LOOPS[name] = function
        return function

    return add


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
