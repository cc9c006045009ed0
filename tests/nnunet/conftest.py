"""A tiny world for nnU-Net: synthetic data sets, planned and preprocessed, and trainings of a few steps."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from nnunetv2.run.run_training import get_trainer_from_args, run_training
from nnunetv2.training.logging.nnunet_logger import MetaLogger
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

from nnunet_losses.nnunet.preparation.folders import fold_folder
from nnunet_losses.nnunet.preparation.plans import add_configuration
from nnunet_losses.nnunet.start_up import VARIABLE, door_folder
from nnunet_losses.nnunet.training.lookup import find_trainer
from nnunet_losses.nnunet.training.pools import OneThreadPool
from nnunet_losses.nnunet.training.trainer import LossTrainer

TRAINED = "TverskyTrainer_fp0.1_iw_4epochs_3iters_seed7"
PLOT = MetaLogger.plot_progress_png

CASES = [f"case_{n}" for n in range(6)]
DATASETS: dict[str, dict[str, Any]] = {
    "Dataset901_Labels": {"labels": {"background": 0, "large": 1, "small": 2}},
    "Dataset902_Regions": {"labels": {"background": 0, "whole": [1, 2], "core": 2}, "regions_class_order": [1, 2]},
    "Dataset903_RegionsIgnore": {
        "labels": {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3},
        "regions_class_order": [1, 2],
    },
    "Dataset904_Ignore": {"labels": {"background": 0, "large": 1, "small": 2, "ignore": 3}},
}
NETWORKS = {
    "3d_tiny": {"patch_size": [16, 16, 16], "features_per_stage": [4, 8, 8]},
    "3d_single_scale": {"patch_size": [16, 16, 16], "features_per_stage": [4, 8]},
    "2d_tiny": {"patch_size": [16, 16], "features_per_stage": [4, 8, 8]},
    # the coarsest of the three levels of deep supervision has weight 0
    "3d_deep": {"patch_size": [32, 32, 32], "features_per_stage": [4, 4, 4, 4]},
    "2d_deep": {"patch_size": [32, 32], "features_per_stage": [4, 4, 4, 4]},
}


@pytest.fixture(scope="session")
def world_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds ``raw`` and ``preprocessed`` of all synthetic data sets, made once."""
    world = tmp_path_factory.mktemp("nnunet")
    for part in ("raw", "preprocessed"):
        (world / part).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        set_nnunet_up(patch, world, world / "results")
        patch.setenv("nnUNet_n_proc_DA", "1")  # with 0 nnU-Net's planner fails
        for name, labels in DATASETS.items():
            _make_dataset(world, name, labels)
    return world


def set_nnunet_up(patch: pytest.MonkeyPatch, world: Path, results: Path) -> None:
    """Set nnU-Net's variables, for one core, and leave out what costs nnU-Net seconds and tests nothing.

    nnU-Net's search for a trainer goes through all loaded modules; `test_lookup` is about it, all other tests ask its
    answer directly.
    """
    for part in ("raw", "preprocessed"):
        patch.setenv(f"nnUNet_{part}", str(world / part))
    patch.setenv("nnUNet_results", str(results))
    patch.setenv("nnUNet_n_proc_DA", "0")
    patch.setenv("nnUNet_def_n_proc", "1")
    patch.setenv("OMP_NUM_THREADS", "1")
    patch.setenv(VARIABLE, str(door_folder()))
    patch.setattr("multiprocessing.cpu_count", lambda: 1)  # nnU-Net's commands take all cores
    patch.setattr("nnunetv2.training.nnUNetTrainer.nnUNetTrainer.default_num_processes", 1)
    patch.setattr("nnunetv2.utilities.utils.Pool", OneThreadPool)
    patch.setattr("nnunetv2.run.run_training.recursive_find_trainer_class_by_name", _quick_search)
    patch.setattr("nnunetv2.training.logging.nnunet_logger.MetaLogger.plot_progress_png", lambda *_: None)


def _quick_search(name: str) -> type:
    try:
        return find_trainer(name)
    except AttributeError:
        return recursive_find_trainer_class_by_name(name)


