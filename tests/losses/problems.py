"""Random problems for property tests, and four voxels worked by hand."""

import torch
from hypothesis import strategies as st
from torch import Tensor

WEIGHTS = st.floats(0, 3, allow_subnormal=False)
SEEDS = st.integers(0, 2**31 - 1)


def random_problem(
    seed: int, *, regions: bool = False, classes: int = 3, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """Logits and target of two small patches; small enough that a class is sometimes absent."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, classes, 2, 2, 3, generator=generator, dtype=torch.float64)
    if regions:
        return logits.to(dtype), torch.rand(2, classes, 2, 2, 3, generator=generator) < 0.3
    return logits.to(dtype), torch.randint(0, classes, (2, 1, 2, 2, 3), generator=generator).to(torch.int16)


def four_voxels(probabilities: list[float]) -> Tensor:
    """Logits (1, 2, 2, 2) of two classes whose foreground has these probabilities."""
    p = torch.tensor(probabilities, dtype=torch.float64)
    return torch.stack([(1 - p).log(), p.log()]).view(1, 2, 2, 2)


# Foreground on the first two voxels, predicted .8, .4 there and .5, .1 on the background:
# TP = 1.2, FP = .6, FN = .8, Σp = 1.8, Σg = 2, Σp² = .64 + .16 + .25 + .01 = 1.06
P = [0.8, 0.4, 0.5, 0.1]
LOGITS = four_voxels(P)
LABELS = torch.tensor([1, 1, 0, 0]).view(1, 1, 2, 2)
