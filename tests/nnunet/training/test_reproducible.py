"""A training is repeatable, may be interrupted, and leaves an account of itself."""

import json
import multiprocessing
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.locks import take_lock
from nnunet_losses.nnunet.preparation.folders import fold_folder
from nnunet_losses.nnunet.training import reproducible
from nnunet_losses.nnunet.training.checkpoint import TRUST
from nnunet_losses.nnunet.training.errors import StopTraining
from nnunet_losses.nnunet.training.pools import OneThreadPool
from nnunet_losses.nnunet.training.trainer import LossTrainer, make_trainer

from ..conftest import TRAINED
from ..steps import begin
from .test_checkpoint import Evil

pytestmark = pytest.mark.usefixtures("world")
Make = Callable[..., LossTrainer]
Run = Callable[..., Path]


def checkpoint(folder: Path, name: str = "checkpoint_final.pth") -> dict[str, Any]:
    content: dict[str, Any] = torch.load(folder / name, weights_only=False)
    return content


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(checkpoint(folder)["network_weights"])


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.fixture
def interrupted(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Train until the second step of an epoch, as if somebody pressed Ctrl-C then."""
    step = LossTrainer.train_step

    def train(name: str, epoch: int, **options: Any) -> None:
        def stopping(self: LossTrainer, batch: dict[str, Any]) -> dict[str, Any]:
            if self.current_epoch == epoch and self._steps == 1:
                raise KeyboardInterrupt
            return step(self, batch)

        with monkeypatch.context() as patch:
            patch.setattr(LossTrainer, "train_step", stopping)
            with pytest.raises(KeyboardInterrupt):
                run(name, **options)

    return train


# --- seeds


def test_the_same_seed_gives_the_same_weights(run: Run, trained_once: Path) -> None:
    assert same(weights(run(TRAINED)), weights(trained_once))


@pytest.mark.slow
def test_a_training_interrupted_twice_ends_as_if_it_had_not_been(
    run: Run, interrupted: Callable[..., None], trained_once: Path
) -> None:
    interrupted(TRAINED, 1)
    interrupted(TRAINED, 3, continue_training=True)
    folder = run(TRAINED, continue_training=True)
    assert same(weights(folder), weights(trained_once))
    log, expected = checkpoint(folder)["logging"], checkpoint(trained_once)["logging"]
    for key in ("train_losses", "val_losses", "mean_fg_dice", "lrs"):
        assert len(log[key]) == 4
        assert log[key] == expected[key]


def test_another_seed_fold_epoch_or_process_draws_other_numbers_and_another_loss_the_same(make: Make) -> None:
    def draws(seed: int, stage: int, *, rank: int = 0, fold: int | str = 0, loss: str = "Dice") -> tuple[float, ...]:
        trainer = make(f"{loss}Trainer_seed{seed}")
        trainer.local_rank, trainer.fold = rank, fold
        trainer._seed(stage)
        return float(torch.rand(1)), float(np.random.rand()), reproducible.random.random()  # noqa: NPY002

    drawn = [draws(1, 0), draws(2, 0), draws(1, 1), draws(1, 0, rank=1), draws(1, 0, fold=1), draws(1, 0, fold="all")]
    for stream in zip(*drawn, strict=True):
        assert len(set(stream)) == len(drawn)
    assert draws(1, 0) == draws(1, 0, loss="Tversky") == drawn[0]


def test_the_seed_fixes_the_first_weights_and_the_first_batch(make: Make) -> None:
    firsts = []
    for seed in (1, 1, 2):
        trainer = begin(make(f"DiceTrainer_seed{seed}"))
        firsts.append((next(trainer.network.parameters()), next(trainer.dataloader_train)["data"]))
    assert [torch.equal(*pair) for pair in zip(firsts[0], firsts[1], strict=True)] == [True, True]
    assert [torch.equal(*pair) for pair in zip(firsts[0], firsts[2], strict=True)] == [False, False]


def test_without_a_seed_nothing_is_seeded(make: Make) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    make("DiceTrainer")._seed(0)
    assert torch.equal(torch.rand(1), expected)


@pytest.fixture
def cudnn_as_before() -> Iterator[None]:
    before = torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = True, False  # as nnU-Net sets them
    yield
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = before


@pytest.mark.usefixtures("cudnn_as_before")
def test_only_a_seed_makes_the_gpu_deterministic_and_worker_processes_are_mentioned(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nnUNetTrainer, "on_train_start", lambda _: None)
    said = []
    for name, workers in (("DiceTrainer", "2"), ("DiceTrainer_seed1", "0"), ("DiceTrainer_2epochs_seed1", "2")):
        monkeypatch.setenv("nnUNet_n_proc_DA", workers)
        trainer = make(name)
        trainer.on_train_start()
        said.append("the seed fixes the initial weights only" in Path(trainer.log_file).read_text())
        deterministic = not torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
        assert deterministic == (("seed" in name,) * 2)
    assert said == [False, False, True]


# --- length, cores


@pytest.mark.parametrize(
    ("name", "lengths"),
    [
        ("DiceTrainer", (1000, 250, 50, 10)),
        ("DiceTrainer_20epochs", (20, 250, 50, 2)),
        ("DiceTrainer_20epochs_10iters", (20, 10, 2, 2)),
        ("DiceTrainer_1epochs_1iters", (1, 1, 1, 1)),
    ],
)
def test_the_name_says_how_long_and_the_rest_is_the_recipe_of_nnunet(
    make: Make, name: str, lengths: tuple[int, ...]
) -> None:
    trainer = make(name)
    assert lengths == (
        trainer.num_epochs,
        trainer.num_iterations_per_epoch,
        trainer.num_val_iterations_per_epoch,
        trainer.save_every,
    )
    recipe = trainer.initial_lr, trainer.weight_decay, trainer.oversample_foreground_percent
    assert recipe == (1e-2, 3e-5, 0.33)


def test_the_allotted_threads_are_respected(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(2)
    make("DiceTrainer")
    assert torch.get_num_threads() == 1
    monkeypatch.delenv("OMP_NUM_THREADS")
    torch.set_num_threads(2)
    make("DiceTrainer")
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("workers", "in_process"), [("0", True), ("2", False)])
def test_only_a_training_without_workers_validates_without_processes(
    make: Make, monkeypatch: pytest.MonkeyPatch, workers: str, in_process: bool
) -> None:
    pools, asked = [], []

    def validation(_: nnUNetTrainer, save_probabilities: bool) -> None:
        pools.append(multiprocessing.get_context("spawn").Pool)
        asked.append(save_probabilities)

    monkeypatch.setattr(nnUNetTrainer, "perform_actual_validation", validation)
    monkeypatch.setenv("nnUNet_n_proc_DA", workers)
    make("DiceTrainer").perform_actual_validation(True)
    assert [pool is OneThreadPool for pool in pools] == [in_process]
    assert asked == [True]


def test_progress_is_drawn_once_a_minute_and_at_the_end(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, now = [], [0.0]
    monkeypatch.setattr(reproducible.time, "monotonic", lambda: now[0])
    trainer = make("DiceTrainer_20epochs")
    monkeypatch.setattr(type(trainer.logger), "plot_progress_png", lambda _, folder: drawn.append(now[0]))
    for epoch in range(20):
        now[0] = 25.0 * epoch
        trainer.current_epoch = epoch
        trainer.logger.plot_progress_png(trainer.output_folder)
    assert drawn == [75, 150, 225, 300, 375, 450, 475]


# --- one process at a time


def test_a_second_process_waits_for_the_first(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "results").mkdir()
    folder = fold_folder("Dataset901_Labels", "3d_tiny", "DiceTrainer", "nnUNetPlans", 0)
    context = multiprocessing.get_context("fork")
    held, release = context.Event(), context.Event()

    def hold() -> None:
        lock = take_lock(folder / ".lock")
        held.set()
        release.wait(60)
        os._exit(lock is None)

    other = context.Process(target=hold)
    other.start()
    assert held.wait(60)
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            release.set()
            other.join(60)

    monkeypatch.setattr(reproducible.time, "sleep", sleep)
    trainer = make("DiceTrainer")
    assert other.exitcode == 0
    assert waits == [2, 2, 2]
    assert Path(trainer.log_file).read_text().count("Another process is training in") == 1


# --- how it ends


def test_a_finished_training_leaves_its_cost_and_outcome(trained_once: Path) -> None:
    job = json.loads((trained_once / "jobs.json").read_text())
    assert job["status"] == "completed"
    assert job["epochs"] == 4
    log = checkpoint(trained_once)["logging"]
    assert job["seconds"] == pytest.approx(
        np.subtract(log["epoch_end_timestamps"], log["epoch_start_timestamps"]).sum()
    )
    assert 50 < job["peak_memory_mb"] < 50_000
    assert job["device"] == "cpu"
    assert job["hardware"]
    assert torch.__version__.startswith(job["versions"]["torch"])
    assert (trained_once / "progress.png").is_file()
    assert [path.name for path in trained_once.glob(".*")] == [".lock"]  # nothing half written


def test_a_network_that_finds_nothing_is_recorded_as_collapsed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    validation_step = LossTrainer.validation_step

    def nothing_found(self: LossTrainer, batch: dict[str, Any]) -> dict[str, Any]:
        result = validation_step(self, batch)
        return result | {"tp_hard": 0 * result["tp_hard"], "fn_hard": 1 + result["fn_hard"]}

    monkeypatch.setattr(LossTrainer, "validation_step", nothing_found)
    folder = run("DiceTrainer_2epochs_1iters")
    record = json.loads((folder / "jobs.json").read_text())
    assert (record["status"], record["collapsed"]) == ("completed", True)


@pytest.mark.slow
def test_a_collapsed_training_ends_early_if_wanted_and_is_not_taken_up_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_learned(self: LossTrainer, *_: Any) -> None:
        log = {"train_losses": 1.0, "val_losses": 1.0, "mean_fg_dice": 0.0, "dice_per_class_or_region": [0.0]}
        for key, value in log.items():
            self.logger.log(key, value, self.current_epoch)

    monkeypatch.setattr(LossTrainer, "on_train_epoch_end", lambda *_: None)
    monkeypatch.setattr(LossTrainer, "on_validation_epoch_end", nothing_learned)
    monkeypatch.setattr(LossTrainer, "train_step", lambda *_: {})
    monkeypatch.setattr(LossTrainer, "validation_step", lambda *_: {})
    monkeypatch.setenv("NNUNET_LOSSES_STOP_EARLY", "diverging,collapsed")
    for _ in range(2):
        folder = run("DiceTrainer_30epochs_1iters", continue_training=True)
        record = json.loads((folder / "jobs.json").read_text())
        assert (record["status"], record["collapsed"], record["epochs"]) == ("unfinished", True, 10)
        assert (folder / "checkpoint_final.pth").is_file()
    assert "ends early, after 10 of 30 epochs: collapsed" in next(folder.glob("training_log*")).read_text()
    monkeypatch.setenv("NNUNET_LOSSES_STOP_EARLY", "diverging")
    run("DiceTrainer_30epochs_1iters", continue_training=True)
    record = json.loads((folder / "jobs.json").read_text())
    assert (record["status"], record["collapsed"], record["epochs"]) == ("completed", True, 30)


def test_a_collapse_is_told_once(make: Make) -> None:
    trainer = make("DiceTrainer")
    trainer.initialize()
    counts = {"tp_hard": np.zeros(2), "fp_hard": np.zeros(2), "fn_hard": np.ones(2), "loss": np.float32(1)}
    told = []
    for epoch in range(13):
        trainer.on_epoch_start()
        trainer.logger.log("lrs", 0.01, epoch)
        trainer.on_train_epoch_end([{"loss": np.float32(1)}])
        trainer.on_validation_epoch_end([counts])
        trainer.on_epoch_end()
        told.append(Path(trainer.log_file).read_text().count("has collapsed to background"))
    assert told == [0] * 9 + [1] * 4


def test_a_loss_that_is_not_finite_ends_the_training_and_leaves_the_checkpoints(make: Make) -> None:
    trainer = begin(make("DiceTrainer_5epochs_2iters"))
    good = Path(trainer.output_folder, "checkpoint_latest.pth")
    trainer.save_checkpoint(str(good))
    saved = good.read_bytes()
    batch = next(trainer.dataloader_train)
    trainer.train_step(batch)
    batch["data"][:] = float("nan")
    with pytest.raises(SystemExit) as stop:
        trainer.train_step(batch)
    text = str(stop.value.code)
    assert isinstance(stop.value, UserError)
    assert "The loss of DiceTrainer_5epochs_2iters became nan in epoch 0, step 1" in text
    assert all(case in text for case in batch["keys"])
    assert "\n" not in text
    assert good.read_bytes() == saved
    assert json.loads(good.with_name("jobs.json").read_text())["status"] == "diverged"


def test_only_the_first_process_writes_the_record(make: Make) -> None:
    trainer = begin(make("DiceTrainer"))
    trainer.local_rank = 1
    batch = next(trainer.dataloader_train)
    batch["data"][:] = float("nan")
    with pytest.raises(StopTraining):
        trainer.train_step(batch)
    assert not Path(trainer.output_folder, "jobs.json").exists()


def test_continuing_after_the_end_changes_nothing_of_the_record(run: Run, trained: Path) -> None:
    before, record = weights(trained), (trained / "jobs.json").read_text()
    run(TRAINED, continue_training=True)
    run(TRAINED, only_run_validation=True)
    assert same(weights(trained), before)
    assert (trained / "jobs.json").read_text() == record


def test_a_record_that_is_missing_is_written_when_nothing_is_left_to_train(run: Run, trained: Path) -> None:
    before = json.loads((trained / "jobs.json").read_text())
    (trained / "jobs.json").unlink()
    run(TRAINED, continue_training=True)
    after = json.loads((trained / "jobs.json").read_text())
    assert {key: after[key] for key in ("seconds", "epochs", "status")} == {
        key: before[key] for key in ("seconds", "epochs", "status")
    }


# --- whose folder it is


def test_the_record_of_the_experiment_names_what_the_result_depends_on(trained_once: Path) -> None:
    recorded = json.loads((trained_once / "experiment.json").read_text())
    assert recorded["begun_with"]["nnunetv2"]
    experiment = recorded["experiment"]
    assert "fp_weight=0.1" in experiment["trainer"].pop("loss")
    assert experiment["trainer"] == {
        "name": TRAINED,
        "weighting": "iw",
        "deep_supervision_weights": [1.0, 0.0],
        "epochs": 4,
        "iterations_per_epoch": 3,
        "validation_iterations_per_epoch": 1,
        "initial_lr": 1e-2,
        "weight_decay": 3e-5,
        "seed": 7,
    }
    assert experiment["configuration"]["patch_size"] == [16, 16, 16]
    assert experiment["plans"]["dataset_name"] == "Dataset901_Labels"
    assert "configurations" not in experiment["plans"]
    assert experiment["dataset"]["labels"] == {"background": 0, "large": 1, "small": 2}
    assert experiment["split"] == {"train": ["case_0", "case_1", "case_2", "case_3"], "val": ["case_4", "case_5"]}


def test_other_splits_are_another_experiment(run: Run, trained: Path, own_world: Path) -> None:
    splits = json.loads((own_world / "splits_final.json").read_text())
    (own_world / "splits_final.json").write_text(json.dumps(splits[::-1]))
    for options in ({"continue_training": True}, {"only_run_validation": True}, {}):
        with pytest.raises(StopTraining, match=r"split\.train was .*case_0.* and is now .*rename or remove") as stop:
            run(TRAINED, **options)
        assert "\n" not in str(stop.value.code)


def test_other_plans_are_another_experiment_even_before_the_first_checkpoint(
    run: Run, interrupted: Callable[..., None], own_world: Path
) -> None:
    interrupted("DiceTrainer_2epochs_2iters", 0)
    plans = json.loads((own_world / "nnUNetPlans.json").read_text())
    plans["configurations"]["3d_tiny"]["batch_size"] = 3
    (own_world / "nnUNetPlans.json").write_text(json.dumps(plans))
    with pytest.raises(StopTraining, match=r"configuration\.batch_size was 2 and is now 3; rename or remove"):
        run("DiceTrainer_2epochs_2iters", continue_training=True)


def test_other_data_are_another_experiment(run: Run, trained: Path, own_world: Path) -> None:
    file = own_world / "dataset.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "fingerprint": "of corrected labels"}))
    with pytest.raises(StopTraining, match=r'dataset\.fingerprint was absent and is now "of corrected labels"; rename'):
        run(TRAINED, continue_training=True)


def test_a_loss_whose_defaults_changed_is_another_experiment(run: Run, trained: Path) -> None:
    file = trained / "experiment.json"
    file.write_text(file.read_text().replace("fn_weight=0.7", "fn_weight=0.5"))
    with pytest.raises(StopTraining, match=r"trainer\.loss was .*fn_weight=0\.5.* and is now .*fn_weight=0\.7"):
        run(TRAINED, continue_training=True)


# --- checkpoints


def empty(file: Path) -> None:
    file.write_bytes(b"")


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1000])


def bit_flipped(file: Path) -> None:
    """A bit of a weight."""
    content = bytearray(file.read_bytes())
    [weight] = [part for part in zipfile.ZipFile(file).infolist() if part.filename.endswith("/data/0")]
    content[weight.header_offset + 200] ^= 1
    file.write_bytes(content)


def from_another_training(file: Path) -> None:
    content = torch.load(file, weights_only=False)
    torch.save(content | {"trainer_name": "DiceTrainer"}, file)


def of_other_plans(file: Path) -> None:
    content = torch.load(file, weights_only=False)
    content["init_args"]["plans"]["configurations"]["3d_tiny"]["batch_size"] = 3
    torch.save(content, file)


DAMAGE = [
    (empty, "it is damaged: an empty file"),
    (truncated, "it is damaged"),
    (bit_flipped, "it is damaged: the checksum of .*data/0 is wrong"),
    (from_another_training, f"is from another training .trainer DiceTrainer instead of {TRAINED}."),
    (of_other_plans, "is from another training .other content of the plans."),
]


@pytest.fixture
def in_epoch_3(interrupted: Callable[..., None], tmp_path: Path) -> Path:
    """The folder of a training interrupted in its last epoch, with a latest checkpoint of 3 epochs and a best one."""
    interrupted(TRAINED, 3)
    [latest] = tmp_path.rglob("checkpoint_latest.pth")
    assert checkpoint(latest.parent, latest.name)["current_epoch"] == 3
    return latest.parent


@pytest.mark.parametrize(("damage", "said"), DAMAGE)
def test_a_checkpoint_that_cannot_be_used_is_set_aside_and_the_next_one_taken(
    run: Run, in_epoch_3: Path, trained_once: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(in_epoch_3 / "checkpoint_latest.pth")
    damaged = (in_epoch_3 / "checkpoint_latest.pth").read_bytes()
    (in_epoch_3 / "checkpoint_latest.pth.aside").write_text("an earlier one")
    run(TRAINED, continue_training=True)
    assert same(weights(in_epoch_3), weights(trained_once))
    assert (in_epoch_3 / "checkpoint_latest.pth.aside2").read_bytes() == damaged
    [log] = [text for text in map(Path.read_text, in_epoch_3.glob("*.txt")) if "WARNING" in text]
    lines = [line for line in log.splitlines() if "aside" in line or "goes on" in line]
    assert re.search(rf"{said}; it is kept as checkpoint_latest\.pth\.aside2\.", lines[0])
    assert "Training goes on from checkpoint_best.pth, after" in lines[1]
    assert len(lines) == 2


@pytest.mark.parametrize("damage", [empty, from_another_training])
def test_if_no_checkpoint_is_left_the_training_begins_again(
    run: Run, in_epoch_3: Path, trained_once: Path, damage: Callable[[Path], None]
) -> None:
    for name in ("checkpoint_latest.pth", "checkpoint_best.pth"):
        damage(in_epoch_3 / name)
    run(TRAINED, continue_training=True)
    assert same(weights(in_epoch_3), weights(trained_once))
    assert len(list(in_epoch_3.glob("*.aside"))) == 2
    assert any(
        "No checkpoint of this training is left; it begins again" in f.read_text() for f in in_epoch_3.glob("*.txt")
    )


@pytest.mark.parametrize("damage", [truncated, bit_flipped, from_another_training])
def test_a_finished_training_whose_final_checkpoint_is_damaged_is_finished_again(
    run: Run, trained: Path, trained_once: Path, damage: Callable[[Path], None]
) -> None:
    damage(trained / "checkpoint_final.pth")
    run(TRAINED, continue_training=True)
    assert same(weights(trained), weights(trained_once))
    assert (trained / "checkpoint_final.pth.aside").is_file()


@pytest.mark.parametrize(("damage", "said"), DAMAGE)
def test_a_validation_of_a_checkpoint_that_cannot_be_used_is_refused(
    run: Run, trained: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(trained / "checkpoint_final.pth")
    with pytest.raises(StopTraining, match=rf"checkpoint_final\.pth .*{said}; nnUNetv2_train with --c") as stop:
        run(TRAINED, only_run_validation=True)
    assert "\n" not in str(stop.value.code)
    assert (trained / "checkpoint_final.pth").is_file()


def test_the_newest_of_the_checkpoints_that_are_left_is_taken(run: Run, in_epoch_3: Path) -> None:
    shutil.copy(in_epoch_3 / "checkpoint_latest.pth", in_epoch_3 / "checkpoint_best.pth")
    older = checkpoint(in_epoch_3, "checkpoint_best.pth") | {"current_epoch": 2}
    torch.save(older, in_epoch_3 / "checkpoint_latest.pth")
    (in_epoch_3 / "checkpoint_final.pth").touch()
    run(TRAINED, continue_training=True)
    log = "".join(path.read_text() for path in in_epoch_3.glob("*.txt"))
    assert "Training goes on from checkpoint_best.pth, after 3 epochs" in log


def test_a_checkpoint_is_written_whole_or_not_at_all(run: Run, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = weights(trained)

    def disk_full(_: object, file: str) -> None:
        Path(file).write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", disk_full)
    with pytest.raises(OSError, match="No space"):
        run(TRAINED)
    assert same(weights(trained), before)
    assert not list(trained.glob(".*.pth"))


def test_what_a_killed_writer_left_is_removed_and_nothing_else(make: Make) -> None:
    trainer = make("DiceTrainer")
    folder = Path(trainer.output_folder)
    for name in (".abc.pth", "checkpoint_best.pth", ".other"):
        (folder / name).touch()
    trainer.on_train_start()
    assert not (folder / ".abc.pth").exists()
    assert (folder / "checkpoint_best.pth").exists()
    assert (folder / ".other").exists()


def test_checkpointing_can_be_switched_off_as_in_nnunet(make: Make) -> None:
    trainer = make("DiceTrainer")
    trainer.initialize()
    trainer.disable_checkpointing = True
    trainer.save_checkpoint(str(Path(trainer.output_folder, "checkpoint_best.pth")))
    assert not list(Path(trainer.output_folder).rglob("*.pth"))


@pytest.fixture
def evil(trained: Path, tmp_path: Path) -> Path:
    """A finished training whose checkpoint would make the folder that this names."""
    trace = tmp_path / "trace"
    torch.save(checkpoint(trained) | {"more": Evil(trace)}, trained / "checkpoint_final.pth")
    return trace


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("checkpoint_final.pth", {"continue_training": True}),
        ("checkpoint_latest.pth", {"continue_training": True}),
        ("checkpoint_best.pth", {"continue_training": True}),
        ("checkpoint_final.pth", {"only_run_validation": True}),
    ],
)
def test_code_in_a_checkpoint_is_not_run(
    run: Run, trained: Path, evil: Path, name: str, options: dict[str, bool]
) -> None:
    content = (trained / "checkpoint_final.pth").read_bytes()
    for file in trained.glob("*.pth"):
        file.unlink()
    (trained / name).write_bytes(content)
    with pytest.raises(StopTraining, match=rf"{name} was not loaded, because .*makedirs.* {TRUST}=1") as stop:
        run(TRAINED, **options)
    assert "\n" not in str(stop.value.code)
    assert not evil.exists()


def test_who_trusts_a_checkpoint_resumes_from_it(run: Run, evil: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRUST, "1")
    run(TRAINED, continue_training=True)
    assert evil.exists()


@pytest.mark.parametrize(("name", "seeded"), [("DiceTrainer", False), ("DiceTrainer_seed3", True)])
def test_transforms_of_a_seeded_training_alone_are_made_repeatable(
    name: str, seeded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    monkeypatch.setattr(reproducible, "make_reproducible", made.append)
    make_trainer(name).get_training_transforms((8, 8, 8), (0.5, 0.5), None, (0, 1, 2), True)
    assert len(made) == seeded


@pytest.mark.parametrize(("epochs", "every"), [(1, 1), (19, 1), (45, 4), (89, 8), (2000, 10)])
def test_a_checkpoint_is_saved_at_each_tenth_of_a_short_training(
    make: Callable[..., LossTrainer], epochs: int, every: int
) -> None:
    assert make(f"DiceTrainer_{epochs}epochs").save_every == every
