"""From tables and the record of what was asked to the statistics: missing trainings, baseline, metrics."""

from typing import Any

import pandas as pd
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.comparison.tables import (
    compare_tables,
    default_baseline,
    record_of,
    with_ensemble_jobs,
    with_missing_jobs,
)
from nnunet_losses.study.record import Run

RUNS = [
    Run(dataset="Dataset900_P", configuration="3d", trainer=f"DiceTrainer_iw_seed{seed}", fold=fold)
    for seed in (1, 2)
    for fold in (0, 1)
]


def cases() -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "dataset": "Dataset900_P",
            "configuration": "3d",
            "trainer": trainer,
            "fold": case % 2,
            "seed": 0,
            "case": f"c{case}",
            "label": "lesion",
            "metric": "dice",
            "value": 0.5 + 0.05 * case + shift,
            "unit": "1",
            "status": "ok",
        }
        for trainer, shift in (("DiceTrainer", 0.0), ("TverskyTrainer", 0.1))
        for case in range(4)
    ]
    return pd.DataFrame(rows)


def test_trainings_that_left_nothing_are_missing_with_the_seed_as_a_column() -> None:
    done = {"dataset": "Dataset900_P", "configuration": "3d", "trainer": "DiceTrainer_iw", "fold": 0, "seed": 2}
    jobs = with_missing_jobs(pd.DataFrame([done | {"seconds": 1.0, "status": "completed"}]), RUNS)
    assert len(jobs) == 4
    missing = jobs[jobs["status"] == "missing"]
    assert sorted(zip(missing["seed"], missing["fold"], strict=True)) == [(1, 0), (1, 1), (2, 1)]
    assert set(missing["trainer"]) == {"DiceTrainer_iw"}


def test_without_any_job_all_expected_are_missing() -> None:
    assert with_missing_jobs(None, RUNS)["status"].tolist() == ["missing"] * 4


def test_comparison_uses_the_records_baseline_metrics_and_settings() -> None:
    record = record_of({"cases": cases()}, title="t", baseline="TverskyTrainer", resamples=100, seed=3, runs=RUNS)
    tables, statistics = compare_tables({"cases": cases()}, record)
    assert (tables["jobs"]["status"] == "missing").sum() == 4
    best = statistics["ranking"].sort_values("rank").iloc[0]
    assert best["trainer"] == "TverskyTrainer"
    assert best["mean"] == pytest.approx(0.675)
    assert set(statistics["pairwise"]["trainer_b"]) == {"TverskyTrainer"}  # the baseline


def test_without_a_study_the_usual_metrics_are_compared_as_far_as_they_were_measured() -> None:
    metrics = ("hd95", "dice", "specificity", "image_diagonal")
    measured = pd.concat([cases().assign(metric=metric) for metric in metrics])
    record = record_of({"cases": measured}, title="t")
    assert (record.metrics, record.primary_metric, record.baseline) == (("dice", "hd95"), "dice", "DiceTrainer")
    record = record_of({"cases": measured}, title="t", primary_metric="specificity")
    assert record.metrics == ("specificity", "dice", "hd95")
    with pytest.raises(UserError, match=r"no metric nsd; there are dice, hd95, specificity\."):
        record_of({"cases": measured}, title="t", primary_metric="nsd")


@pytest.mark.parametrize(
    ("rows", "options", "sentence"),
    [
        (
            8,
            {"baseline": "FocalTrainer"},
            "The baseline FocalTrainer has no cases; there are cases of DiceTrainer, Tversky",
        ),
        (0, {}, "There is no case to compare"),
        (8, {"resamples": 10**12}, "the comparison: config.statistics.resamples must be a whole number from 100 to"),
        (8, {"title": "a\nb"}, "the comparison: title must be one line of printable text"),
    ],
)
def test_what_cannot_be_compared_is_refused(rows: int, options: dict[str, Any], sentence: str) -> None:
    tables = {"cases": cases().iloc[:rows]}
    with pytest.raises(UserError) as refusal:
        compare_tables(tables, record_of(tables, **{"title": "t", **options}))
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("trainers", "baseline"),
    [
        (["A", "A", "nnUNetTrainer"], "nnUNetTrainer"),
        (["A", "DiceCrossEntropyTrainer_6epochs"], "DiceCrossEntropyTrainer_6epochs"),
        (["A", "B", "B"], "B"),
        (["B", "A"], "A"),
    ],
)
def test_the_baseline_is_nnunets_own_trainer_or_its_loss_or_the_most_complete(
    trainers: list[str], baseline: str
) -> None:
    rows = [{"trainer": name, "configuration": "c", "case": str(i)} for i, name in enumerate(trainers)]
    assert default_baseline(pd.DataFrame(rows)) == baseline


def test_an_ensemble_costs_what_its_members_cost_and_fails_where_one_fails() -> None:
    rows = [
        {"dataset": "D", "configuration": "c", "trainer": trainer, "fold": fold, "seed": 1, "seconds": seconds,
         "peak_memory_mb": memory, "device": "cpu", "hardware": "h", "epochs": 3.0, "status": status}
        for trainer, seconds, memory in (("DiceTrainer", 10.0, 500.0), ("FocalTrainer", 5.0, 700.0))
        for fold, status in ((0, "completed"), (1, "diverged" if trainer == "FocalTrainer" else "completed"))
    ]  # fmt: skip
    jobs = pd.DataFrame(rows)
    members = {"Ensemble_Dice+Focal_seed1": ["DiceTrainer_seed1", "FocalTrainer_seed1"]}
    found = with_ensemble_jobs(jobs, members)
    pd.testing.assert_frame_equal(found[: len(jobs)], jobs)
    mine = found[len(jobs) :]
    assert mine["trainer"].tolist() == ["Ensemble_Dice+Focal"] * 2
    assert mine["seed"].tolist() == [1, 1]
    assert mine["seconds"].tolist() == [15.0, 15.0]
    assert mine["peak_memory_mb"].tolist() == [700.0, 700.0]
    assert mine["status"].tolist() == ["completed", "diverged"]
    assert (
        with_ensemble_jobs(jobs[jobs["trainer"] == "DiceTrainer"], members)["trainer"].tolist() == ["DiceTrainer"] * 2
    )
