"""Two processes that share a batch, evenly or not, have the value and gradient of one."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from nnunet_losses.losses import CATALOGUE, Loss

SPACE = (3, 4, 3)

SETTINGS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in CATALOGUE),
    ("TopK", {"fraction": 0.5}),
    ("TopK", {"threshold": 0.3}),
    ("LovaszSoftmax", {"all_classes": True}),
    ("WeightedCrossEntropy", {"normalised": True}),
    ("GeneralizedDice", {"fold": True}),
    ("Blob", {"base": "topk"}),
    ("ConnectedComponent", {"base": "lovaszsoftmax"}),
]
"""Every loss; and what reaches over processes in a way of its own, with a process of which no voxel counts."""


def problems() -> list[tuple[str, Loss, torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Every loss, for labels and regions, by sample and pooled, with ignored voxels in unequal numbers."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for name, settings in SETTINGS:
        for regions in (False, True):
            for batch in (False, True):
                logits = torch.randn(3, 3, *SPACE, generator=generator, dtype=torch.float64)
                draws = torch.rand(3, 3 if regions else 1, *SPACE, generator=generator)
                weight = (
                    torch.rand(3, 1, *SPACE, generator=generator)
                    > torch.tensor([0.9, 0.1, 0.3])[:, None, None, None, None]
                )
                if settings:
                    weight[2] = False
                target = draws < 0.3 if regions else (3 * draws).to(torch.int16)
                found.append(
                    (
                        f"{name} {settings} {regions=} {batch=}",
                        CATALOGUE[name](regions=regions, batch=batch, **settings),
                        logits,
                        target,
                        2.0 * weight,
                    )
                )
    return found


def one_process(rank: int, folder: str) -> None:
    """Rank 0 holds two of the three samples, rank 1 the third; gradients are averaged as DDP does."""
    torch.set_num_threads(1)  # a forked process must not wake the threads of its parent
    store = f"file://{folder}/store"
    # a process that waits for an exchange which the other does not make gives up soon
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2, timeout=timedelta(seconds=30))
    results = {}
    for key, loss, *tensors in problems():
        for split in (2, 1):
            mine = [x[:split] if rank == 0 else x[split:] for x in tensors]
            whole = torch.zeros_like(tensors[0]).requires_grad_()
            shard = (whole[:split] if rank == 0 else whole[split:]) + mine[0]
            value = loss(shard, *mine[1:])
            value.backward()
            gradient = whole.grad.clone()
            dist.all_reduce(gradient)
            results[key, split] = value.detach(), gradient / 2
    torch.save(results, f"{folder}/rank{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    folder: Path = tmp_path_factory.mktemp("distributed")
    mp.start_processes(one_process, args=(str(folder),), nprocs=2, start_method="fork")
    return [torch.load(folder / f"rank{rank}.pt") for rank in range(2)]


@pytest.mark.slow
def test_value_and_gradient_are_those_of_one_process(two_processes: list[dict]):
    for key, loss, logits, target, weight in problems():
        logits.requires_grad_()
        value = loss(logits, target, weight)
        (gradient,) = torch.autograd.grad(value, logits)
        for rank in two_processes:
            for split in (2, 1):
                got, got_gradient = rank[key, split]
                torch.testing.assert_close(got, value.detach(), msg=lambda m, k=key: f"{k}: {m}")
                torch.testing.assert_close(got_gradient, gradient, msg=lambda m, k=key: f"{k}: {m}")
