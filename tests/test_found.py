"""Reports on trainings that were there before: any trainers, in nnU-Net's own layout."""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from nnunet_losses.base.errors import UserError
from nnunet_losses.cli import app
from nnunet_losses.comparison.tables import compare_tables, record_of
from nnunet_losses.evaluation import EvaluationSettings
from nnunet_losses.found import evaluate_results, find_results
from nnunet_losses.statistics.panels.results import Results
from nnunet_losses.study.config import StudyConfig

from .conftest import SmallDisk

DATASET = "Dataset004_Tiny"
CASES = [f"case_{n}" for n in range(9)]
SPLITS = [
    {"train": [c for c in CASES if c not in CASES[3 * k : 3 * k + 3]], "val": CASES[3 * k : 3 * k + 3]}
    for k in (0, 1, 2)
]
STOCK, OTHER, OURS = "nnUNetTrainer", "nnUNetTrainerDiceCELoss_noSmooth", "TverskyTrainer_seed1"


@dataclass
class World:
    """nnU-Net's three folders, filled as nnU-Net fills them."""

    root: Path

    @property
    def results(self) -> Path:
        return self.root / "nnUNet_results"

    @property
    def preprocessed(self) -> Path:
        return self.root / "nnUNet_preprocessed"

    @property
    def raw(self) -> Path:
        return self.root / "nnUNet_raw"

    def fold(
        self, trainer: str, fold: int | str, configuration: str = "3d_fullres", plans: str = "nnUNetPlans"
    ) -> Path:
        return self.results / DATASET / f"{trainer}__{plans}__{configuration}" / f"fold_{fold}"

    def make_data(self) -> None:
        for folder in (self.raw / DATASET / "imagesTr", self.raw / DATASET / "labelsTr"):
            folder.mkdir(parents=True)
        for case in CASES:
            mask = reference(case)
            image = mask + np.random.default_rng(0).normal(0, 0.3, mask.shape)
            save(self.raw / DATASET / "imagesTr" / f"{case}_0000.nii.gz", image.astype(np.float32))
            save(self.raw / DATASET / "labelsTr" / f"{case}.nii.gz", mask)
        shutil.copytree(self.raw / DATASET / "labelsTr", self.preprocessed / DATASET / "gt_segmentations")
        described = {"labels": {"background": 0, "lesion": 1}, "file_ending": ".nii.gz", "channel_names": {"0": "MRI"}}
        for base in (self.raw, self.preprocessed):
            (base / DATASET / "dataset.json").write_text(json.dumps(described))
        (self.preprocessed / DATASET / "splits_final.json").write_text(json.dumps(SPLITS))

    def predict(self, folder: Path, cases: Sequence[str], *, seed: int, probabilities: bool = False) -> None:
        validation = folder / "validation"
        validation.mkdir(parents=True, exist_ok=True)
        for case in cases:
            mask = reference(case)
            noise = np.random.default_rng([seed, CASES.index(case)]).random(mask.shape)
            foreground = np.clip(0.8 * mask + 0.35 * noise, 0, 1).astype(np.float32)
            save(validation / f"{case}.nii.gz", (foreground > 0.5).astype(np.uint8))
            if probabilities:  # in the axes of SimpleITK, as nnU-Net writes them
                stacked = np.stack([1 - foreground, foreground]).transpose(0, 3, 2, 1)
                np.savez(validation / f"{case}.npz", probabilities=stacked)
        (validation / "summary.json").write_text("{}")


def reference(case: str) -> np.ndarray:
    mask = np.zeros((14, 12, 10), np.uint8)
    low = 1 + CASES.index(case) % 4
    mask[low : low + 4, 2:6, 2:6] = 1
    mask[11, 9, 8] = 1
    return mask


def save(path: Path, array: np.ndarray) -> None:
    nib.save(nib.Nifti1Image(array, np.eye(4)), path)


def write_checkpoint(folder: Path, pseudo_dice: Sequence[float], *, name: str = "checkpoint_final.pth") -> None:
    """As nnUNetTrainer.save_checkpoint writes it, by nnU-Net's own logger."""
    from nnunetv2.training.logging.nnunet_logger import MetaLogger

    logger = MetaLogger(str(folder), resume=False)
    for epoch, value in enumerate(pseudo_dice):
        logger.log("epoch_start_timestamps", 100.0 * epoch, epoch)
        logger.log("lrs", 0.01, epoch)
        logger.log("train_losses", np.float32(-value) if np.isfinite(value) else np.nan, epoch)
        logger.log("val_losses", np.float32(-value), epoch)
        logger.log("mean_fg_dice", np.float64(value), epoch)
        logger.log("dice_per_class_or_region", [np.float32(value)], epoch)
        logger.log("epoch_end_timestamps", 100.0 * epoch + 60, epoch)
    folder.mkdir(parents=True, exist_ok=True)
    content = {"network_weights": {"w": torch.zeros(3)}, "logging": logger.get_checkpoint(), "trainer_name": STOCK}
    torch.save(content, folder / name)


