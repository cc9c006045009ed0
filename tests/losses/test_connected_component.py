"""Connected-component loss: each lesion in its Voronoi cell."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from nnunet_losses.losses import (
    CATALOGUE,
    ConnectedComponentLoss,
    connected_component_loss,
    cross_entropy_loss,
    dice_cross_entropy_loss,
    dice_loss,
    label_components,
)
from nnunet_losses.losses.per_lesion import InstanceLoss
from nnunet_losses.losses.per_lesion.cells import nearest_component, spread_along_each_axis

from .problems import SEEDS
from .test_blob import scattered


def distances(ids: torch.Tensor, spacing: tuple[float, ...]) -> torch.Tensor:
    """Distance of each voxel to each component, (K, *S), by SciPy one component at a time."""
    maps = [ndimage.distance_transform_edt((ids != k).numpy(), sampling=spacing) for k in ids.unique() if k]
    return torch.stack([torch.from_numpy(x) for x in maps])


@given(SEEDS, st.sampled_from([(1.0, 1.0, 1.0), (0.5, 0.7, 3.1), (5.0, 0.45, 0.45)]))
@pytest.mark.parametrize("find", [nearest_component, spread_along_each_axis])
def test_every_voxel_goes_to_a_nearest_component(find, seed: int, spacing: tuple[float, ...]):
    draws = torch.rand(5, 9, 6, generator=torch.Generator().manual_seed(seed))
    ids = torch.from_numpy(label_components((draws < 0.03).numpy().astype("int16")))
    if not ids.any():
        ids[0, 0, 0] = 1
    cells = find(ids, spacing)
    assert torch.equal(cells[ids > 0], ids[ids > 0])
    to_each = distances(ids, spacing)
    chosen = to_each.gather(0, (cells.long() - 1)[None])[0]
    torch.testing.assert_close(chosen, to_each.amin(0))


def test_two_lesions_by_hand():
    # lesions at the ends of six voxels; each cell is one half; p = .8 .1 .1 | .2 .5 .4, lesions at 0 and 5
    p = torch.tensor([0.8, 0.1, 0.1, 0.2, 0.5, 0.4], dtype=torch.float64)
    logits = torch.stack([(1 - p).log(), p.log()]).view(1, 2, 1, 6)
    labels = torch.tensor([1, 0, 0, 0, 0, 1]).view(1, 1, 1, 6)
    cells = ((1 - 1.6 / 2.0) + (1 - 0.8 / 2.1)) / 2
    whole = 1 - 2.4 / 4.1
    value = connected_component_loss(logits, labels, base="dice", global_weight=1, component_weight=1)
    assert value.item() == pytest.approx(whole + cells, abs=1e-5)


def test_the_spacing_decides_which_lesion_is_near():
    labels = torch.zeros(1, 1, 4, 4)
    labels[0, 0, 0, 3] = labels[0, 0, 3, 1] = 1
    logits = torch.zeros(1, 2, 4, 4, dtype=torch.float64)
    logits[0, 1, 1, 1] = 3.0  # a false positive, 2 rows from one lesion; 1 row and 2 columns from the other
    loss = ConnectedComponentLoss(base="dice", global_weight=0)
    assert "spacing" in loss.needs
    values = {loss(logits, labels, spacing=spacing).item() for spacing in ((1.0, 1.0), (3.0, 1.0), None)}
    assert len(values) == 2


@pytest.mark.parametrize("name", [n for n, loss in CATALOGUE.items() if not issubclass(loss, InstanceLoss)])
@pytest.mark.parametrize("regions", [False, True], ids=["labels", "regions"])
def test_every_base_is_that_base_on_each_cell(name: str, regions: bool):
    logits, target, weight = scattered(regions=regions, samples=1)
    logits = logits[:, :1] if regions else logits[:, :2]
    target = target[:, :1] if regions else target.clamp_max(1)
    try:
        base = CATALOGUE[name](regions=regions)
    except ValueError as error:
        with pytest.raises(ValueError, match=str(error)):
            ConnectedComponentLoss(base=name.lower(), regions=regions)
        return
    frequencies = torch.tensor([0.02] if regions else [0.98, 0.02])
    spacing = (1.0, 2.0, 0.5)
    ids = torch.from_numpy(label_components(((target[0, 0] > 0) & (weight[0, 0] > 0)).short().numpy()))
    cells = nearest_component(ids, spacing)
    circumstances = {"class_frequencies": frequencies, "spacing": spacing}
    parts = [base(logits, target, weight * (cells == k), **circumstances) for k in range(1, int(ids.max()) + 1)]
    loss = ConnectedComponentLoss(base=name.lower(), global_weight=0, regions=regions)
    value = loss(logits, target, weight, **circumstances)
    torch.testing.assert_close(value, torch.stack(parts).mean(), rtol=1e-6, atol=1e-9)


def test_cells_of_cross_entropy_are_means_of_means():
    logits, target, _ = scattered(regions=False, samples=1)
    logits, target = logits[:, :2], target.clamp_max(1)
    ids = torch.from_numpy(label_components(target[0, 0].numpy()))
    cells = nearest_component(ids)
    means = [cross_entropy_loss(logits[..., cells == k], target[..., cells == k]) for k in ids.unique() if k]
    value = connected_component_loss(logits, target, base="crossentropy", global_weight=0)
    torch.testing.assert_close(value, torch.stack(means).mean())


def test_one_lesion_is_the_default_loss_of_nnunet_twice():
    logits, target, _ = scattered(regions=False, samples=1)
    labels = torch.zeros_like(target)
    labels[..., 2:4, 2:4, 2:4] = 1
    value = connected_component_loss(logits[:, :2], labels)
    torch.testing.assert_close(value, 2 * dice_cross_entropy_loss(logits[:, :2], labels))


def test_axes_may_be_exchanged_with_their_spacing():
    """On a patch without a voxel as near to one lesion as to another."""
    logits, target, weight = scattered(regions=False, samples=1)
    spacing = (1.0, 1.37, 2.71)
    ids = torch.from_numpy(label_components((target * (weight > 0))[0, 0].numpy()))
    classes = [ids * (target[0, 0] == c) for c in (1, 2)]
    nearest_two = [distances(x, spacing).sort(dim=0).values[:2] for x in classes]
    weight = weight * torch.stack([two[1] - two[0] > 1e-9 for two in nearest_two]).all(0)
    loss = ConnectedComponentLoss()
    value = loss(logits, target, weight, spacing=spacing)
    for order in itertools.permutations(range(3)):
        axes = (0, 1, *(2 + axis for axis in order))
        turned = loss(*(x.permute(axes) for x in (logits, target, weight)), spacing=[spacing[a] for a in order])
        torch.testing.assert_close(turned, value)


def test_a_false_positive_counts_in_one_cell_only():
    """Unlike the blob loss, where it stays in the term of every lesion."""
    labels = torch.zeros(1, 1, 1, 9)
    labels[..., 0] = labels[..., 8] = 1
    right = torch.stack([-8 * (2 * labels[0, 0] - 1), 8 * (2 * labels[0, 0] - 1)]).double()[None]
    wrong = right.clone()
    wrong[:, 1, 0, 2] = 16.0
    for name, affected in (("ConnectedComponent", 1), ("Blob", 2)):
        loss = CATALOGUE[name](base="dice", global_weight=0)
        one_false_positive = dice_loss(wrong[..., :5], labels[..., :5])
        assert loss(wrong, labels).item() == pytest.approx(affected / 2 * one_false_positive.item(), abs=1e-3)
