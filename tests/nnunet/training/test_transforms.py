import multiprocessing

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import DownsampleSegForDSTransform
from batchgeneratorsv2.transforms.utils.random import RandomTransform

from nnunet_losses.nnunet.training.transforms import (
    AppendInstanceIds,
    OwnRandomStream,
    insert_instance_ids,
    make_reproducible,
)


def test_components_touch_by_corners_and_keep_their_class() -> None:
    labels = torch.zeros(1, 4, 4, 4, dtype=torch.int16)
    labels[0, 0, 0, 0] = labels[0, 1, 1, 1] = 1
    labels[0, 1, 1, 2] = 2
    labels[0, 3, 3, 3] = 1
    result = AppendInstanceIds()(segmentation=labels)["segmentation"]
    assert result.dtype == torch.int16
    assert torch.equal(result[:1], labels)
    ids = result[1]
    assert ids[0, 0, 0] == ids[1, 1, 1]
    assert len({int(ids[0, 0, 0]), int(ids[1, 1, 2]), int(ids[3, 3, 3]), 0}) == 4


def test_ignored_voxels_are_background_and_stay_ignored() -> None:
    labels = torch.tensor([[[1, 3, 1, 0]]], dtype=torch.int16)
    result = AppendInstanceIds(ignore_label=3)(segmentation=labels)["segmentation"]
    assert result[0, 0].tolist() == [1, 3, 1, 0]
    assert result[1, 0].tolist() == [1, 0, 2, 0]


def test_every_region_gets_its_own_ids() -> None:
    regions = torch.zeros(3, 4, 4, dtype=torch.bool)  # two regions and what is ignored
    regions[0, :2] = regions[1, 0, 0] = regions[1, 0, 3] = regions[2, 3] = True
    result = AppendInstanceIds(regions=2, ignore_label=9)(segmentation=regions)["segmentation"]
    assert result.shape == (5, 4, 4)
    assert torch.equal(result[:3].bool(), regions)
    assert result[3:].amax((1, 2)).tolist() == [1, 2]


@pytest.mark.parametrize("deep_supervision", [True, False])
def test_ids_are_appended_last_but_before_downsampling(deep_supervision: bool) -> None:
    downsample = [DownsampleSegForDSTransform([[1, 1], [0.5, 0.5]])] if deep_supervision else []
    pipeline = ComposeTransforms([MirrorTransform((0,)), *downsample])
    insert_instance_ids(pipeline, regions=0, ignore_label=None)
    kinds = [type(t).__name__ for t in pipeline.transforms]
    assert kinds == [
        "MirrorTransform",
        "AppendInstanceIds",
        *(["DownsampleSegForDSTransform"] if deep_supervision else []),
    ]
    labels = torch.ones(1, 4, 4, dtype=torch.int16)
    out = pipeline(image=torch.zeros(1, 4, 4), segmentation=labels)["segmentation"]
    assert (out[0] if deep_supervision else out).shape == (2, 4, 4)


def test_blurring_without_a_stopwatch() -> None:
    pipeline = ComposeTransforms([RandomTransform(GaussianBlurTransform(benchmark=True), 0.5)])
    make_reproducible(pipeline)
    assert pipeline.transforms[0].transform.benchmark is False


def test_workers_with_different_numpy_streams_get_different_torch_streams() -> None:
    with_stream, without = (_draws_of_two_workers(transform) for transform in (OwnRandomStream(), None))
    assert without[0] == without[1]  # nnU-Net's fault, which the transform is for
    assert with_stream[0] != with_stream[1]


def test_the_main_process_keeps_its_stream() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    OwnRandomStream()(image=torch.zeros(1))
    assert torch.equal(torch.rand(1), expected)


def _draws_of_two_workers(transform: OwnRandomStream | None) -> list[float]:
    context = multiprocessing.get_context("fork")
    draws = []
    for seed in (1, 2):
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_draw, args=(transform, seed, sender))
        process.start()
        draws.append(receiver.recv())
        process.join()
    return draws


def _draw(transform: OwnRandomStream | None, seed: int, sender) -> None:
    np.random.seed(seed)  # noqa: NPY002  # as nnU-Net's workers do
    if transform is not None:
        transform(image=torch.zeros(1))
    sender.send(float(torch.rand(1)))