def write_log(folder: Path, epochs: Sequence[int], *, start: int = 0, predicted: Sequence[str] = ()) -> None:
    """As nnUNetTrainer.print_to_log_file writes it."""
    stamp = "2026-07-01 09:30:00.123456:"
    lines = ["", "####", f"{stamp} The split file contains 3 splits. "]
    for epoch in epochs:
        lines += [
            f"{stamp}  ",
            f"{stamp} Epoch {epoch} ",
            f"{stamp} Current learning rate: 0.00{9 - epoch} ",
            f"{stamp} train_loss -0.{epoch}5 ",
            f"{stamp} val_loss 1e-05 ",
            f"{stamp} Pseudo dice [np.float32(0.25), np.float32(0.75), nan] ",
            f"{stamp} Epoch time: 12.5 s ",
        ]
    lines += [f"{stamp} predicting {case} " for case in predicted]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"training_log_2026_7_1_{start:02d}_30_00.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("existing"))
    world.make_data()
    for fold, split in enumerate(SPLITS):
        folder = world.fold(STOCK, fold)
        write_checkpoint(folder, [0.4, 0.6])
        debug = {"device": "cuda:0", "gpu_name": "NVIDIA A100", "torch_version": "2.6"}
        (folder / "debug.json").write_text(json.dumps(debug))
        world.predict(folder, split["val"], seed=1, probabilities=True)
    for fold in (0, 1):  # fold 2 was never trained; checkpoints were removed to save space
        write_log(world.fold(OTHER, fold), [0, 1], predicted=SPLITS[fold]["val"])
        world.predict(world.fold(OTHER, fold), SPLITS[fold]["val"], seed=2)
    for fold, split in enumerate(SPLITS):
        write_checkpoint(world.fold(OURS, fold), [0.0] * 12 if fold == 1 else [0.5, 0.7])
        world.predict(world.fold(OURS, fold), split["val"], seed=3, probabilities=True)
    (world.fold(OURS, 2) / "jobs.json").write_text(
        json.dumps(
            {"seconds": 9.0, "peak_memory_mb": 512.0, "device": "cpu", "hardware": "Xeon", "status": "completed"}
        )
    )
    (world.fold(STOCK, "all") / "validation").mkdir(parents=True)
    (world.fold(STOCK, 0).parent / "crossval_results_folds_0_1_2").mkdir()
    (world.results / DATASET / "ensembles" / f"ensemble___{STOCK}__nnUNetPlans__2d___x__y__z___0_1_2").mkdir(
        parents=True
    )
    return world


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """The same, to be changed by a test."""
    shutil.copytree(made.root, tmp_path / "world")
    return World(tmp_path / "world")


