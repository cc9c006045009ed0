"""Every loss has the value that its slow loop has."""

import pytest
import torch

from nnunet_losses.losses import CATALOGUE, WEIGHTINGS, inverse_weights, label_components

from .slow_loops import SLOW_LOOPS
from .subjects import ALL, CLASSES, DEFAULTS, SPACES, Subject, make_logits, make_target, make_weight

MODES = [(False, "2D"), (False, "3D"), (True, "2D"), (True, "3D")]
MODE_NAMES = [f"{'regions' if regions else 'labels'}-{space}" for regions, space in MODES]


def test_every_loss_of_the_catalogue_has_a_slow_loop_and_every_slow_loop_a_loss():
    assert set(SLOW_LOOPS) == set(CATALOGUE)


@pytest.mark.parametrize(("regions", "space"), MODES, ids=MODE_NAMES)
@pytest.mark.parametrize("weight_channels", [0, 1, CLASSES], ids=["no weight", "voxel weight", "class weight"])
@pytest.mark.parametrize("subject", ALL, ids=str)
def test_value_is_that_of_the_slow_loop(subject: Subject, weight_channels: int, regions: bool, space: str):
    loss = subject.make(regions=regions)
    logits, target = make_logits(SPACES[space]), make_target(SPACES[space], regions=regions)
    weight = make_weight(SPACES[space], weight_channels) if weight_channels else None
    expected = subject.slow(loss, logits, target, weight)
    assert loss(logits, target, weight).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("batch", [False, True], ids=["by sample", "pooled"])
@pytest.mark.parametrize("include_background", [False, True], ids=["foreground", "with background"])
@pytest.mark.parametrize("subject", [s for s in ALL if s.has_classes], ids=str)
def test_background_and_pooling_mean_what_they_say(subject: Subject, include_background: bool, batch: bool):
    loss = subject.make(include_background=include_background, batch=batch)
    logits, target = make_logits(SPACES["3D"]), make_target(SPACES["3D"], regions=False)
    expected = subject.slow(loss, logits, target, None)
    assert loss(logits, target).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("regions", [False, True], ids=["labels", "regions"])
@pytest.mark.parametrize("definition", WEIGHTINGS)
@pytest.mark.parametrize("subject", DEFAULTS, ids=str)
def test_every_loss_takes_every_weighting(subject: Subject, definition: str, regions: bool):
    logits, target = make_logits(SPACES["3D"]), make_target(SPACES["3D"], regions=regions)
    maps = target.numpy() if regions else target[:, 0].numpy()
    ids = torch.stack([torch.from_numpy(label_components(labels)) for labels in maps])
    valid = torch.rand(len(logits), 1, *SPACES["3D"], generator=torch.Generator().manual_seed(5)) > 0.2
    weight = inverse_weights(ids if regions else ids[:, None], valid, definition=definition)
    loss = subject.make(regions=regions)
    expected = subject.slow(loss, logits, target, weight)
    assert loss(logits, target, weight).item() == pytest.approx(expected, rel=1e-6)
