"""The trainings that are running, found by Snakemake's jobs."""

import json
from pathlib import Path

from nnunet_losses.progress.events import Events
from nnunet_losses.progress.study import read_study


def test_a_running_training_is_read_where_nnunet_trains_it(tmp_path: Path) -> None:
    wildcards = {"dataset": "D", "plans": "P", "configuration": "3d", "trainer": "T", "fold": "1"}
    events = [
        {"event": "run_info", "time": 0, "stats": {"train": 2, "total": 2}},
        {"event": "job_info", "time": 1, "jobid": 1, "rule_name": "train", "wildcards": wildcards, "log": []},
        {"event": "job_info", "time": 1, "jobid": 2, "rule_name": "train", "wildcards": wildcards, "log": []},
        {"event": "job_finished", "time": 9, "job_id": 2},
    ]
    (tmp_path / "events").write_text("".join(json.dumps(event) + "\n" for event in events))
    fold = tmp_path / "results/D/T__P__3d/fold_1"
    fold.mkdir(parents=True)
    (fold / "debug.json").write_text('{"num_epochs": "7"}')
    study = read_study(Events(tmp_path / "events"), tmp_path / "results", started=0.0)
    assert [(training.name, training.progress.epochs) for training in study.trainings] == [("T · fold 1 · D 3d", 7)]
    assert (study.done, study.planned) == (1, 2)