@pytest.fixture
def few_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each metric has its figures, and they take the time."""
    monkeypatch.setitem(record_of.__kwdefaults__, "metrics", ("dice", "lesion_recall"))


def find(world: World, **options: Any) -> Any:
    return find_results(world.results, "4", raw=world.raw, preprocessed=world.preprocessed, **options)


def call(*arguments: object, **environment: str) -> Any:
    return CliRunner(env=environment).invoke(app, ["report", *map(str, arguments)])


@pytest.mark.slow
def test_one_command_makes_the_whole_report(made: World, tmp_path: Path, few_metrics: None) -> None:
    facts = pd.DataFrame({"case": CASES, "site": list("xyz") * 3, "patient": [f"p{n // 2}" for n in range(9)]})
    facts.to_csv(tmp_path / "cases.csv", index=False)
    arguments = ["--results", made.results, "--dataset", 4, "--out", tmp_path, "--resamples", 100]
    done = call(*arguments, "--cases", tmp_path / "cases.csv", "--covariates", "site")
    assert done.exit_code == 0, done.output
    assert "Covariates of the cases: 'site'." in done.stderr
    assert set(pd.read_parquet(tmp_path / "data/statistics_subgroups.parquet")["level"]) == {"x", "y", "z"}
    page = (tmp_path / "report.html").read_text()
    for shown in (STOCK, OTHER, "Tversky", "fold_all is left out", "Ensembles are left out", "NVIDIA A100"):
        assert shown in page
    assert f"Probabilities (.npz) of {OTHER} are missing" in page
    assert f"Probabilities (.npz) of {OTHER} are missing" in done.stderr
    assert "all networks had the same plans" not in page

    jobs = pd.read_parquet(tmp_path / "data/jobs.parquet").set_index(["trainer", "fold"])
    assert jobs.loc[(OTHER, 2), ["status", "collapsed"]].tolist() == ["missing", False]
    assert jobs.loc[("TverskyTrainer", 1), ["status", "collapsed"]].tolist() == ["completed", True]
    assert (jobs.loc[STOCK, "status"] == "completed").all()
    froc = pd.read_parquet(tmp_path / "data/statistics_froc.parquet").set_index("trainer")["reason"]
    assert froc[OTHER].iloc[0]
    assert pd.read_parquet(tmp_path / "data/calibration.parquet")["trainer"].nunique() == 2


@pytest.mark.slow
def test_on_a_full_disk_evaluation_and_report_are_one_sentence_and_go_on_when_there_is_space(
    made: World, small_disk: SmallDisk, few_metrics: None
) -> None:
    out = small_disk.folder / "out"
    arguments = ["--results", made.results, "--dataset", 4, "--out", out, "--resamples", 100, "-tr", "nnUNetTrainer*"]
    for free in (0, 70_000, 500_000):  # before, while evaluating, while writing the report
        small_disk.fill(free)
        done = call(*arguments)
        assert done.exit_code == 1, done.output
        told = done.stderr.splitlines()[-1]
        assert re.fullmatch(
            rf"nnunet-losses report: There is not enough space for {small_disk.folder}.* free\. .*", told
        )
        assert "Traceback" not in done.output
        assert not (out / "report.html").exists()
        (small_disk.folder / "filler").unlink()
    small_disk.grow()
    done = call(*arguments)
    assert done.exit_code == 0, done.output
    assert (out / "report.html").is_file()


@pytest.mark.slow
def test_a_report_stops_at_broken_predictions_or_counts_them_as_failures(
    world: World, tmp_path: Path, few_metrics: None
) -> None:
    (world.fold(STOCK, 1) / "validation" / f"{CASES[4]}.nii.gz").write_bytes(b"")
    (world.fold(OURS, 2) / "validation" / f"{CASES[7]}.nii.gz").write_bytes(b"no image")
    arguments = ["--results", world.results, "-d", 4, "--out", tmp_path, "--resamples", 100, "-tr", f"{STOCK},{OURS}"]
    refused = call(*arguments)
    assert refused.exit_code == 1
    lines = refused.stderr.splitlines()
    assert lines[-4].endswith("2 of 18 predictions are broken:")
    assert f"{CASES[7]}.nii.gz cannot be read as an image" in lines[-3]
    assert f"{CASES[4]}.nii.gz is an empty file (0 bytes)" in lines[-2]
    assert not (tmp_path / "report.html").exists()
    done = call(*arguments, "--skip-broken")
    assert done.exit_code == 0, done.output
    assert f"Counts as a failure of {STOCK}: " in done.stderr
    page = (tmp_path / "report.html").read_text()
    assert "Broken predictions" in page
    assert "prediction broken" in page
    values = pd.read_parquet(tmp_path / "data/statistics_values.parquet").set_index(["metric", "trainer", "case"])
    assert values.loc[("dice", STOCK, CASES[4]), ["value", "resolved"]].tolist() == [0, "worst"]


def write_summary(folder: Path, cases: Sequence[str], *, seed: int) -> None:
    """nnU-Net's summary of the predictions of `World.predict`, which are not there any more."""
    entries = []
    for case in cases:
        truth = reference(case) > 0
        noise = np.random.default_rng([seed, CASES.index(case)]).random(truth.shape)
        guess = np.clip(0.8 * truth + 0.35 * noise, 0, 1).astype(np.float32) > 0.5
        counts = {"TP": truth & guess, "FP": ~truth & guess, "FN": truth & ~guess, "TN": ~truth & ~guess}
        metrics = {"1": {name: int(voxels.sum()) for name, voxels in counts.items()}}
        entries.append({"prediction_file": f"/elsewhere/{case}.nii.gz", "metrics": metrics})
    shutil.rmtree(folder / "validation")
    (folder / "validation").mkdir()
    (folder / "validation" / "summary.json").write_text(json.dumps({"metric_per_case": entries}))


