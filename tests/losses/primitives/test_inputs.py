import pytest
import torch
from torch import Tensor

from nnunet_losses.losses.primitives import log_probabilities, region_statistics


@pytest.mark.parametrize(
    ("logits", "target", "weight", "regions", "sentence"),
    [
        (torch.zeros(2, 3), torch.zeros(2, 1), None, False, "logits must be floating point of shape"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.int64), torch.zeros(2, 1, 4, 4), None, False, "logits must be floating"),
        (torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4), None, False, "a softmax over one channel is always 1"),
        (torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 4), None, False, r"labels must have shape \(2, 1, 4, 4\)"),
        (torch.zeros(2, 2, 4, 4), torch.zeros(2, 2, 4, 4), None, False, r"labels must have shape \(2, 1, 4, 4\)"),
        (torch.zeros(2, 3, 4, 4), torch.zeros(2, 1, 4, 4), None, True, r"regions must have shape \(2, 3, 4, 4\)"),
        (torch.zeros(2, 3, 4, 4), torch.zeros(2, 1, 4, 4), torch.ones(2, 4, 4), False, "voxel_weight must have"),
        (torch.zeros(2, 3, 4, 4), -torch.ones(2, 1, 4, 4), None, False, "label -1 occurs at a voxel that counts"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_with_one_sentence(
    logits: Tensor, target: Tensor, weight: Tensor | None, regions: bool, sentence: str
):
    with pytest.raises(ValueError, match=sentence):
        region_statistics(logits, target, weight, names="p", regions=regions)
    with pytest.raises(ValueError, match=sentence):
        log_probabilities(logits, target, weight, regions=regions)
