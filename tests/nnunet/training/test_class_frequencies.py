"""How often each class occurs in the training cases of a fold."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

from nnunet_losses.nnunet.training import class_frequencies as module
from nnunet_losses.nnunet.training.errors import StopTraining
from nnunet_losses.nnunet.training.trainer import LossTrainer

pytestmark = pytest.mark.usefixtures("world")
Make = Callable[..., LossTrainer]
Run = Callable[..., Path]


def voxels_of(world: Path, dataset: str, cases: list[int]) -> np.ndarray:
    folder = world / "raw" / dataset / "labelsTr"
    return np.concatenate([np.asarray(nib.load(folder / f"case_{case}.nii.gz").dataobj).reshape(-1) for case in cases])


def frequencies(trainer: LossTrainer) -> np.ndarray:
    trainer.initialize()
    assert trainer.adapter.class_frequencies is not None
    return trainer.adapter.class_frequencies.numpy()


@pytest.mark.parametrize(("fold", "cases"), [(0, [0, 1, 2, 3]), (1, [2, 3, 4, 5]), ("all", range(6))])
def test_the_frequencies_are_those_of_the_training_cases_of_the_fold(
    make: Make, world: Path, fold: int | str, cases: list[int]
) -> None:
    voxels = voxels_of(world, "Dataset901_Labels", list(cases))
    expected = [(voxels == label).mean() for label in (0, 1, 2)]
    got = frequencies(make("WeightedCrossEntropyTrainer", fold=fold))
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_ignored_voxels_are_not_counted_and_regions_overlap(make: Make, world: Path) -> None:
    for dataset, classes in (
        ("Dataset904_Ignore", [[0], [1], [2]]),
        ("Dataset902_Regions", [[1, 2], [2]]),
        ("Dataset903_RegionsIgnore", [[1, 2], [2]]),
    ):
        voxels = voxels_of(world, dataset, [0, 1, 2, 3])
        voxels = voxels[voxels != 3]
        expected = [np.isin(voxels, labels).mean() for labels in classes]
        np.testing.assert_allclose(frequencies(make("WeightedCrossEntropyTrainer", dataset)), expected, rtol=1e-6)


def test_what_was_cropped_away_is_background(own_world: Path, make: Make) -> None:
    folder = (
        own_world
        / json.loads((own_world / "nnUNetPlans.json").read_text())["configurations"]["3d_tiny"]["data_identifier"]
    )
    counts = np.zeros(3)
    for case in range(4):
        _, seg, _, _ = nnUNetDatasetBlosc2(str(folder)).load_case(f"case_{case}")
        values = np.asarray(seg[:])
        values[:, :2] = -1
        counts += np.bincount(np.maximum(values, 0).reshape(-1), minlength=3)
        (folder / f"case_{case}_seg.b2nd").unlink()
        nnUNetDatasetBlosc2.save_seg(values, str(folder / f"case_{case}_seg"))
    np.testing.assert_allclose(frequencies(make("WeightedCrossEntropyTrainer")), counts / counts.sum(), rtol=1e-6)


def test_they_are_counted_once_and_again_if_the_record_is_damaged_or_old(
    make: Make, own_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []
    count = module.count_labels
    monkeypatch.setattr(module, "count_labels", lambda dataset: counted.append(1) or count(dataset))
    expected = frequencies(make("WeightedCrossEntropyTrainer"))
    np.testing.assert_array_equal(frequencies(make("WeightedCrossEntropyTrainer_5epochs")), expected)
    assert len(counted) == 1
    [cache] = own_world.glob("class_counts_*.json")
    assert json.loads(cache.read_text())["cases"] == [f"case_{n}" for n in range(4)]
    frequencies(make("WeightedCrossEntropyTrainer", configuration="3d_before"))
    frequencies(make("WeightedCrossEntropyTrainer", fold=1))
    assert len(list(own_world.glob("class_counts_*.json"))) == len(counted) == 3
    for n, damaged in enumerate(
        (
            '{"cas',
            "[]",
            '{"cases": [], "voxels": {}}',
            cache.read_text().replace("case_1", "x"),
            cache.read_text().replace("case_1", "a"),
        )
    ):
        cache.write_text(damaged)
        np.testing.assert_array_equal(frequencies(make("WeightedCrossEntropyTrainer")), expected)
        assert len(counted) == 4 + n
    # preprocessed anew after the count
    os.utime(cache, (0, 0))
    np.testing.assert_array_equal(frequencies(make("WeightedCrossEntropyTrainer")), expected)
    assert len(counted) == 9


def test_a_folder_that_may_not_be_written_is_counted_each_time(
    make: Make, own_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object) -> None:
        raise PermissionError("Read-only file system")

    monkeypatch.setattr("nnunet_losses.nnunet.training.class_frequencies.write_json", read_only)
    assert frequencies(make("WeightedCrossEntropyTrainer")).sum() == pytest.approx(1)
    assert not list(own_world.glob("class_counts_*.json"))


def test_they_are_logged_and_part_of_the_experiment(run: Run, own_world: Path) -> None:
    name = "WeightedCrossEntropyTrainer_1epochs_1iters"
    folder = run(name)
    [log] = folder.glob("training_log_*.txt")
    assert log.read_text().count("Class frequencies: background 0.9") == 1
    recorded = json.loads((folder / "experiment.json").read_text())["experiment"]["trainer"]
    assert recorded["class_frequencies"].keys() == {"background", "large", "small"}
    assert (
        "class_frequencies"
        not in json.loads((run("DiceTrainer_1epochs_1iters") / "experiment.json").read_text())["experiment"]["trainer"]
    )
    (own_world / "class_frequencies.json").write_text('{"background": 0.5, "large": 0.25, "small": 0.25}')
    with pytest.raises(StopTraining, match=r"class_frequencies\.background was 0\.9.* and is now 0\.5"):
        run(name, continue_training=True)


def test_the_users_own_frequencies_win(make: Make, own_world: Path) -> None:
    # names in any order: channels follow the label values
    (own_world / "class_frequencies.json").write_text('{"small": 0.25, "background": 0.625, "large": 0.125}')
    trainer = make("WeightedCrossEntropyTrainer")
    np.testing.assert_array_equal(frequencies(trainer), np.float32([0.625, 0.125, 0.25]))
    assert "(from class_frequencies.json)" in Path(trainer.log_file).read_text()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", r"is not JSON .* write something like \{\"background\": 0.333, .* or remove it"),
        ("[0.5, 0.5]", "must name each class .* but names none"),
        ('{"background": 1, "large": 0}', "must name each class .* but names background, large"),
        ('{"background": 1, "large": 0, "small": 0, "ignore": 0}', "must name each class .* small, ignore"),
        (
            '{"background": 0.9, "large": 0.1, "small": -0.1}',
            "the share of small must be a number from 0 to 1, got -0.1",
        ),
        ('{"background": 0.9, "large": 0.1, "small": NaN}', "the share of small must be a number from 0 to 1, got NaN"),
        ('{"background": 0.9, "large": 0.1, "small": "1"}', "the share of small must be a number"),
        ('{"background": 0.9, "large": 0.1, "small": true}', "the share of small must be a number"),
        ('{"background": 0.9, "large": 0.1, "small": 0.1}', "must sum to 1, .* but sum to 1.1"),
    ],
)
def test_wrong_frequencies_are_refused_in_one_sentence(make: Make, own_world: Path, text: str, complaint: str) -> None:
    (own_world / "class_frequencies.json").write_text(text)
    with pytest.raises(StopTraining, match=complaint) as stop:
        make("WeightedCrossEntropyTrainer").initialize()
    assert "class_frequencies.json" in str(stop.value.code)
    assert "\n" not in str(stop.value.code)
