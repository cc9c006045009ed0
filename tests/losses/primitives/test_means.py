import torch

from nnunet_losses.losses.primitives import sample_mean, voxel_mean


def test_a_voxel_mean_counts_the_voxels_that_count():
    values = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 2, 2)
    assert voxel_mean(values).item() == 2.5
    assert voxel_mean(values, torch.tensor([0.0, 2.0, 0.0, 1.0]).view(1, 1, 2, 2)).item() == 4
    assert voxel_mean(values, torch.zeros(1, 1, 2, 2)).item() == 0


def test_a_sample_mean_is_the_mean_over_samples_and_classes():
    assert sample_mean(torch.tensor([[1.0, 2.0], [3.0, 6.0]])).item() == 3
    assert sample_mean(torch.tensor([1.0, 3.0])).item() == 2
