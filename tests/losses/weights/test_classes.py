import torch

from nnunet_losses.losses.weights.classes import weight_of_class


def test_a_voxel_of_a_label_has_the_weight_of_its_class_and_one_out_of_range_that_of_the_nearest():
    weights, target = torch.tensor([1.0, 2.0, 5.0]), torch.tensor([[[-1, 0, 1, 2, 3, 4]]])
    assert weight_of_class(weights, target, regions=False).tolist() == [[[1, 1, 2, 5, 5, 5]]]


def test_a_region_has_one_weight_off_and_one_on():
    weights, target = torch.tensor([[1.0, 3.0], [0.5, 2.0]]), torch.tensor([[[0, 1, 1], [1, 0, 1]]])
    assert weight_of_class(weights, target, regions=True).tolist() == [[[1, 3, 3], [2, 0.5, 2]]]
