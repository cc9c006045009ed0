"""The guard against mixing two experiments in one folder, on plain records."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnunet_losses.nnunet.training.errors import StopTraining
from nnunet_losses.nnunet.training.experiment import claim_folder, refuse_other_experiment

EXPERIMENT = {"trainer": {"name": "DiceTrainer", "weights": (1.0, 0.5)}, "plans": {"spacing": np.array([1, 2])}}


def changed(**values: Any) -> dict[str, Any]:
    return EXPERIMENT | {"trainer": EXPERIMENT["trainer"] | values}


def test_a_new_folder_is_claimed_once(tmp_path: Path) -> None:
    claim_folder(tmp_path, EXPERIMENT)
    file = tmp_path / "experiment.json"
    written = json.loads(file.read_text())
    assert written["experiment"] == {
        "trainer": {"name": "DiceTrainer", "weights": [1.0, 0.5]},
        "plans": {"spacing": [1, 2]},
    }
    assert written["begun_with"].keys() == {"nnunet-losses", "python", "nnunetv2", "torch", "numpy"}
    file.write_text(json.dumps(written | {"begun_with": "an older version"}))
    claim_folder(tmp_path, EXPERIMENT)
    assert json.loads(file.read_text())["begun_with"] == "an older version"


def test_a_folder_without_a_record_is_not_claimed_by_asking(tmp_path: Path) -> None:
    refuse_other_experiment(tmp_path, EXPERIMENT)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("now", "sentence"),
    [
        (changed(name="IoUTrainer"), r'trainer\.name was "DiceTrainer" and is now "IoUTrainer"; rename or remove'),
        (changed(seed=3), r"trainer\.seed was absent and is now 3;"),
        ({"plans": EXPERIMENT["plans"]}, r"trainer\.name was .* and is now absent \(1 more difference\);"),
        (changed(name="A", weights=[1], seed=1), r"\(2 more differences\)"),
        (changed(weights=[1.0, 0.25]), r"trainer\.weights was \[1\.0, 0\.5\] and is now \[1\.0, 0\.25\]"),
        (changed(name="x" * 500), r"is now \"x+\.\.\.x+\";"),
    ],
)
def test_the_first_difference_is_named(tmp_path: Path, now: dict[str, Any], sentence: str) -> None:
    claim_folder(tmp_path, EXPERIMENT)
    for guard in (claim_folder, refuse_other_experiment):
        with pytest.raises(StopTraining, match=sentence) as stop:
            guard(tmp_path, now)
        assert len(str(stop.value.code)) < 600
        assert "\n" not in str(stop.value.code)


def test_long_values_that_differ_in_the_middle_differ(tmp_path: Path) -> None:
    claim_folder(tmp_path, changed(loss="x" * 200 + "a" + "x" * 200))
    with pytest.raises(StopTraining):
        claim_folder(tmp_path, changed(loss="x" * 200 + "b" + "x" * 200))


def test_not_a_number_equals_itself(tmp_path: Path) -> None:
    claim_folder(tmp_path, changed(weights=[float("nan")]))
    refuse_other_experiment(tmp_path, changed(weights=[float("nan")]))


@pytest.mark.parametrize("damaged", ["", "{", "[]", "{}", '"experiment"'])
def test_a_damaged_record_is_named(tmp_path: Path, damaged: str) -> None:
    (tmp_path / "experiment.json").write_text(damaged)
    with pytest.raises(StopTraining, match=r"experiment\.json is damaged; remove it if you are sure"):
        refuse_other_experiment(tmp_path, EXPERIMENT)
