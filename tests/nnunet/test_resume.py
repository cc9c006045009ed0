"""Seeds, interruptions, and the guard against mixing two experiments in one folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from nnunet_losses.nnunet.training.stop import StopTraining
from nnunet_losses.nnunet.training.trainer import LossTrainer

NAME = "TverskyTrainer_iw_4epochs_3iters_seed7"
Run = Callable[..., Path]


def weights(folder: Path, name: str = "checkpoint_final.pth") -> dict[str, torch.Tensor]:
    checkpoint = torch.load(folder / name, weights_only=False)
    return dict(checkpoint["network_weights"])


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def interrupt_in_epoch(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    step = LossTrainer.train_step

    def interrupted(self: LossTrainer, batch: dict[str, Any]) -> dict[str, Any]:
        if self.current_epoch == epoch and self._steps == 1:
            raise KeyboardInterrupt
        return step(self, batch)

    monkeypatch.setattr(LossTrainer, "train_step", interrupted)


def test_the_same_seed_gives_the_same_weights_and_another_does_not(run: Run) -> None:
    once, again = weights(run(NAME, results="one")), weights(run(NAME, results="two"))
    assert same(once, again)
    assert not same(once, weights(run(NAME.replace("seed7", "seed8"))))


@pytest.mark.parametrize("epoch", [1, 3])
def test_an_interrupted_training_ends_as_if_it_had_not_been(
    run: Run, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    whole = run(NAME, results="whole")
    with monkeypatch.context() as patch:
        interrupt_in_epoch(patch, epoch)
        with pytest.raises(KeyboardInterrupt):
            run(NAME, results="broken")
    broken = run(NAME, results="broken", continue_training=True)
    assert same(weights(broken), weights(whole))
    log = torch.load(broken / "checkpoint_final.pth", weights_only=False)["logging"]
    assert len(log["train_losses"]) == 4
    assert (
        log["train_losses"] == torch.load(whole / "checkpoint_final.pth", weights_only=False)["logging"]["train_losses"]
    )


def test_a_finished_training_leaves_its_cost_and_outcome(run: Run) -> None:
    folder = run("DiceTrainer_2epochs_2iters")
    job = json.loads((folder / "jobs.json").read_text())
    assert job["status"] in ("completed", "collapsed")
    assert job["epochs"] == 2
    assert 0 < job["seconds"] < 60
    assert 50 < job["peak_memory_mb"] < 50_000
    assert job["device"] == "cpu"
    assert job["hardware"]
    assert (folder / "progress.png").is_file()
    assert torch.__version__.startswith(job["versions"]["torch"])
    assert [path.name for path in folder.glob(".*")] == [".lock"]  # nothing half written


def test_a_network_that_finds_nothing_is_recorded_as_collapsed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    validation_step = LossTrainer.validation_step

    def nothing_found(self: LossTrainer, batch: dict[str, Any]) -> dict[str, Any]:
        result = validation_step(self, batch)
        return result | {"tp_hard": 0 * result["tp_hard"], "fn_hard": 1 + result["fn_hard"]}

    monkeypatch.setattr(LossTrainer, "validation_step", nothing_found)
    folder = run("DiceTrainer_2epochs_1iters")
    assert json.loads((folder / "jobs.json").read_text())["status"] == "collapsed"


def test_continuing_after_the_end_changes_nothing_of_the_record(run: Run) -> None:
    name = "DiceTrainer_1epochs_1iters"
    folder = run(name)
    trained, record = weights(folder), (folder / "jobs.json").read_text()
    run(name, continue_training=True)
    run(name, only_run_validation=True)
    assert same(weights(folder), trained)
    assert (folder / "jobs.json").read_text() == record


def test_the_record_of_the_experiment_names_what_the_result_depends_on(run: Run) -> None:
    recorded = json.loads((run("TverskyTrainer_fp0.1_iw_1epochs_1iters_seed5") / "experiment.json").read_text())
    assert recorded["begun_with"]["nnunetv2"]
    experiment = recorded["experiment"]
    assert "fp_weight=0.1" in experiment["trainer"]["loss"]
    assert experiment["trainer"]["weighting"] == "iw"
    assert experiment["trainer"]["seed"] == 5
    assert experiment["configuration"]["patch_size"] == [16, 16, 16]
    assert experiment["dataset"]["labels"] == {"background": 0, "large": 1, "small": 2}
    assert experiment["split"]["val"] == ["case_4", "case_5"]


def test_other_splits_are_another_experiment(run: Run, own_world: Path) -> None:
    name = "DiceTrainer_1epochs_1iters"
    run(name)
    splits = json.loads((own_world / "splits_final.json").read_text())
    (own_world / "splits_final.json").write_text(json.dumps(splits[::-1]))
    for options in ({"continue_training": True}, {"only_run_validation": True}, {}):
        with pytest.raises(StopTraining, match=r"split\.train was .*case_0.* and is now .*rename or remove") as stop:
            run(name, **options)
        assert "\n" not in str(stop.value.code)


def test_other_plans_are_another_experiment_even_before_the_first_checkpoint(
    run: Run, own_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_in_epoch(patch, 0)
        with pytest.raises(KeyboardInterrupt):
            run("DiceTrainer_2epochs_2iters")
    plans = json.loads((own_world / "nnUNetPlans.json").read_text())
    plans["configurations"]["3d_tiny"]["batch_size"] = 3
    (own_world / "nnUNetPlans.json").write_text(json.dumps(plans))
    with pytest.raises(StopTraining, match=r"configuration\.batch_size was 2 and is now 3; rename or remove"):
        run("DiceTrainer_2epochs_2iters", continue_training=True)


def test_a_loss_whose_defaults_changed_is_another_experiment(run: Run) -> None:
    name = "TverskyTrainer_1epochs_1iters"
    file = run(name) / "experiment.json"
    file.write_text(file.read_text().replace("fn_weight=0.7", "fn_weight=0.5"))
    with pytest.raises(StopTraining, match=r"trainer\.loss was .*fn_weight=0\.5.* and is now .*fn_weight=0\.7"):
        run(name, continue_training=True)


def test_a_truncated_checkpoint_is_named_and_another_one_is_taken_when_it_is_gone(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_in_epoch(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            run(NAME)
    [latest] = tmp_path.rglob("checkpoint_latest.pth")
    latest.write_bytes(latest.read_bytes()[:1000])
    with pytest.raises(StopTraining, match=r"checkpoint_latest\.pth is damaged .* remove it"):
        run(NAME, continue_training=True)
    latest.unlink()
    assert (run(NAME, continue_training=True) / "checkpoint_final.pth").is_file()


def test_a_checkpoint_is_written_whole_or_not_at_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run("DiceTrainer_1epochs_1iters")
    before = weights(folder)

    def disk_full(_: object, file: str) -> None:
        Path(file).write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", disk_full)
    with pytest.raises(OSError, match="No space"):
        run("DiceTrainer_1epochs_1iters")
    assert same(weights(folder), before)
    assert not list(folder.glob(".*.pth"))
