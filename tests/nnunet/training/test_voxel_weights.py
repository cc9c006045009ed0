"""Voxel weights of a user's own: a trainer in a folder of the user's, which nnU-Net finds before ours."""

import json
import linecache
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunet_losses.nnunet.start_up import VARIABLE
from nnunet_losses.nnunet.training.errors import StopTraining
from nnunet_losses.nnunet.training.trainer import LossTrainer, make_trainer
from nnunet_losses.nnunet.training.weight_maps import CasesWithWeights, prepare_weight_maps

from ..steps import begin, validate

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "voxel-weights.md"


def example() -> str:
    """The code of the how-to page: its two trainers."""
    return "".join(block.split("```")[0] for block in PAGE.read_text().split("```python\n")[1:3])


@pytest.fixture
def own_trainer(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's trainer where the page says to put it."""
    folder = tmp_path / "my_trainers"
    folder.mkdir()
    (folder / "border_trainer.py").write_text(example())
    monkeypatch.setenv(VARIABLE, os.pathsep.join([str(folder), os.environ[VARIABLE]]))
    return folder / "border_trainer.py"


@pytest.mark.slow
@pytest.mark.usefixtures("own_trainer")
@pytest.mark.parametrize(
    ("dataset", "configuration"),
    [("Dataset901_Labels", "3d_deep"), ("Dataset903_RegionsIgnore", "2d_tiny"), ("Dataset904_Ignore", "3d_tiny")],
)
def test_the_example_of_the_page_trains_and_validates(
    make: Callable[..., LossTrainer], dataset: str, configuration: str
) -> None:
    trainer = make("BorderTrainer", dataset, configuration)
    assert (trainer.num_epochs, type(trainer).__name__) == (200, "BorderTrainer")
    begin(trainer)
    assert np.isfinite(trainer.train_step(next(trainer.dataloader_train))["loss"])
    batch = next(trainer.dataloader_val)
    validated = validate(trainer, batch)
    assert validated["tp_hard"].shape == (2,)
    # without the weights, the same network has another loss
    trainer.adapter.voxel_weight = None
    assert float(validate(trainer, batch)["loss"]) != float(validated["loss"])


def test_other_weights_under_the_same_name_are_another_experiment(own_trainer: Path, run: Callable[..., Path]) -> None:
    text = own_trainer.read_text().replace("_200epochs", "_1epochs_1iters")
    own_trainer.write_text(text)
    folder = run("BorderTrainer")
    assert "def voxel_weight" in (folder / "experiment.json").read_text()
    run("BorderTrainer", continue_training=True)
    assert "1 + 4 *" in text
    own_trainer.write_text(text.replace("1 + 4 *", "1 + 5 *"))
    linecache.checkcache()
    with pytest.raises(StopTraining, match=r"trainer\.voxel_weight was"):
        run("BorderTrainer", continue_training=True)


# --- stored maps


@pytest.fixture
def maps(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_trainer: Path) -> Path:
    """A weight map for each case of the raw data, 1 + 2 × label; the trainer of the page reads it."""
    raw, preprocessed = tmp_path / "raw", tmp_path / "own_preprocessed"
    for dataset in ("Dataset901_Labels", "Dataset903_RegionsIgnore"):
        shutil.copytree(world / "raw" / dataset, raw / dataset)
        shutil.copytree(world / "preprocessed" / dataset, preprocessed / dataset)
        (raw / dataset / "weightsTr").mkdir()
        for file in (raw / dataset / "labelsTr").iterdir():
            label = nib.load(file)
            weight = 1 + 2 * np.asarray(label.dataobj, np.float32)
            nib.save(nib.Nifti1Image(weight, label.affine), raw / dataset / "weightsTr" / file.name)
    monkeypatch.setenv("nnUNet_raw", str(raw))
    monkeypatch.setenv("nnUNet_preprocessed", str(preprocessed))
    own_trainer.write_text(own_trainer.read_text().replace('_200epochs"', '_iw_1epochs_1iters_seed1"'))
    return raw / "Dataset901_Labels" / "weightsTr"


def batches(trainer: LossTrainer) -> list[dict[str, Any]]:
    begin(trainer)
    return [next(trainer.dataloader_train), next(trainer.dataloader_val)]


@pytest.mark.usefixtures("maps")
@pytest.mark.parametrize(
    ("dataset", "configuration"),
    [("Dataset901_Labels", "3d_deep"), ("Dataset901_Labels", "2d_tiny"), ("Dataset903_RegionsIgnore", "3d_tiny")],
)
def test_stored_maps_move_with_the_patch_and_change_nothing_else(
    make: Callable[..., LossTrainer], dataset: str, configuration: str
) -> None:
    plain_trainer = make("DiceCrossEntropyTrainer_iw_1epochs_1iters_seed1", dataset, configuration)
    plain, weighted = batches(plain_trainer), batches(trainer := make("StoredTrainer", dataset, configuration))
    layout = trainer.adapter.target_format
    for one, other in zip(plain, weighted, strict=True):
        assert torch.equal(one["data"], other["data"])
        for reference, target in zip(one["target"], other["target"], strict=True):
            assert torch.equal(reference, target[:, :-1].to(reference.dtype))
            weights = layout.stored_weight(target)
            if layout.regions:
                label = reference[:, :1] + reference[:, 1:2] + 3 * reference[:, 2:3]
            else:
                label = reference[:, :1]
            near = (weights - (1 + 2 * label)).abs() < 1.01  # interpolated at the borders, where a label is chosen
            assert near.float().mean() > 0.95
            assert len(weights.unique()) > 1
    assert torch.equal(
        layout.without_additions(weighted[1]["target"][0]),
        plain_trainer.adapter.target_format.without_additions(plain[1]["target"][0]),
    )
    losses = []
    for each, (train, val) in ((plain_trainer, plain), (trainer, weighted)):
        losses.append(validate(each, val))
        assert np.isfinite(each.train_step(train)["loss"])
    for key in ("tp_hard", "fp_hard", "fn_hard"):
        np.testing.assert_array_equal(losses[0][key], losses[1][key])
    assert float(losses[0]["loss"]) != float(losses[1]["loss"])


def test_stored_maps_move_with_the_slices_of_a_flat_patch() -> None:
    # nnU-Net augments patches with few slices slice by slice
    parent = make_trainer("DiceTrainer_iw")
    stored = type("Stored", (parent,), {"voxel_weight_folder": "weightsTr"})
    angle = (0.5, 0.5)
    generator = torch.Generator().manual_seed(0)
    labels = torch.zeros(1, 4, 24, 24, dtype=torch.int16)
    labels[:, 1:3, 6:16, 9:20] = 1
    image = torch.cat((torch.randn(1, 4, 24, 24, generator=generator), 2.0 * labels))
    pipeline = stored.get_training_transforms((4, 16, 16), angle, [[1, 1, 1], [1, 0.5, 0.5]], (0, 1, 2), True)
    [spatial] = [t for t in pipeline.transforms if type(t).__name__ == "SpatialTransform"]
    spatial.p_rotation = 1
    result = pipeline(image=image, segmentation=labels)
    assert result["image"].shape == (1, 4, 16, 16)
    assert [level.shape for level in result["segmentation"]] == [(3, 4, 16, 16), (3, 4, 8, 8)]
    for label, ids, weight in result["segmentation"]:
        assert torch.equal(ids > 0, label > 0)
        assert torch.equal(weight > 2, label > 0)  # 1 + 2 × 0 outside, 1 + 2 × 1 inside


@pytest.mark.slow
def test_changed_maps_are_another_experiment_and_missing_or_wrong_ones_end_it(
    maps: Path, run: Callable[..., Path]
) -> None:
    folder = run("StoredTrainer")
    assert "voxel_weight_maps" in (folder / "experiment.json").read_text()
    one = nib.load(maps / "case_0.nii.gz")
    weights = np.asarray(one.dataobj)

    def write(values: np.ndarray) -> None:
        nib.save(nib.Nifti1Image(values, one.affine), maps / "case_0.nii.gz")

    write(weights / 2)
    with pytest.raises(StopTraining, match="voxel_weight_maps was"):
        run("StoredTrainer", continue_training=True)
    shutil.rmtree(folder)
    run("StoredTrainer")
    [prepared] = (maps.parents[2] / "own_preprocessed" / "Dataset901_Labels").glob("*_weightsTr")
    np.testing.assert_array_equal(np.load(prepared / "case_0.npy")[0], weights.T / 2)
    for wrong, complaint in (
        (weights[1:], r"case_0\.nii\.gz has shape \(24, 24, 23\) where the image of case_0 has \(24, 24, 24\)"),
        (-weights, r"case_0\.nii\.gz holds weights that are negative or not finite"),
    ):
        write(wrong)
        shutil.rmtree(folder)
        with pytest.raises(StopTraining, match=complaint):
            run("StoredTrainer")
    (maps / "case_0.nii.gz").unlink()
    with pytest.raises(StopTraining, match=r"no weight map .*case_0\.nii\.gz \(1 of 4 cases have none\)"):
        run("StoredTrainer", results="other")


def test_maps_follow_the_image_through_preprocessing(own_world: Path, tmp_path: Path) -> None:
    plans = json.loads((own_world / "nnUNetPlans.json").read_text())
    plans |= {"transpose_forward": [2, 0, 1], "transpose_backward": [1, 2, 0]}
    plans["configurations"]["3d_coarse"] = {"inherits_from": "3d_tiny", "spacing": [1.0, 2.0, 1.0]}
    manager = PlansManager(plans)
    dataset_json = json.loads((own_world / "dataset.json").read_text())
    image = np.zeros((20, 22, 24), np.float32)
    ramp = np.add.outer(np.add.outer(np.arange(20.0), 2 * np.arange(22.0)), 4 * np.arange(24.0)).astype(np.float32)
    image[3:17, 4:20, 2:20] = 1 + ramp[3:17, 4:20, 2:20]  # nnU-Net crops to what is not 0
    files = {name: tmp_path / f"{name}.nii.gz" for name in ("image", "label", "map")}
    nib.save(nib.Nifti1Image(image, np.eye(4)), files["image"])
    nib.save(nib.Nifti1Image((image > 50).astype(np.uint8), np.eye(4)), files["label"])
    nib.save(nib.Nifti1Image(1 + ramp, np.eye(4)), files["map"])
    for name in ("3d_tiny", "3d_coarse"):
        configuration, folder = manager.get_configuration(name), tmp_path / name
        folder.mkdir()
        DefaultPreprocessor(verbose=False).run_case_save(
            str(folder / "case"), [str(files["image"])], str(files["label"]), manager, configuration, dataset_json
        )
        dataset = nnUNetDatasetBlosc2(str(folder), ["case"])
        prepare_weight_maps({"case": files["map"]}, tmp_path / f"{name}_maps", dataset, manager, configuration)
        expected, _, _, _ = dataset.load_case("case")
        prepared = np.load(tmp_path / f"{name}_maps" / "case.npy")
        assert prepared.shape == expected.shape
        inner = (slice(None), *[slice(2, -2)] * 3)  # a spline differs from linear interpolation at the edges
        both = CasesWithWeights(dataset, tmp_path / f"{name}_maps").load_case("case")[0]
        assert both.shape == (2, *expected.shape[1:])
        np.testing.assert_array_equal(both[:, 2:5, 1:3, :4][1], prepared[0, 2:5, 1:3, :4] - 1)
        assert np.corrcoef(prepared[inner].ravel(), expected[:][inner].ravel())[0, 1] > 0.9999