@pytest.mark.slow
def test_where_predictions_were_deleted_the_summary_gives_the_voxel_metrics(world: World, tmp_path: Path) -> None:
    before = evaluate_results(find(world, trainers=[STOCK, OTHER]), tmp_path, progress=False)["cases"]
    write_summary(world.fold(STOCK, 1), SPLITS[1]["val"], seed=1)
    found = find(world, trainers=[STOCK, OTHER])
    assert (
        f"The predictions of {STOCK}, 3d_fullres, fold 1 were deleted: their voxel metrics follow from the counts in "
        "summary.json; their surfaces, lesions, volumes, thresholds, calibration and pictures are missing."
    ) in found.remarks
    tables = evaluate_results(found, tmp_path, progress=False)
    keys = ["trainer", "fold", "case", "metric"]
    after = tables["cases"].set_index(keys).sort_index()
    before = before.set_index(keys).sort_index()
    pd.testing.assert_frame_equal(after, before.loc[after.index])
    lost = before.index.difference(after.index).to_frame()
    assert set(map(tuple, lost[["trainer", "fold"]].to_numpy())) == {(STOCK, 1)}
    assert {"hd95", "lesion_recall", "volume_difference_ml"} <= set(lost["metric"])
    assert after.loc[(STOCK, 1)].index.get_level_values("metric").unique().tolist() == [
        "dice", "f2", "iou", "precision", "recall", "specificity",
    ]  # fmt: skip
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "cases.parquet"), tables["cases"])
    # a case without counted lesions is missing, not free of lesions
    (roster,) = Results.of(tables["cases"], baseline=STOCK, lesions=tables["lesions"]).rosters
    assert roster.left_out == {
        STOCK: "left out: 3 of 9 cases missing",
        OTHER: "left out: 3 of 9 cases missing",
    }


@pytest.mark.slow
def test_a_report_needs_only_summaries(world: World, tmp_path: Path, few_metrics: None) -> None:
    for fold in (0, 1, 2):
        write_summary(world.fold(STOCK, fold), SPLITS[fold]["val"], seed=1)
        write_summary(world.fold(OURS, fold), SPLITS[fold]["val"], seed=3)
    shutil.copy(world.raw / DATASET / "dataset.json", world.fold(STOCK, 0).parent)
    shutil.rmtree(world.raw)
    shutil.rmtree(world.preprocessed)
    arguments = ["--results", world.results, "-d", 4, "--out", tmp_path, "--resamples", 100, "-tr", f"{STOCK},{OURS}"]
    done = call(*arguments)
    assert done.exit_code == 0, done.output
    assert f"The predictions of {OURS}, 3d_fullres, folds 0, 1, 2; {STOCK}, 3d_fullres, folds 0, 1, 2" in done.stderr
    page = (tmp_path / "report.html").read_text()
    assert "were deleted: their voxel metrics follow from the counts in summary.json" in page
    compared = pd.read_parquet(tmp_path / "data/statistics_ranking.parquet")
    assert set(compared["metric"]) == {"dice"}
    assert (compared["n"] == 9).all()

    (world.fold(OURS, 2) / "validation" / "summary.json").write_text("[]")
    refused = call(*arguments)
    assert refused.exit_code == 1
    assert (
        "summary.json has no list 'metric_per_case'; nnUNetv2_train ... --val writes the file again." in refused.stderr
    )


@pytest.mark.slow
def test_the_scores_of_a_preset_are_measured_and_compared(made: World, tmp_path: Path) -> None:
    settings = EvaluationSettings(preset="msseg", iou_threshold=0.1)
    tables = evaluate_results(find(made, trainers=[STOCK]), tmp_path, settings=settings, progress=False)
    assert {"msseg_lesion_f1", "lesion_f1_iou0.1", "lesion_f1"} <= set(tables["cases"]["metric"])
    record = record_of(tables, title="Tiny", primary_metric="msseg_lesion_f1")
    _, statistics = compare_tables(tables, record)
    assert {"dice", "msseg_lesion_f1", "msseg_lesion_recall"} <= set(statistics["ranking"]["metric"])
    asked = record.model_copy(
        update={"config": StudyConfig(study="s", datasets=["d"], trainers=[STOCK], evaluation={"preset": "msseg"})}
    )
    assert "msseg_negative_count" in asked.metrics
    _, statistics = compare_tables(tables, asked)  # no case is without reference, so it was never measured
    assert "msseg_negative_count" not in set(statistics["ranking"]["metric"])


