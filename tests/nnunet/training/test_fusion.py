"""B-spline weighted soft voting, beside nnU-Net's fusion of the same windows."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager
from torch import nn

from nnunet_losses.nnunet.training.fusion import Fusion, FusionPredictor, bspline_weights

PATCH = [16, 16, 16]
BSPLINE = Fusion("bspline", "probabilities")


class Places(nn.Module):
    """Logits of a window that the first channel's values tell: how the tests say what each window predicts."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.answer(x)


def predict(
    answer: Any,
    image: torch.Tensor,
    fusion: Fusion | None,
    patch: list[int] = PATCH,
    regions: bool = False,
    heads: int = 2,
) -> torch.Tensor:
    settings = {"device": torch.device("cpu"), "perform_everything_on_device": False, "allow_tqdm": False}
    predictor = nnUNetPredictor(**settings) if fusion is None else FusionPredictor(fusion, **settings)
    predictor.network = Places(answer)
    strides = [[1] * len(patch), [2] * len(patch), [2] * len(patch)]
    architecture = {"network_class_name": "", "arch_kwargs": {"strides": strides}, "_kw_requires_import": []}
    predictor.configuration_manager = ConfigurationManager({"patch_size": patch, "architecture": architecture})
    predictor.label_manager = SimpleNamespace(num_segmentation_heads=heads, has_regions=regions)
    return predictor.predict_sliding_window_return_logits(image).float()


def by_voxel(x: torch.Tensor) -> torch.Tensor:
    """Logits that follow from the voxel alone, so that all windows agree."""
    return torch.cat((-x, 2 * x), 1)


def by_window(x: torch.Tensor) -> torch.Tensor:
    """Logits of 2 where a window begins at the border of the image, whose first voxel is 1; −2 in all others."""
    logit = torch.where(x[:, :, 0, 0, 0] == 1, 2.0, -2.0)[..., None, None, None].expand_as(x)
    return torch.cat((-logit / 2, logit / 2), 1)


def probabilities(logits: torch.Tensor) -> torch.Tensor:
    return logits.softmax(0)[1]


@pytest.mark.parametrize("fusion", [BSPLINE, Fusion("uniform", "logits"), Fusion("uniform", "probabilities", step=0.9)])
def test_where_windows_agree_the_fusion_is_nnunets(fusion: Fusion) -> None:
    image = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 33, 24, 41))).float()
    expected, found = predict(by_voxel, image, None), predict(by_voxel, image, fusion)
    inside = (
        slice(3, -3),
    ) * 3  # nnU-Net sums in half precision, which its weights in the image's corners are too small for
    torch.testing.assert_close(probabilities(found)[inside], probabilities(expected)[inside], atol=5e-3, rtol=0)
    torch.testing.assert_close(probabilities(found), by_voxel(image[None])[0].softmax(0)[1], atol=1e-5, rtol=0)


def test_where_windows_differ_there_is_no_seam() -> None:
    image = torch.zeros(1, 16, 16, 40)
    image[:, 0, 0, 0] = 1
    low, high = torch.tensor([-2.0, 2.0]).sigmoid().tolist()

    def steps(fusion: Fusion | None) -> torch.Tensor:
        along = probabilities(predict(by_window, image, fusion))[8, 8]
        assert float(along[0]) == pytest.approx(high, abs=1e-3)
        assert float(along[-1]) == pytest.approx(low, abs=1e-3)
        return along.diff().abs()

    border = torch.tensor([7, 15])  # where the second window begins, and where the first ends
    assert float(steps(Fusion("uniform", "probabilities"))[border].min()) == pytest.approx((high - low) / 2, abs=1e-3)
    assert float(steps(BSPLINE)[border].max()) < 0.01 * (high - low)
    assert float(steps(BSPLINE).max()) < 2 * float(steps(None).max())


def test_votes_are_averaged_as_probabilities() -> None:
    """One window says 0.98 and the other 0.5; in the middle between them the mean is 0.74, that of logits 0.88."""
    image = torch.zeros(1, 16, 16, 24)
    image[:, 0, 0, 0] = 1

    def answer(x: torch.Tensor) -> torch.Tensor:
        logit = torch.where(x[:, :, 0, 0, 0] == 1, 4.0, 0.0)[..., None, None, None].expand_as(x)
        return torch.cat((torch.zeros_like(logit), logit), 1)

    middle = probabilities(predict(answer, image, Fusion("uniform", "probabilities")))[8, 8, 12]
    assert float(middle) == pytest.approx((1 / (1 + np.exp(-4)) + 0.5) / 2, abs=1e-5)
    middle = probabilities(predict(answer, image, Fusion("uniform", "logits")))[8, 8, 12]
    assert float(middle) == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-5)


def test_regions_keep_log_odds_beyond_the_precision_of_a_probability() -> None:
    image = torch.zeros(1, 16, 16, 24)
    logits = predict(lambda x: torch.cat((x + 30, x - 30), 1), image, BSPLINE, regions=True)
    torch.testing.assert_close(logits[0], torch.full((16, 16, 24), 30.0), rtol=1e-4, atol=0)
    torch.testing.assert_close(logits[1], torch.full((16, 16, 24), -30.0), rtol=1e-4, atol=0)


def test_slices_of_a_2d_configuration_are_fused_one_by_one() -> None:
    image = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 3, 20, 30))).float()
    found = predict(by_voxel, image, BSPLINE, patch=[16, 16])
    torch.testing.assert_close(probabilities(found), by_voxel(image[None])[0].softmax(0)[1], atol=1e-5, rtol=0)


def test_windows_may_be_larger_than_patches_and_no_larger_than_the_image_needs() -> None:
    seen = []

    def answer(x: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(x.shape[2:]))
        return by_voxel(x)

    image = torch.zeros(1, 10, 33, 50)
    assert predict(answer, image, Fusion("uniform", "logits", step=0.9, window=32)).shape[1:] == image.shape[1:]
    assert set(seen) == {(12, 32, 32)}  # the strides of the network divide 12 and 32
    assert len(seen) == 2 * 2


@pytest.mark.parametrize("side", [16, 17, 160])
def test_bspline_weights_fall_symmetrically_to_the_border_and_sum_to_one_at_a_quarter(side: int) -> None:
    weights = bspline_weights(side)
    np.testing.assert_allclose(weights, weights[::-1])
    assert weights.max() == pytest.approx(1, abs=0.03)
    assert (weights > 0).all()
    assert (np.diff(weights[: side // 2]) > 0).all()
    quarter = bspline_weights(16).reshape(4, 4).sum(0)  # four windows over each voxel
    np.testing.assert_allclose(quarter, quarter[0])
