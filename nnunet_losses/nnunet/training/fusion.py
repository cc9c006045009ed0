"""From the predictions of overlapping windows to one prediction of the image.

nnU-Net averages logits under a Gaussian. Papers average logits or probabilities, under other weights and in windows of
another size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager
from scipy.interpolate import BSpline
from torch import Tensor
from typing_extensions import override

WHOLE = 2**31
"""A window as large as the image."""
SMALLEST = torch.finfo(torch.float32).tiny


@dataclass(frozen=True)
class Fusion:
    """How windows are placed and averaged.

    weight: of a voxel by its place in the window: uniform, or a B-spline that falls to 0 at the border.
    average: of logits, or of probabilities (soft voting).
    step: from one window to the next at most, as a share of the window.
    window: side of a window in voxels, at most; None for the patch size.
    mirrored: whether mirror images are predicted too, as in nnU-Net; only if the training mirrored.
    degree: of the B-spline.
    """

    weight: Literal["uniform", "bspline"]
    average: Literal["logits", "probabilities"]
    step: float = 0.5
    window: int | None = None
    mirrored: bool = True
    degree: int = 3

    def weights(self, size: Sequence[int]) -> Tensor:
        """The weight of each voxel in a window of this size, float32, all > 0, the largest about 1."""
        result = torch.ones(tuple(size))
        if self.weight == "bspline":
            for axis, side in enumerate(size):
                along = torch.from_numpy(bspline_weights(side, self.degree)).float()
                result *= along.reshape([-1 if other == axis else 1 for other in range(len(size))])
        return result


def bspline_weights(side: int, degree: int = 3) -> np.ndarray:
    """A B-spline whose support is a window, at its voxels' centres, divided by its largest value in the middle.

    Args:
        side: voxels of the window.
        degree: of the polynomials; 1 is a triangle, 3 a cubic B-spline.
    """
    spline = BSpline.basis_element(np.arange(degree + 2), extrapolate=False)
    places = (np.arange(side) + 0.5) * (degree + 1) / side
    return np.asarray(spline(places) / spline((degree + 1) / 2))


class FusionPredictor(nnUNetPredictor):
    """nnU-Net's predictor with another fusion, summed in single precision.

    Args:
        fusion: how windows are placed and averaged.
        settings: as nnU-Net's predictor takes them; step and mirroring are the fusion's.
    """

    configuration_manager: ConfigurationManager

    def __init__(self, fusion: Fusion, **settings: Any) -> None:
        super().__init__(**(settings | {"tile_step_size": fusion.step, "use_mirroring": fusion.mirrored}))
        self.fusion = fusion

    @override
    @torch.inference_mode()
    def predict_sliding_window_return_logits(self, input_image: Tensor) -> Tensor:
        if self.fusion.window is None:
            return super().predict_sliding_window_return_logits(input_image)
        planned = self.configuration_manager
        window = self._window(input_image.shape[1:], planned)
        self.configuration_manager = ConfigurationManager(planned.configuration | {"patch_size": window})
        try:
            return super().predict_sliding_window_return_logits(input_image)
        finally:
            self.configuration_manager = planned

    def _window(self, image: Sequence[int], planned: ConfigurationManager) -> list[int]:
        """No side longer than the fusion's, or than the image needs; the network's strides divide it."""
        assert self.fusion.window is not None
        divisors = np.prod(planned.pool_op_kernel_sizes, axis=0).astype(int).tolist()
        sides = image[len(image) - len(divisors) :]
        return [
            math.ceil(min(self.fusion.window, side) / divisor) * divisor
            for side, divisor in zip(sides, divisors, strict=True)
        ]

    @override
    @torch.inference_mode()
    def _internal_predict_sliding_window_return_logits(
        self, data: Tensor, slicers: Sequence[Any], do_on_device: bool = True
    ) -> Tensor:
        place = self.device if do_on_device else torch.device("cpu")
        data = data.to(place)
        weight = self.fusion.weights(self.configuration_manager.patch_size).to(place)
        total: Tensor | None = None
        weights = torch.zeros(data.shape[1:], device=place)
        for window in slicers:
            logits = self._internal_maybe_mirror_and_predict(data[window][None].contiguous().to(self.device))[0]
            vote = self._vote(logits.float()).to(place)
            if total is None:
                total = torch.zeros((vote.shape[0], *data.shape[1:]), device=place)
            total[window] += vote * weight
            weights[window[1:]] += weight
        assert total is not None  # there is a window in every image
        return self._logits(total / weights)

    def _vote(self, logits: Tensor) -> Tensor:
        """What is averaged (K, *S) of a window's logits (C, *S)."""
        if self.fusion.average == "logits":
            return logits
        if self.label_manager.has_regions:  # with the complement, which a probability near 1 no longer holds
            return torch.cat((logits.sigmoid(), (-logits).sigmoid()))
        return logits.softmax(0)

    def _logits(self, averaged: Tensor) -> Tensor:
        """Logits (C, *S) that nnU-Net's export turns into the averaged probabilities."""
        if self.fusion.average == "logits":
            return averaged
        logs = averaged.clamp_min(SMALLEST).log()
        if self.label_manager.has_regions:
            inside, outside = logs.chunk(2)
            return inside - outside
        return logs
