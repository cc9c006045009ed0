"""Every loss has the value that its slow loop has."""

import pytest
import torch

from nnunet_losses.losses import CATALOGUE, WEIGHTINGS, inverse_weights, label_components

from .cells import cell
from .slow_loops import SLOW_LOOPS
from .subjects import (
    ALL,
    CLASSES,
    DEFAULTS,
    LABELS,
    MODES,
    REGIONS,
    SPACES,
    Mode,
    Subject,
    make_logits,
    make_target,
    make_weight,
)

# Each kind of weight with each kind of target, and each in both dimensions: no weight, of voxels, of classes.
PROBLEMS = [
    (LABELS, 0),
    (Mode(False, SPACES["2D"]), 1),
    (LABELS, CLASSES),
    (REGIONS, 0),
    (Mode(True, SPACES["3D"]), 1),
    (REGIONS, CLASSES),
]

WITH_CLASSES = [subject for subject in DEFAULTS if subject.has_classes]


def test_every_loss_of_the_catalogue_has_a_slow_loop_and_every_slow_loop_a_loss():
    assert set(SLOW_LOOPS) == set(CATALOGUE)


@cell(ALL, problem=PROBLEMS)
def test_value_is_that_of_the_slow_loop(subject: Subject, problem: tuple[Mode, int]):
    mode, weight_channels = problem
    loss = subject.make(regions=mode.regions)
    logits, target = make_logits(mode.space), make_target(mode.space, regions=mode.regions)
    weight = make_weight(mode.space, weight_channels) if weight_channels else None
    expected = subject.slow(loss, logits, target, weight)
    assert loss(logits, target, weight).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@cell(WITH_CLASSES, include_background=[False, True], batch=[False, True], absent=[False, True])
def test_background_and_pooling_mean_what_they_say(
    subject: Subject, include_background: bool, batch: bool, absent: bool
):
    loss = subject.make(include_background=include_background, batch=batch)
    logits, target = make_logits(LABELS.space), make_target(LABELS.space, regions=False)
    if absent:  # in the second sample, not in the first
        target = torch.cat([target[:1], target[1:].clamp_max(CLASSES - 2)])
    expected = subject.slow(loss, logits, target, None)
    assert loss(logits, target).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@cell(DEFAULTS, mode=MODES, definition=list(WEIGHTINGS))
def test_every_loss_takes_every_weighting(subject: Subject, mode: Mode, definition: str):
    logits, target = make_logits(mode.space), make_target(mode.space, regions=mode.regions)
    maps = target.numpy() if mode.regions else target[:, 0].numpy()
    ids = torch.stack([torch.from_numpy(label_components(labels)) for labels in maps])
    valid = torch.rand(len(logits), 1, *mode.space, generator=torch.Generator().manual_seed(5)) > 0.2
    weight = inverse_weights(ids if mode.regions else ids[:, None], valid, definition=definition)
    loss = subject.make(regions=mode.regions)
    expected = subject.slow(loss, logits, target, weight)
    assert loss(logits, target, weight).item() == pytest.approx(expected, rel=1e-6)
