"""Changes of nnU-Net's recipe, in trainings of a few steps."""

import json
import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nnunet_losses.nnunet.names.changes import CHANGES
from nnunet_losses.nnunet.training.changes import choices_of, trainer_of
from nnunet_losses.nnunet.training.changes.parts import epochs_since_best, rate_on_plateau
from nnunet_losses.nnunet.training.errors import StopTraining
from nnunet_losses.nnunet.training.fusion import FusionPredictor
from nnunet_losses.nnunet.training.lesion_patches import find_lesions, prepare_lesions
from nnunet_losses.nnunet.training.trainer import LossTrainer, make_trainer

from ...steps import begin, step_of_each

pytestmark = pytest.mark.usefixtures("world")
Make = Callable[..., LossTrainer]
Run = Callable[..., Path]
RECIPES = [change.word for change in CHANGES.values() if change.kind == "recipe"]
NETWORKS = {"autonet": "AutoNet", "densenet": "FCDenseNet", "fpnresunet": "PyramidResUNet"}


@pytest.mark.parametrize("word", CHANGES)
def test_every_change_has_a_trainer_and_a_table_of_its_choices(word: str) -> None:
    assert issubclass(make_trainer(f"DiceTrainer_{word}"), trainer_of(word))
    choices = choices_of(word)
    assert all(choice.what and choice.value and choice.source for choice in choices)
    if CHANGES[word].kind == "recipe":
        told = {choice.what for choice in choices}
        assert told >= {"network", "optimiser", "schedule", "length", "augmentation", "batch size", "threshold"}
        assert told & {"inference", "fusion"}


@pytest.mark.parametrize("word", [*NETWORKS, *RECIPES])
def test_every_network_and_recipe_trains_a_step_without_deep_supervision(make: Make, word: str) -> None:
    trainer = make(f"TverskyTrainer_{word}_seed1")
    trained, validated = step_of_each(trainer)
    assert 0 < trained["loss"] < 1
    assert 0 < validated["loss"] < 1
    batch = next(trainer.dataloader_train)
    assert batch["data"].shape == (2, 1, 16, 16, 16)
    assert batch["target"].shape == (2, 1, 16, 16, 16)  # one resolution
    if word in NETWORKS:
        assert type(trainer.network).__name__ == NETWORKS[word]


@pytest.mark.parametrize("name", ["TverskyTrainer_bfloat16_seed1", "TverskyTrainer_iw_bfloat16_densenet_seed1"])
def test_bfloat16_is_for_the_network_alone(make: Make, name: str) -> None:
    trainer = make(name)
    trained, validated = step_of_each(trainer)
    exact, _ = step_of_each(make(name.replace("_bfloat16", "")))
    assert trained["loss"] == pytest.approx(exact["loss"], rel=0.02)
    assert trained["loss"] != exact["loss"]
    assert 0 < validated["loss"] < 1
    seen: set[torch.dtype] = set()
    convolution = next(module for module in trainer.network.modules() if isinstance(module, torch.nn.Conv3d))
    convolution.register_forward_hook(lambda _, __, output: seen.add(output.dtype))
    output = trainer.network(next(trainer.dataloader_train)["data"])
    assert seen == {torch.bfloat16}
    assert {level.dtype for level in (output if isinstance(output, list) else [output])} == {torch.float32}
    assert {parameter.dtype for parameter in trainer.network.parameters()} == {torch.float32}
    assert trainer.describe_changes()["precision"] == "bfloat16"
    plain = make(name.replace("_bfloat16", ""))
    plain.initialize()
    assert list(plain.network.state_dict()) == list(trainer.network.state_dict())


@pytest.mark.parametrize("has_instructions", [True, False])
def test_bfloat16_warns_on_a_processor_that_emulates_it(
    make: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], has_instructions: bool
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_instructions)
    make("DiceTrainer_bfloat16").initialize()
    assert ("no instructions for bfloat16" in capsys.readouterr().out) != has_instructions


