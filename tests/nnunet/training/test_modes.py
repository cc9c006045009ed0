"""nnU-Net's modes beyond a plain training: several processes, low precision, compiling, stages, fine-tuning."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch.nn.parallel import DistributedDataParallel

from nnunet_losses.losses import CATALOGUE
from nnunet_losses.nnunet.training.adapter import LossAdapter
from nnunet_losses.nnunet.training.target import TargetFormat
from nnunet_losses.nnunet.training.trainer import LossTrainer

from ..steps import begin, copied, validate

pytestmark = pytest.mark.usefixtures("world")
Make = Callable[..., LossTrainer]
Run = Callable[..., Path]


# --- several processes


def as_distributed(trainer: LossTrainer) -> LossTrainer:
    """The loss as in a distributed training, where the coarsest level has a weight, so that all parameters are used."""
    trainer.is_ddp = True
    trainer.loss = trainer._build_loss()
    return trainer


def one_rank(rank: int, make: Make, jobs: list[tuple[str, str, str]], folder: Path) -> None:
    torch.set_num_threads(1)  # a forked process must not wake the threads of its parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("nnUNet_results", str(folder / f"rank{rank}"))  # one folder has one training at a time
        trainers = [make(name, dataset, configuration) for name, dataset, configuration in jobs]
    for trainer in trainers:
        trainer.initialize()
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    found = {}
    for job, trainer in zip(jobs, trainers, strict=True):
        start = {name: value.clone() for name, value in trainer.network.state_dict().items()}
        network = trainer.network
        as_distributed(trainer).network = DistributedDataParallel(network)
        for share in (2, 1):  # of the three samples, or of the first two
            network.load_state_dict(start)
            trainer.optimizer.state.clear()
            batch = torch.load(folder / f"{'_'.join(job)}.pt", weights_only=False)
            mine = slice(0, share) if rank == 0 else slice(share, 3 if share == 2 else 2)
            loss = trainer.train_step(copied(batch, mine))["loss"]
            found[job, share] = loss, {name: value.clone() for name, value in network.state_dict().items()}
    torch.save(found, folder / f"rank{rank}.pt")
    dist.destroy_process_group()


def test_a_step_of_two_processes_is_the_step_of_one(make: Make, tmp_path: Path) -> None:
    jobs = [
        ("DiceCrossEntropyTrainer_seed1", "Dataset901_Labels", "2d_tiny"),  # pools the batch
        ("TverskyTrainer_iw_seed1", "Dataset903_RegionsIgnore", "3d_tiny"),
    ]
    single = []
    for job in jobs:
        trainer = begin(as_distributed_after_start(make(*job)))
        batches = [next(trainer.dataloader_train) for _ in range(2)]
        joined = {
            "data": torch.cat([b["data"] for b in batches])[:3],
            "target": [torch.cat(levels)[:3] for levels in zip(*(b["target"] for b in batches), strict=True)],
            "keys": ["a", "b", "c"],
        }
        torch.save(joined, tmp_path / f"{'_'.join(job)}.pt")
        single.append((trainer, joined))
    mp.start_processes(one_rank, args=(make, jobs, tmp_path), nprocs=2, start_method="fork")
    ranks = [torch.load(tmp_path / f"rank{rank}.pt", weights_only=False) for rank in range(2)]
    for job, (trainer, joined) in zip(jobs, single, strict=True):
        start = {name: value.clone() for name, value in trainer.network.state_dict().items()}
        for share, samples in ((2, 3), (1, 2)):
            trainer.network.load_state_dict(start)
            trainer.optimizer.state.clear()
            expected_loss = trainer.train_step(copied(joined, slice(0, samples)))["loss"]
            expected = trainer.network.state_dict()
            moved = max(float((expected[name] - start[name]).abs().max()) for name in start)
            assert moved > 1e-3
            for rank in ranks:
                loss, weights = rank[job, share]
                np.testing.assert_allclose(loss, expected_loss, rtol=1e-5)
                for name, value in expected.items():
                    torch.testing.assert_close(weights[name], value, rtol=1e-5, atol=1e-5 * moved, msg=f"{job} {name}")


def as_distributed_after_start(trainer: LossTrainer) -> LossTrainer:
    trainer.initialize()
    as_distributed(trainer).is_ddp = False
    return trainer


# --- precision and compiling


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_every_loss_computes_in_single_precision_whatever_the_network_gives(make: Make, precision: torch.dtype) -> None:
    trainer = begin(make("DiceTrainer_iw_seed1", configuration="3d_deep"))
    batch = next(trainer.dataloader_train)
    with torch.autocast("cpu", dtype=torch.bfloat16):  # the network cannot compute in float16 on a CPU
        outputs = [output.detach().to(precision) for output in trainer.network(batch["data"])]
    for name, loss in CATALOGUE.items():
        adapter = LossAdapter(
            loss(),
            TargetFormat(0, None, instances=True),
            patch_size=trainer.configuration_manager.patch_size,
            spacing=(2.0, 1.0, 1.0),
            class_frequencies=torch.tensor([0.9, 0.07, 0.03]),
        )
        for output, target in zip(outputs, batch["target"], strict=False):
            expected = adapter(output.float(), target)
            with torch.autocast("cpu", dtype=precision):
                logits = output.clone().requires_grad_()
                value = adapter(logits, target)
            value.backward()
            assert value.dtype == torch.float32, name
            assert torch.isfinite(logits.grad).all(), name
            torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")


def test_mixed_precision_trains_nearly_as_single_precision(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    gradients = []
    for mixed in (False, True):
        if mixed:  # network and loss as on a GPU, where nnU-Net casts; on a CPU it has nothing in that place
            autocast = partial(torch.autocast, "cpu", dtype=torch.bfloat16)
            monkeypatch.setattr("nnunetv2.training.nnUNetTrainer.nnUNetTrainer.dummy_context", autocast)
        trainer = begin(make("TverskyTrainer_iw_seed1"))
        loss = float(trainer.train_step(next(trainer.dataloader_train))["loss"])
        found = [p.grad.flatten() for p in trainer.network.parameters() if p.grad is not None]
        gradients.append((loss, torch.cat(found)))
    (loss, gradient), (mixed_loss, mixed_gradient) = gradients
    assert mixed_loss != loss
    assert mixed_loss == pytest.approx(loss, rel=0.01)
    assert float(torch.cosine_similarity(gradient, mixed_gradient, dim=0)) > 0.95
    assert float(mixed_gradient.norm()) == pytest.approx(float(gradient.norm()), rel=0.1)


def test_asking_for_compiling_on_a_cpu_breaks_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("nnUNet_compile", "true")
    assert (run("DiceCrossEntropyTrainer_iw_1epochs_1iters") / "checkpoint_final.pth").is_file()


@pytest.mark.slow
def test_a_compiled_network_trains_as_the_plain_one(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # nnU-Net never compiles on a CPU; here it does as on a GPU, but for the last step, which needs a C compiler
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    losses = []
    for compiled in (False, True):
        monkeypatch.setattr(nnUNetTrainer, "_do_i_compile", lambda _, on=compiled: on)
        trainer = begin(make("TverskyTrainer_iw_seed1"))
        assert isinstance(trainer.network, torch._dynamo.OptimizedModule) == compiled
        batch = next(trainer.dataloader_train)
        losses.append([float(trainer.train_step(copied(batch))["loss"]) for _ in range(2)])
        losses[-1].append(float(validate(trainer, copied(batch))["loss"]))
        checkpoint = str(tmp_path / "checkpoint.pth")
        trainer.save_checkpoint(checkpoint)
        trainer.load_checkpoint(checkpoint)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)


# --- stages, validation, fine-tuning


@pytest.mark.slow
def test_the_cascade_from_the_low_resolution_to_the_full_one(run: Run, own_world: Path) -> None:
    name = "DiceTrainer_iw_1epochs_1iters"
    before = run(name, configuration="3d_before", fold="all", validate=True)
    predicted = before.parent / "predicted_next_stage" / "3d_after"
    assert {path.name for path in predicted.iterdir()} == {f"case_{n}.b2nd" for n in range(6)}
    after = run(name, configuration="3d_after", validate=True)
    summary = json.loads((after / "validation" / "summary.json").read_text())
    assert len(summary["metric_per_case"]) == 2


@pytest.mark.slow
def test_regions_with_ignored_voxels_from_training_to_probabilities(run: Run, world: Path) -> None:
    name, dataset = "TverskyTrainer_iw_1epochs_2iters", "Dataset903_RegionsIgnore"
    folder = run(name, dataset)
    assert not (folder / "validation").exists()
    run(name, dataset, validate=True, only_run_validation=True, export_validation_probabilities=True)
    reference = nib.load(world / "raw" / dataset / "labelsTr" / "case_4.nii.gz")
    assert np.load(folder / "validation" / "case_4.npz")["probabilities"].shape == (2, *reference.shape)
    assert set(np.unique(nib.load(folder / "validation" / "case_4.nii.gz").dataobj)) <= {0, 1, 2}
    summary = json.loads((folder / "validation" / "summary.json").read_text())
    assert summary["metric_per_case"][0]["metrics"].keys() == {"(1, 2)", "2"}


def test_pretrained_weights_are_where_another_loss_begins(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pretrained = run("DiceTrainer_2epochs_3iters_seed1") / "checkpoint_final.pth"
    begun: list[dict[str, torch.Tensor]] = []
    step = LossTrainer.train_step

    def watched(self: LossTrainer, batch: dict[str, Any]) -> dict[str, Any]:
        begun.append({key: value.clone() for key, value in self.network.state_dict().items()})
        return step(self, batch)

    monkeypatch.setattr(LossTrainer, "train_step", watched)
    folder = run("FocalTrainer_iw_1epochs_1iters_seed2", pretrained_weights=str(pretrained))
    assert (folder / "checkpoint_final.pth").is_file()
    weights = torch.load(pretrained, weights_only=False)["network_weights"]
    same = {key for key, value in weights.items() if torch.equal(value, begun[0][key])}
    assert {key for key in weights if key not in same} == {
        key for key in weights if ".seg_layers." in key and (weights[key] != 0).any()
    }
