import pytest
import torch

from nnunet_losses.losses.primitives import blocks, statistics_and_log_probabilities


@pytest.mark.parametrize("names", ["pg p g", "pg pp gg", "pg g pp ppg"])
@pytest.mark.parametrize("voxels", [1, 5, 6, 7, 13])
def test_any_number_of_voxels_goes_into_blocks(voxels: int, names: str, monkeypatch: pytest.MonkeyPatch):
    torch.manual_seed(voxels)
    logits, labels = torch.randn(3, 4, voxels), torch.randint(0, 4, (3, 1, voxels))
    whole = statistics_and_log_probabilities(logits, labels, names=names)
    monkeypatch.setattr(blocks, "CPU_BLOCKS", (6 * 4, 6 * 4))
    torch.testing.assert_close(statistics_and_log_probabilities(logits, labels, names=names), whole)