@pytest.mark.parametrize("word", NETWORKS)
def test_every_network_trains_in_2d(make: Make, word: str) -> None:
    trained, _ = step_of_each(make(f"DiceTrainer_{word}", configuration="2d_tiny"))
    assert 0 < trained["loss"] < 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("TverskyTrainer_bspline_1epochs_1iters", "Dataset901_Labels"),
        ("TverskyTrainer_iw_shirokikh2020_1epochs_1iters", "Dataset904_Ignore"),
        ("TverskyTrainer_salehi2017_1epochs_1iters", "Dataset902_Regions"),
    ],
)
def test_a_training_with_changes_ends_in_predictions(
    run: Run, name: str, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows: list[tuple[int, ...]] = []
    predict = FusionPredictor._internal_maybe_mirror_and_predict

    def watched(self: FusionPredictor, x: torch.Tensor) -> torch.Tensor:
        windows.append(tuple(x.shape[2:]))
        return predict(self, x)

    monkeypatch.setattr(FusionPredictor, "_internal_maybe_mirror_and_predict", watched)
    folder = run(name, dataset, validate=True, export_validation_probabilities=True)
    probabilities = np.load(folder / "validation" / "case_4.npz")["probabilities"]
    assert probabilities.shape[1:] == (24, 24, 24)
    assert np.isfinite(probabilities).all()
    whole = {(24, 24, 24)}  # two cases, each in one window
    assert (len(windows) == 2 * 8 and set(windows) == {(16, 16, 16)}) if "bspline" in name else set(windows) == whole
    recorded = json.loads((folder / "experiment.json").read_text())["experiment"]["trainer"]["changes"]
    assert "fusion" in recorded
    assert ("network" in recorded) == ("2017" in name or "2020" in name)


def test_the_record_of_a_training_without_changes_says_nothing_of_them(make: Make) -> None:
    trainer = begin(make("DiceTrainer"))
    assert "changes" not in trainer.describe_experiment()["trainer"]


def test_regions_are_refused_by_the_network_that_implies_the_background(make: Make) -> None:
    with pytest.raises(StopTraining, match="needs labels that exclude each other, or a single region, not 2 regions"):
        make("DiceTrainer_fpnresunet", "Dataset902_Regions").initialize()


# --- patches by lesion


def test_every_lesion_is_drawn_equally_often_and_half_of_the_patches_are_on_one(make: Make) -> None:
    trainer = begin(make("DiceTrainer_lesionsampling_seed1"))
    loader = trainer.dataloader_train.data_loader
    cases, counts = loader._data, {}
    for case in trainer.do_split()[0]:
        *_, properties = cases.load_case(case)
        counts[case] = len(properties["class_locations"])
        segmentation = trainer.dataset_class(trainer.preprocessed_dataset_folder, [case]).load_case(case)[1][:][0]
        for voxels in properties["class_locations"].values():  # each of one label, as nnU-Net stores places
            assert voxels[:, 0].tolist() == [0] * len(voxels)
            assert len(set(segmentation[tuple(voxels[:, 1:].T)].tolist()) - {0}) == 1
    drawn = Counter(case for _ in range(1000) for case in loader.get_indices())
    total = sum(counts.values())
    for case, lesions in counts.items():
        assert drawn[case] / 2000 == pytest.approx(lesions / total, abs=0.05)
    assert np.mean([loader.get_do_oversample(0) for _ in range(1000)]) == pytest.approx(0.5, abs=0.05)
    assert type(trainer.dataloader_val.data_loader._data) is trainer.dataset_class


def test_a_lesion_of_one_voxel_is_a_centre_as_often_as_a_large_one(make: Make) -> None:
    trainer = make("DiceTrainer_lesionsampling")
    segmentation = np.zeros((40, 40, 40), np.int16)
    segmentation[2:32, 2:32, 2:32] = 1
    segmentation[35, 35, 35] = 2
    segmentation[38:, 38:, 38:] = -1
    large, small = find_lesions(segmentation, trainer.label_manager, seed=0)
    assert len(large) == 10_000  # of 27,000
    assert len(np.unique(large, axis=0)) == 10_000
    assert small.tolist() == [[35, 35, 35]]


def test_lesions_of_regions_are_counted_in_each_region_and_ignored_voxels_are_none(make: Make) -> None:
    trainer = make("DiceTrainer_lesionsampling", "Dataset903_RegionsIgnore")
    segmentation = np.zeros((9, 9, 9), np.int16)
    segmentation[1:4, 1:4, 1:4] = 1
    segmentation[2, 2, 2] = 2
    segmentation[6:, 6:, 6:] = 3
    assert [len(lesion) for lesion in find_lesions(segmentation, trainer.label_manager, seed=0)] == [27, 1]


def test_patches_by_lesion_are_drawn_where_voxels_are_ignored_too(make: Make) -> None:
    trainer = begin(make("DiceTrainer_lesionsampling", "Dataset904_Ignore"))
    loader = pickle.loads(pickle.dumps(trainer.dataloader_train.data_loader))  # as worker processes get it
    assert next(loader)["target"][0].shape[1] == 1


def test_data_without_a_lesion_are_refused_and_lesions_are_stored_once(make: Make, tmp_path: Path) -> None:
    trainer = make("DiceTrainer_lesionsampling")
    trainer.do_split()
    dataset: Any = trainer.dataset_class(trainer.preprocessed_dataset_folder, ["case_0", "case_1"])
    counts = prepare_lesions(tmp_path, dataset, trainer.label_manager)
    first = (tmp_path / "case_0.npz").stat().st_mtime_ns
    assert prepare_lesions(tmp_path, dataset, trainer.label_manager) == counts
    assert (tmp_path / "case_0.npz").stat().st_mtime_ns == first
    for case in counts:
        np.savez(tmp_path / f"{case}.npz", sizes=np.zeros(0, int), voxels=np.zeros((0, 3), np.uint16))
    with pytest.raises(StopTraining, match="None of the 2 training cases has a lesion"):
        prepare_lesions(tmp_path, dataset, trainer.label_manager)


# --- schedules and lengths


@pytest.mark.parametrize(
    ("word", "epoch", "rate"),
    [
        ("salehi2017", 124, 1e-4),
        ("salehi2017", 125, 0.9e-4),  # 1000 steps of 8 an epoch
        ("salehi2017", 999, 1e-4 * 0.9**7),
        ("hashemi2018", 10, 0.9e-4),
        ("shirokikh2020", 79, 1e-2),
        ("shirokikh2020", 80, 1e-3),
        ("ma2021", 0, 3e-4),
    ],
)
def test_a_recipe_has_the_learning_rate_of_its_paper(make: Make, word: str, epoch: int, rate: float) -> None:
    trainer = make(f"DiceTrainer_{word}")
    trainer.initialize()
    trainer.lr_scheduler.step(epoch)
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(rate)
    assert (trainer.num_epochs, trainer.num_iterations_per_epoch) == trainer.name.length


def test_a_plateau_lowers_the_rate_and_is_found_again_after_a_resumption() -> None:
    values = [1.0, 0.5, *[0.5] * 40]
    settings = {"factor": 0.2, "patience": 30, "threshold": 1e-3, "threshold_mode": "abs"}
    rates = [rate_on_plateau(3e-4, values, epoch, **settings) for epoch in range(len(values))]
    assert rates[32] == pytest.approx(3e-4)
    assert rates[33] == pytest.approx(6e-5)  # after 31 epochs that are no better than epoch 1
    assert rate_on_plateau(1e-4, [1.0] * 100, 100, 1e-5, factor=0.1, patience=19) == pytest.approx(1e-5)


def test_epochs_since_the_best_one_are_counted() -> None:
    assert epochs_since_best([], 0) == 0
    assert epochs_since_best([3, 2, 1], 0) == 0
    assert epochs_since_best([3, 1, 2, 1], 0) == 2
    assert epochs_since_best([3, 2.9, 2.8], 1) == 2


def test_a_training_that_stalls_ends_with_its_final_checkpoint_and_stays_ended(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_of("ma2021"), "patience", 2)
    monkeypatch.setattr(trainer_of("ma2021"), "watched", lambda self: [1.0] * len(self._logged("train_losses")))
    folder = run("DiceTrainer_ma2021_9epochs_1iters")
    final = folder / "checkpoint_final.pth"
    assert torch.load(final, weights_only=False)["current_epoch"] == 3
    assert json.loads((folder / "jobs.json").read_text())["epochs"] == 3
    run("DiceTrainer_ma2021_9epochs_1iters", continue_training=True)
    assert torch.load(final, weights_only=False)["current_epoch"] == 3
