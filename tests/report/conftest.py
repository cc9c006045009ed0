"""A small synthetic study with everything a report can show."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from nnunet_losses.report.comparison import Comparison, View
from nnunet_losses.statistics import compare

SUFFIX = "_20epochs_50iters"
TRAINERS = tuple(
    f"{name}{SUFFIX}"
    for name in ("nnUNetTrainer", "CrossEntropyTrainer", "DiceTrainer", "TverskyTrainer_fp0.1_fn0.9", "DiceTrainer_iw")
)
SKILL = dict(zip(TRAINERS, (0.70, 0.62, 0.72, 0.71, 0.70), strict=True))
RECALL = dict(zip(TRAINERS, (0.66, 0.55, 0.70, 0.86, 0.80), strict=True))
RATIOS = ("dice", "precision", "recall", "lesion_precision", "lesion_recall", "lesion_f1")


def make_tables(
    trainers: tuple[str, ...] = TRAINERS,
    cases: int = 24,
    datasets: tuple[str, ...] = ("Dataset901_Phantom",),
    metrics: tuple[str, ...] = ("dice",),
) -> dict[str, pd.DataFrame]:
    """All tables of a study, of some metrics (empty: all); the trainers differ in skill, recall and precision."""
    rng = np.random.default_rng(0)
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("cases", "lesions", "thresholds", "calibration", "log_odds", "training", "jobs")
    }
    for dataset in datasets:
        ease = rng.normal(0, 0.09, cases)
        for trainer in trainers:
            skill, recall = SKILL.get(trainer, 0.7), RECALL.get(trainer, 0.7)
            for i in range(cases):
                _add_case(tables, rng, dataset, trainer, i, skill + ease[i], recall + ease[i])
            for fold in range(3):
                _add_run(tables, rng, dataset, trainer, fold, skill)
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items()}
    if metrics:
        frames["cases"] = frames["cases"][frames["cases"]["metric"].isin(metrics)].reset_index(drop=True)
    return frames


def _identity(dataset: str, trainer: str, fold: int) -> dict[str, Any]:
    return {"dataset": dataset, "configuration": "3d_fullres", "trainer": trainer, "fold": fold, "seed": 0}


def _add_case(
    tables: dict[str, list[dict[str, Any]]], rng: np.random.Generator, dataset: str, trainer: str, i: int, dice: float,
    recall: float,
) -> None:  # fmt: skip
    key = {**_identity(dataset, trainer, i % 3), "case": f"phantom_{i:03d}", "label": "lesion"}
    dice, recall = np.clip(rng.normal((dice, recall), 0.02), 0.02, 0.98)
    precision = float(np.clip(dice * recall / max(2 * recall - dice, 0.05), 0.05, 1))
    values = dict(zip(RATIOS, (dice, precision, recall, precision - 0.04, recall - 0.1, dice - 0.05), strict=True))
    for metric, value in {**values, "hd95": 20 * (1 - dice) + rng.exponential(1)}.items():
        undefined = metric == "hd95" and i == 5
        tables["cases"].append(
            {
                **key, "metric": metric, "value": np.nan if undefined else value,
                "unit": "mm" if metric == "hd95" else "1", "status": "prediction_empty" if undefined else "ok",
            }
        )  # fmt: skip
    for component, diameter in enumerate(np.random.default_rng(i).lognormal(1.3, 0.5, 12)):
        found = bool(rng.random() < np.clip(recall + 0.25 * np.log(diameter / 4), 0.02, 0.99))
        _add_lesion(tables, key, "reference", component, diameter, found, 2 + rng.normal() if found else np.nan)
        if found:
            _add_lesion(tables, key, "prediction", component, diameter, True, 2 + rng.normal())
    for component in range(int(rng.poisson(12 * (1 - precision)))):
        _add_lesion(tables, key, "prediction", 20 + component, 3.0, False, rng.normal())
    for threshold in (0.1, 0.3, 0.5, 0.7, 0.9):
        share = float(np.clip(recall + 0.3 * (0.5 - threshold), 0.02, 0.99))
        counts = {"tp": int(1000 * share), "fp": int(900 * (1 - precision) * (1.6 - threshold))}
        tables["thresholds"].append({**key, "threshold": threshold, **counts, "fn": 1000 - counts["tp"]})
    for number in range(10):
        confidence = (number + 0.5) / 10
        accuracy = float(np.clip(confidence ** (1.4 - recall / 2), 0, 1))
        tables["calibration"].append(
            {**key, "bin": number, "count": 100, "confidence": confidence, "accuracy": accuracy}
        )
        counts = {"background": 100 - round(100 * accuracy), "foreground": round(100 * accuracy)}
        log_odds = float(np.log(confidence / (1 - confidence)))
        tables["log_odds"].append({**key, "bin": number, "log_odds": log_odds, **counts})


def _add_lesion(
    tables: dict[str, list[dict[str, Any]]],
    key: dict[str, Any],
    side: str,
    component: int,
    diameter: float,
    matched: bool,
    score: float,
) -> None:
    tables["lesions"].append(
        {
            **key, "side": side, "component": component + 1, "voxels": int(diameter**3 / 2),
            "volume_mm3": np.pi / 6 * diameter**3, "diameter_mm": diameter, "matched": matched,
            "matches": int(matched), "partner": (component + 1) * matched, "dice": 0.6 * matched, "iou": 0.45 * matched,
            "overlap_fraction": 0.5 * matched,
            "score_max": score, "score_mean": score - 1, "touches_border": False,
        }
    )  # fmt: skip


def _add_run(
    tables: dict[str, list[dict[str, Any]]],
    rng: np.random.Generator,
    dataset: str,
    trainer: str,
    fold: int,
    skill: float,
) -> None:
    key = _identity(dataset, trainer, fold)
    for epoch in range(20):
        dice = skill * (1 - np.exp(-(epoch + 1) / 5)) + rng.normal(0, 0.01)
        loss = 1 - dice
        tables["training"].append(
            {
                **key, "epoch": epoch, "train_loss": loss, "val_loss": loss + 0.05, "pseudo_dice": dice,
                "ema_pseudo_dice": dice, "lr": 0.01, "seconds": 11.0,
            }
        )  # fmt: skip
    tables["jobs"].append(
        {
            **key, "seconds": 230 + rng.normal(0, 5), "peak_memory_mb": 1450.0, "device": "cpu",
            "hardware": "2 CPU cores", "epochs": 20, "status": "completed",
        }
    )  # fmt: skip


PROVENANCE: dict[str, Any] = {
    "versions": {"nnunet-losses": "0.1.0", "nnunetv2": "2.8.1", "torch": "2.15.0"},
    "commit": "0123456789abcdef",
    "splits": {"Dataset901_Phantom": "6f1e"},
    "config": {"folds": [0, 1, 2], "training": {"epochs": 20, "iterations": 50}},
    "losses": {
        TRAINERS[3]: {
            "formula": "1 − TP / (TP + α·FP + β·FN)",
            "reference": "Salehi, Erdogmus, Gholipour 2017, arXiv:1706.05721",
            "parameters": {"fp_weight": 0.1, "fn_weight": 0.9},
        }
    },
}


def make_gallery(folder: Path, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Blobs on noise for every case of the tables, and predictions that lose and invent some."""
    rows = []
    affine = np.diag([-1.0, -1.0, 3.0, 1.0])  # stored left-posterior-superior, as scanners do
    for dataset, case in tables["cases"][["dataset", "case"]].drop_duplicates().itertuples(index=False):
        rng = np.random.default_rng(int(case.rpartition("_")[2]))
        grid = np.stack(np.meshgrid(*map(np.arange, (48, 40, 8)), indexing="ij"), axis=-1)
        reference = np.zeros(grid.shape[:3], dtype=np.uint8)
        invented = reference.copy()
        for target, n in ((reference, 8), (invented, 3)):
            for _ in range(n):
                centre, radius = rng.uniform((8, 8, 2), (40, 32, 6)), rng.uniform(2, 5)
                target[(((grid - centre) * (1, 1, 3)) ** 2).sum(-1) < radius**2] = 1
        image = (100 + 60 * reference + rng.normal(0, 18, reference.shape)).astype(np.float32)
        files = {"image": image, "reference": reference}
        for i, trainer in enumerate(tables["cases"]["trainer"].unique()):
            files[trainer] = np.roll(reference, i % 3, axis=0) | (invented if i % 2 else 0)
        paths = {}
        for j, (name, array) in enumerate(files.items()):
            paths[name] = folder / f"{dataset}_{case}_{j}.nii.gz"
            nib.save(nib.Nifti1Image(array, affine), paths[name])
        for trainer in tables["cases"]["trainer"].unique():
            rows.append(
                {
                    "dataset": dataset, "case": case, "image": paths["image"], "reference": paths["reference"],
                    "trainer": trainer, "prediction": paths[trainer],
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def collapse(cases: pd.DataFrame, trainer: str, names: set[str]) -> None:
    """Let a trainer predict nothing in some cases: what then is measured, as an evaluation says it."""
    here = (cases["trainer"] == trainer) & cases["case"].isin(names)
    cases.loc[here, "status"] = "prediction_empty"
    cases.loc[here, "value"] = 0.0
    cases.loc[here & cases["metric"].isin(["precision", "lesion_precision", "hd95"]), "value"] = np.nan


def make_statistics(tables: dict[str, pd.DataFrame], baseline: str = TRAINERS[0]) -> dict[str, pd.DataFrame]:
    """The real statistics, with few resamples."""
    extra = {name: tables.get(name) for name in ("lesions", "thresholds", "log_odds", "jobs", "covariates")}
    return compare(tables["cases"], baseline=baseline, **extra, resamples=200, test_resamples=100, draws=200)


def compared(tables: dict[str, pd.DataFrame], baseline: str = TRAINERS[0], **further: Any) -> Comparison:
    """A comparison of these tables, with their statistics unless given."""
    statistics = further.pop("statistics", None)
    if statistics is None:
        statistics = make_statistics(tables, baseline)
    return Comparison(tables=tables, statistics=statistics, **{"title": "T", "baseline": baseline, **further})


@pytest.fixture(scope="session")
def tables() -> dict[str, pd.DataFrame]:
    """Five losses, one of which predicts nothing in three of fifteen cases, one of which failed in a fold."""
    made = make_tables(cases=15, metrics=("dice", "precision", "recall", "hd95"))
    collapse(made["cases"], TRAINERS[1], {"phantom_001", "phantom_004", "phantom_007"})
    jobs = made["jobs"]
    jobs["collapsed"] = (jobs["trainer"] == TRAINERS[1]) & (jobs["fold"] == 1)
    covariates = made["cases"][["dataset", "case"]].drop_duplicates()
    made["covariates"] = pd.concat(
        [
            covariates.assign(covariate="site", value=["north", "south", "west"] * 5),
            covariates.assign(covariate="age", value=[str(40 + i) for i in range(15)]),
        ]
    )
    return made


@pytest.fixture(scope="session")
def statistics(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return make_statistics(tables)


@pytest.fixture(scope="session")
def comparison(tables: dict[str, pd.DataFrame], statistics: dict[str, pd.DataFrame]) -> Comparison:
    """The whole study, without pictures; read only."""
    return compared(tables, statistics=statistics, provenance=PROVENANCE, created="1 January 2026")


@pytest.fixture(scope="session")
def view(comparison: Comparison) -> View:
    """Its Dice; read only."""
    return comparison.views[0]


@pytest.fixture(scope="session")
def small() -> Comparison:
    """Three losses in six cases of two data sets, two seeds each; read only."""
    made = make_tables(TRAINERS[:3], cases=6, datasets=("Dataset001_A", "Dataset002_B"))
    again = made["cases"].assign(seed=1, value=lambda frame: frame["value"] + 0.01)
    shift = again["fold"].map({0: 0.06, 1: -0.03}).fillna(0.0)  # another one in each fold
    again.loc[again["trainer"] == TRAINERS[1], "value"] -= shift
    made["cases"] = pd.concat([made["cases"], again], ignore_index=True)
    return compared(made)


@pytest.fixture(scope="session")
def gallery(tables: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return make_gallery(tmp_path_factory.mktemp("gallery"), tables)