@pytest.mark.slow
def test_a_second_run_measures_only_what_is_new(world: World, tmp_path: Path) -> None:
    def parts() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (tmp_path / ".evaluated_cases").iterdir()}

    first = evaluate_results(find(world, trainers=[STOCK]), tmp_path, progress=False)
    before = parts()
    assert len(before) == len(CASES)
    again = evaluate_results(find(world, trainers=[STOCK, OTHER]), tmp_path, progress=False)
    assert before.items() <= parts().items()
    assert len(parts()) == len(CASES) + 6
    rows = again["cases"]
    pd.testing.assert_frame_equal(rows[rows["trainer"] == STOCK].reset_index(drop=True), first["cases"])


def test_the_name_and_the_number_of_a_data_set_find_the_same(made: World) -> None:
    by_name = find_results(made.results, DATASET, preprocessed=made.preprocessed)
    assert by_name.trainings == find(made).trainings
    assert [(t.trainer, t.fold) for t in by_name.trainings] == [
        (OURS, 0), (OURS, 1), (OURS, 2), (STOCK, 0), (STOCK, 1), (STOCK, 2), (OTHER, 0), (OTHER, 1),
    ]  # fmt: skip


@pytest.mark.slow
def test_curves_come_from_the_checkpoint_or_from_the_text_log(made: World, tmp_path: Path) -> None:
    tables = evaluate_results(find(made), tmp_path, progress=False)
    curves = tables["training"].set_index(["trainer", "fold", "epoch"])
    stock, other = curves.loc[(STOCK, 0, 1)], curves.loc[(OTHER, 1, 1)]
    assert stock["pseudo_dice"] == pytest.approx(0.6)
    assert stock["ema_pseudo_dice"] == pytest.approx(0.9 * 0.4 + 0.1 * 0.6)
    assert stock["seconds"] == 60
    assert other[["train_loss", "val_loss", "lr", "seconds"]].tolist() == [-0.15, 1e-5, 0.008, 12.5]
    assert other[["pseudo_dice", "ema_pseudo_dice"]].tolist() == [0.5, 0.5]
    jobs = tables["jobs"].set_index(["trainer", "fold"])
    assert jobs.loc[(STOCK, 0), ["seconds", "device", "hardware", "epochs"]].tolist() == [120, "cuda", "NVIDIA A100", 2]
    assert np.isnan(jobs.loc[(STOCK, 0), "peak_memory_mb"])
    assert jobs.loc[("TverskyTrainer", 2), ["seconds", "peak_memory_mb", "seed"]].tolist() == [9.0, 512.0, 1]


def test_a_training_without_end_is_unfinished_and_one_of_nan_has_diverged(world: World, tmp_path: Path) -> None:
    for fold, name, curve in ((0, "checkpoint_latest.pth", [0.2]), (1, "checkpoint_final.pth", [0.2, np.nan])):
        shutil.rmtree(world.fold(STOCK, fold))
        write_checkpoint(world.fold(STOCK, fold), curve, name=name)
    write_log(world.fold(STOCK, 0), [0, 1, 2])
    write_log(world.fold(STOCK, 0), [1, 2, 3], start=5)
    jobs = evaluate_results(find(world, trainers=[STOCK]), tmp_path, progress=False)["jobs"].set_index("fold")
    assert jobs["status"].tolist() == ["unfinished", "diverged", "completed"]
    assert jobs.loc[0, "epochs"] == 4  # the text log has seen more than the last checkpoint


def test_stale_and_missing_predictions_are_named_and_not_compared(world: World) -> None:
    write_log(world.fold(STOCK, 0), [], predicted=SPLITS[0]["val"])
    world.predict(world.fold(STOCK, 0), [CASES[8]], seed=9)
    (world.fold(STOCK, 1) / "validation" / f"{CASES[3]}.nii.gz").unlink()
    found = find(world, trainers=[STOCK])
    assert [v.cases for v in found.validations] == [tuple(CASES[:3]), tuple(CASES[4:6]), tuple(CASES[6:])]
    assert (
        f"{STOCK}, 3d_fullres, fold 0: 1 of 4 predictions are not from its last validation and are left out."
        in found.remarks
    )
    assert any("fold 1: 1 of 3 predictions are missing" in remark for remark in found.remarks)