@pytest.fixture
def world(world_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """As ``world_once``, nnU-Net's variables set, results in a folder of this test."""
    set_nnunet_up(monkeypatch, world_once, tmp_path / "results")
    threads = torch.get_num_threads()
    yield world_once
    torch.set_num_threads(threads)  # nnU-Net's commands and our trainers change them


@pytest.fixture
def own_world(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the preprocessed labels that a test may change."""
    folder = tmp_path / "preprocessed" / "Dataset901_Labels"
    counted = shutil.ignore_patterns("class_counts_*")  # by another test, perhaps
    shutil.copytree(world / "preprocessed" / "Dataset901_Labels", folder, ignore=counted)
    monkeypatch.setenv("nnUNet_preprocessed", str(folder.parent))
    return folder


@pytest.fixture
def make(world: Path) -> Callable[..., Any]:
    """Make a trainer as nnU-Net's command does."""

    def trainer(name: str, dataset: str = "Dataset901_Labels", configuration: str = "3d_tiny", fold: Any = 0) -> Any:
        return get_trainer_from_args(dataset, configuration, fold, name, device=torch.device("cpu"))

    return trainer


@pytest.fixture
def run(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Train as ``nnUNetv2_train`` does; gives the fold's folder. The final validation takes seconds: only if asked."""

    def train(*arguments: Any, results: str = "results", validate: bool = False, **options: Any) -> Path:
        with monkeypatch.context() as patch:
            patch.setenv("nnUNet_results", str(tmp_path / results))
            if not validate:
                patch.setattr(LossTrainer, "perform_actual_validation", lambda *_: None)
            return _train(*arguments, **options)

    return train


def _train(
    name: str, dataset: str = "Dataset901_Labels", configuration: str = "3d_tiny", fold: Any = 0, **options: Any
) -> Path:
    run_training(dataset, configuration, fold, name, device=torch.device("cpu"), **options)
    return fold_folder(dataset, configuration, name, "nnUNetPlans", fold)


@pytest.fixture(scope="session")
def trained_once(world_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fold that was trained and validated: read it, or take ``trained`` to change it."""
    with pytest.MonkeyPatch.context() as patch:
        set_nnunet_up(patch, world_once, tmp_path_factory.mktemp("trained"))
        patch.setattr("nnunetv2.training.logging.nnunet_logger.MetaLogger.plot_progress_png", PLOT)
        return _train(TRAINED, export_validation_probabilities=True)


@pytest.fixture
def trained(trained_once: Path, world: Path, tmp_path: Path) -> Path:
    """A copy of ``trained_once`` among the results of this test."""
    results = trained_once.parents[2]
    shutil.copytree(results, tmp_path / "results")
    return tmp_path / "results" / trained_once.relative_to(results)


def _make_dataset(world: Path, name: str, labels: dict[str, Any]) -> None:
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
    from nnunetv2.utilities.utils import get_filenames_of_train_images_and_targets

    raw, preprocessed = world / "raw" / name, world / "preprocessed" / name
    dataset_json = labels | {"channel_names": {"0": "MRI"}, "numTraining": len(CASES), "file_ending": ".nii.gz"}
    _write_cases(raw, ignored="ignore" in labels["labels"])
    (raw / "dataset.json").write_text(json.dumps(dataset_json))
    preprocessed.mkdir()
    shutil.copyfile(raw / "dataset.json", preprocessed / "dataset.json")
    shutil.copytree(raw / "labelsTr", preprocessed / "gt_segmentations")
    (preprocessed / "dataset_fingerprint.json").write_text(json.dumps(FINGERPRINT))
    (preprocessed / "splits_final.json").write_text(
        json.dumps([{"train": CASES[:4], "val": CASES[4:]}, {"train": CASES[2:], "val": CASES[:2]}])
    )
    plans = ExperimentPlanner(name, gpu_memory_target_in_gb=8).plan_experiment()
    plans_file = preprocessed / "nnUNetPlans.json"
    for network, settings in NETWORKS.items():
        add_configuration(
            plans_file,
            network,
            inherits_from=f"{network[:2]}{'_fullres' if network[0] == '3' else ''}",
            batch_size=2,
            **settings,
        )
    plans = json.loads(plans_file.read_text())
    first = plans["configurations"]["3d_tiny"]
    for configuration in plans["configurations"].values():
        # all networks read the same files, which are preprocessed once
        configuration["data_identifier"] = first["data_identifier"]
    # the cascade: a low resolution first, whose prediction is refined at the full one
    plans["configurations"]["3d_before"] = {
        "inherits_from": "3d_tiny",
        "next_stage": "3d_after",
        "spacing": [1.5, 1.5, 1.5],
        "data_identifier": "nnUNetPlans_3d_before",
    }
    plans["configurations"]["3d_after"] = {"inherits_from": "3d_tiny", "previous_stage": "3d_before"}
    plans_file.write_text(json.dumps(plans))

    manager = PlansManager(plans)
    preprocessor = DefaultPreprocessor(verbose=False)
    files = get_filenames_of_train_images_and_targets(str(raw), dataset_json)
    for configuration in map(manager.get_configuration, ("3d_tiny", "3d_before")):
        folder = preprocessed / configuration.data_identifier
        folder.mkdir()
        for case, of_case in files.items():
            preprocessor.run_case_save(
                str(folder / case), of_case["images"], of_case["label"], manager, configuration, dataset_json
            )


def _write_cases(raw: Path, ignored: bool) -> None:
    random = np.random.default_rng(1)
    axes = np.stack(np.meshgrid(*[np.arange(24)] * 3, indexing="ij"), -1)
    for part in ("imagesTr", "labelsTr"):
        (raw / part).mkdir(parents=True)
    for case in CASES:
        mask = np.zeros((24, 24, 24), np.uint8)
        for label, radius in ((1, 5), (2, 2), (2, 2), (2, 1)):
            mask[np.linalg.norm(axes - random.integers(4, 20, 3), axis=-1) <= radius] = label
        image = random.normal(0, 0.3, mask.shape) + mask
        if ignored:
            mask[:, :, :3] = 3
        nib.save(nib.Nifti1Image(image.astype(np.float32), np.eye(4)), raw / "imagesTr" / f"{case}_0000.nii.gz")
        nib.save(nib.Nifti1Image(mask, np.eye(4)), raw / "labelsTr" / f"{case}.nii.gz")


FINGERPRINT = {
    "foreground_intensity_properties_per_channel": {
        "0": {
            "max": 3.0,
            "mean": 1.3,
            "median": 1.2,
            "min": 0.0,
            "percentile_00_5": 0.2,
            "percentile_99_5": 2.7,
            "std": 0.5,
        }
    },
    "median_relative_size_after_cropping": 1.0,
    "shapes_after_crop": [[24, 24, 24]] * len(CASES),
    "spacings": [[1.0, 1.0, 1.0]] * len(CASES),
}
