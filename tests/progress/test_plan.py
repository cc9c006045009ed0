"""What a study costs, from its trainings or from a benchmark."""

import json
from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.benchmark import Figure
from nnunet_losses.progress import plan
from nnunet_losses.progress.plan import LossCost, loss_of, plan_study, unmeasured
from nnunet_losses.study.record import Run
from nnunet_losses.study.study import Study, load_study

DATASET, CONFIGURATION = "Dataset900_P", "3d_fullres"
EXPERIMENT = {"median_image_size_in_voxels": [32, 32, 32], "patch_size": [32, 32, 32]}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Three losses on four folds of two cases each; the data are prepared."""
    monkeypatch.setattr(plan, "experiments_of", lambda *_: {(DATASET, CONFIGURATION): EXPERIMENT})
    monkeypatch.setattr(plan, "_parameters", lambda *_: 1000)
    splits = tmp_path / f"results/datasets/{DATASET}/splits_final.json"
    splits.parent.mkdir(parents=True)
    cases = [f"c{n}" for n in range(8)]
    folds = [cases[2 * n : 2 * n + 2] for n in range(4)]
    splits.write_text(json.dumps([{"train": [c for c in cases if c not in fold], "val": fold} for fold in folds]))
    trainers = ["DiceTrainer", "FocalTrainer", "TverskyTrainer"]
    config = {"study": "s", "datasets": ["p"], "trainers": trainers, "folds": {"number": 4}, "device": "cpu"}
    return load_study(config | {"training": {"epochs": 10, "iterations": 25}, "seeds": [1]})


def figure(loss: str, step: float) -> Figure:
    return Figure(DATASET, CONFIGURATION, loss, step, validation_step=0.5, patch=0.25, parameters=1, hardware="h")


def runs_of(study: Study) -> tuple[Run, ...]:
    return study.runs([DATASET], 4)


def train(folder: Path, run: Run, seconds: list[float], rest: float = 0.0, *, finished: bool = False) -> None:
    """Leave what a training of these epochs leaves, and ``rest`` seconds around them."""
    fold = folder / f"work/nnUNet_results/{run.dataset}/{run.trainer}__nnUNetPlans__{run.configuration}/fold_{run.fold}"
    fold.mkdir(parents=True)
    lines = [f"Epoch {n}\n2026-11-25 20:00:00.000000: Epoch time: {s} s" for n, s in enumerate(seconds)]
    end = f"2026-11-25 20:{int(sum(seconds) + rest) // 60:02}:{(sum(seconds) + rest) % 60:09.6f}: Validation complete"
    text = "\n".join(["2026-11-25 20:00:00.000000: begin", *lines, end, ""])
    (fold / "training_log_2026_11_25_20_00_00.txt").write_text(text)
    if finished:
        place = folder / f"results/models/{run.dataset}/nnUNetPlans__{run.configuration}/{run.trainer}/fold_{run.fold}"
        place.mkdir(parents=True)
        (place / "jobs.parquet").touch()


def test_before_anything_ran_the_benchmark_tells(study: Study, tmp_path: Path) -> None:
    runs = runs_of(study)
    figures = [figure("DiceTrainer", 1.0), figure("FocalTrainer", 2.0)]
    planned = plan_study(study, runs, tmp_path, figures)
    # an epoch has 25 steps and 5 of validation; two cases of one patch, mirrored in 8 ways
    dice, focal = (10 * (25 * step + 5 * 0.5) + 2 * 8 * 0.25 for step in (1.0, 2.0))
    assert [(c.loss, c.step, c.source) for c in planned.costs] == [
        ("DiceTrainer", pytest.approx(1.1), "benchmark"),
        ("FocalTrainer", pytest.approx(2.1), "benchmark"),
        ("TverskyTrainer", pytest.approx(1.6), "other losses"),
    ]
    assert [c.seconds for c in planned.costs] == pytest.approx([4 * dice, 4 * focal, 2 * (dice + focal)])
    assert planned.seconds == planned.seconds_left == pytest.approx(6 * (dice + focal))
    assert (planned.trainings, planned.finished) == (12, 0)
    assert planned.bytes_left == 12 * 3 * 8 * 1000
    # each loss on one fold; three, two, two and two losses
    assert (planned.pilot_trainings, planned.pilot_seconds) == (3, pytest.approx(1.5 * (dice + focal)))
    assert (planned.race_trainings, planned.race_seconds) == (9, pytest.approx(9 / 12 * planned.seconds))


def test_what_trainings_took_counts_more_than_the_benchmark_and_what_is_done_is_not_left(
    study: Study, tmp_path: Path
) -> None:
    runs = runs_of(study)
    dice = [run for run in runs if run.trainer.startswith("Dice")]
    train(tmp_path, dice[0], [30.0] * 10, rest=40.0, finished=True)
    train(tmp_path, dice[1], [30.0] * 4)
    events = tmp_path / "logs/run/s/2026-11-25_200000.jsonl"
    events.parent.mkdir(parents=True)
    lines = [
        {"event": "run_info", "time": 0, "stats": {"evaluate": 1}},
        {"event": "job_info", "time": 5, "jobid": 1, "rule_name": "evaluate", "wildcards": {}, "log": []},
        {"event": "job_finished", "time": 15, "job_id": 1},
    ]
    events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    planned = plan_study(study, runs, tmp_path, [figure("FocalTrainer", 1.0)])
    assert planned.costs[0] == LossCost(
        DATASET, CONFIGURATION, "DiceTrainer", pytest.approx(1.2), pytest.approx(4 * (300 + 40 + 10)), "trainings"
    )
    assert planned.costs[1].source == "benchmark"
    others = sum(cost.seconds for cost in planned.costs[1:])
    assert planned.finished == 1
    assert planned.seconds_left == pytest.approx(others + (0.6 * 300 + 50) + 2 * (300 + 50))
    assert planned.bytes_left == 11 * 3 * 8 * 1000


def test_only_what_neither_ran_nor_was_measured_has_to_be_measured(study: Study, tmp_path: Path) -> None:
    runs = runs_of(study)
    figures = [figure("DiceTrainer", 1.0)]
    assert [loss_of(run.trainer) for run in unmeasured(study, runs, tmp_path, figures)] == [
        "FocalTrainer", "TverskyTrainer",
    ]  # fmt: skip
    assert len(unmeasured(study, runs, tmp_path, figures, all_of_them=True)) == 3
    train(tmp_path, runs[0], [30.0])
    assert unmeasured(study, runs, tmp_path, []) == []
    assert len(unmeasured(study, runs, tmp_path, [], all_of_them=True)) == 3


def test_data_that_are_not_prepared_are_one_sentence(tmp_path: Path) -> None:
    study = load_study({"study": "s", "datasets": ["p"], "trainers": ["DiceTrainer"]}, "my.yaml")
    with pytest.raises(UserError, match=r"has not been prepared .* first: nnunet-losses run data --configfile my"):
        unmeasured(study, study.runs([DATASET], 5), tmp_path, [])


def test_a_recipe_has_its_own_length() -> None:
    assert plan.length_of("DiceTrainer_iw_shirokikh2020") == (100, 100)
    assert plan.length_of("DiceTrainer_shirokikh2020_7epochs_seed1") == (7, 100)


def test_seed_and_length_are_no_part_of_a_loss() -> None:
    assert loss_of("TverskyTrainer_fp0.1_iw_10epochs_50iters_seed2") == "TverskyTrainer_fp0.1_iw"
    assert loss_of("nnUNetTrainer_5epochs") == "nnUNetTrainer_5epochs"