def test_other_splits_are_said_and_a_case_counts_once(world: World) -> None:
    folder = world.fold(STOCK, 0)
    shutil.rmtree(folder / "validation")
    world.predict(folder, [CASES[0], CASES[3]], seed=1)  # case 3 is of fold 1 by the present splits
    write_log(folder, [0], predicted=[CASES[0], CASES[3]])
    found = find(world, trainers=[STOCK])
    assert [v.cases for v in found.validations] == [(CASES[0],), tuple(CASES[3:6]), tuple(CASES[6:])]
    assert any("fold 0 was trained with other splits than splits_final.json" in remark for remark in found.remarks)
    assert any("1 of 2 cases are counted in another fold" in remark for remark in found.remarks)


@pytest.mark.slow
def test_several_configurations_and_plans_are_kept_apart(world: World, tmp_path: Path) -> None:
    for configuration, plans in (("2d", "nnUNetPlans"), ("3d_fullres", "nnUNetResEncUNetMPlans")):
        write_checkpoint(world.fold(STOCK, 0, configuration, plans), [0.5])
        world.predict(world.fold(STOCK, 0, configuration, plans), SPLITS[0]["val"], seed=4)
    found = find(world, configurations=["2d", "3d_fullres"], plans=["nnUNetPlans"])
    assert {found.row(t)["configuration"] for t in found.trainings} == {"2d", "3d_fullres"}
    everything = find(world)
    tables = evaluate_results(everything, tmp_path, progress=False)
    assert set(tables["cases"]["configuration"]) == {
        "nnUNetPlans__2d", "nnUNetPlans__3d_fullres", "nnUNetResEncUNetMPlans__3d_fullres",
    }  # fmt: skip
    expected = {(run.configuration, run.trainer, run.fold) for run in everything.expected}
    assert ("nnUNetPlans__3d_fullres", OTHER, 2) in expected
    assert ("nnUNetPlans__2d", STOCK, 1) not in expected  # nobody has it
    assert len(expected) == 3 * 3 + 1 + 1


@pytest.mark.slow
def test_a_single_trainer_without_splits_raw_data_or_probabilities_is_described(
    world: World, tmp_path: Path, few_metrics: None
) -> None:
    (world.preprocessed / DATASET / "splits_final.json").unlink()
    shutil.rmtree(world.raw)
    done = call("--results", world.results, "-d", DATASET, "-tr", OTHER, "--out", tmp_path / "out", "--resamples", 100)
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out/report.html").read_text()
    assert "Nothing to compare: only" in page
    assert "There is no splits_final.json" in page
    assert "no images were given" in page


def test_a_trainer_of_somebodys_own_may_be_called_almost_like_ours(world: World, tmp_path: Path) -> None:
    world.fold(OURS, 0).parent.rename(world.results / DATASET / "TverskyTrainer_mine__nnUNetPlans__3d_fullres")
    found = find(world, trainers=["Tversky*"])
    assert {found.row(t)["trainer"] for t in found.trainings} == {"TverskyTrainer_mine"}
    assert {found.row(t)["seed"] for t in found.trainings} == {0}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"dataset": "5"}, "There is no data set 5 in .*; it holds Dataset004_Tiny"),
        ({"dataset": "Dataset004_Tinny"}, "There is no data set Dataset004_Tinny"),
        ({"trainers": ["nnUNetTrainr"]}, "holds no trainer nnUNetTrainr; did you mean nnUNetTrainer"),
        ({"configurations": ["3d_lowres"]}, "holds no configuration 3d_lowres; (did you mean|there are) 3d_fullres"),
        ({"results": Path("nowhere")}, "There is no folder nowhere"),
        ({"raw": None, "preprocessed": None}, "reference segmentations of Dataset004_Tiny are neither"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(
    world: World, options: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(world.raw / DATASET / "dataset.json", world.fold(STOCK, 0).parent)
    given = {"results": world.results, "dataset": "4", "raw": world.raw, "preprocessed": world.preprocessed} | options
    with pytest.raises(UserError, match=sentence) as error:
        find_results(given.pop("results"), given.pop("dataset"), **given)
    assert "\n" not in str(error.value)


def test_no_prediction_and_no_results_folder_are_explained(world: World, tmp_path: Path) -> None:
    for validation in world.results.glob("*/*/fold_*/validation"):
        shutil.rmtree(validation)
    done = call("--results", world.results, "-d", 4, "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "has predictions or a summary.json in fold_*/validation" in done.stderr
    assert not (tmp_path / "out").exists()
    assert "There is no results folder to report on" in call("-d", 4, nnUNet_results="").stderr
    done = call("--results", world.results, "-d", 4, "--out", tmp_path / "out", "--primary-metric", "dise")
    assert done.exit_code == 1
