"""Whatever a study's file or its record holds: a study, or our own error."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from nnunet_losses.study.config import StudyConfig
from nnunet_losses.study.record import read_record, write_record
from nnunet_losses.study.study import Study, configuration_names, read_study

from ..fuzzing import damaged, examples, files_in, outcome

SOUND: dict[str, Any] = {
    "study": "tiny",
    "title": "A tiny study",
    "datasets": ["phantom"],
    "cases": 4,
    "plans": "nnUNetPlans",
    "configurations": ["2d", {"name": "coarse", "spacing": [2.0, 2.0, 2.0], "batch_size": 2}],
    "trainers": [
        "nnUNetTrainer",
        {"losses": ["Tversky", "Dice"], "weightings": ["none", "iw"]},
        {"losses": ["Tversky"], "parameters": {"fp": [0.1, 0.2], "fn": [0.9]}},
        "FocalTrainer_gamma3",
    ],
    "baseline": "nnUNetTrainer",
    "folds": {"number": 3, "run": [0, 1], "seed": 7},
    "seeds": [1, 2],
    "device": "cpu",
    "evaluation": {"metrics": ["dice", "nsd_2mm"], "tolerances_mm": [1.0, 2.0], "strata_mm": [3.0, 9.0]},
    "statistics": {"resamples": 1000, "seed": 1},
}
WORDS = [
    *SOUND, *StudyConfig.model_fields, "name", "losses", "parameters", "number", "run", "file", "epochs", "2d", "fp",
    "TverskyTrainer_fp0.1", "Tversky", "a\nb", "../x", "1e3", "", "\x1b[2J", "\udc80", "nsd_1e3mm", "none", "<name>",
]  # fmt: skip
NUMBERS = st.sampled_from([0, 1, -1, 2, 1.0, 0.5, math.nan, math.inf, 10**30, 10**400, 2**32, 1e-300, -0.0])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4) | st.integers(), inner, max_size=3)
    ),
    max_leaves=5,
)


@st.composite
def contents(draw: st.DrawFn) -> Any:
    """A sound config with a few of its parts changed, taken away, or added."""
    content = json.loads(json.dumps(SOUND))
    content["trainers"] = content["trainers"][: draw(st.integers(1, 4))]
    for _ in range(draw(st.integers(0, 3))):
        part: Any = content
        while True:
            keys = list(part) if isinstance(part, dict) else list(range(len(part)))
            place = draw(st.sampled_from(keys)) if keys and draw(st.integers(0, 9)) else None
            if place is not None and isinstance(part[place], dict | list) and draw(st.booleans()):
                part = part[place]
                continue
            break
        if place is None:
            if isinstance(part, dict):
                part[draw(st.sampled_from(WORDS) | st.text(max_size=4))] = draw(VALUES)
            else:
                part.append(draw(VALUES))
        elif draw(st.integers(0, 3)):
            part[place] = draw(VALUES)
        else:
            del part[place]
    return content


def use(study: Study) -> None:
    """All that the workflow asks of a study."""
    for name in configuration_names(study.config):
        assert "\n" not in study.configuration_options(name)
    runs = study.runs(["Dataset001_A"], study.config.folds.number)
    assert study.baseline in study.trainers
    assert runs and study.planner
    assert all(run.trainer in study.trained for run in runs)
    assert set(study.foreign_trainers) <= set(study.trainers)


def read_and_use(path: Path) -> None:
    study = read_study(path)
    use(study)
    record = study.record(study.runs(["Dataset001_A"], study.config.folds.number))
    write_record(path.with_name("study.json"), record)
    assert read_record(path.with_name("study.json")) == record


@pytest.mark.slow
@examples(60)
@given(contents())
@example(SOUND)
@example({**SOUND, "trainers": [f"TverskyTrainer_fp{'1' * 5000}"]})
@example({**SOUND, "trainers": [f"TverskyTrainer_{'1' * 5000}epochs"]})
@example({**SOUND, "trainers": [{"losses": ["Tversky"] * 999, "parameters": {"fp": [0.1] * 999, "fn": [0.1] * 999}}]})
@example({**SOUND, "folds": {"number": 1000}, "seeds": [*range(1, 1000)]})
def test_any_config(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    folder = tmp_path_factory.getbasetemp() / "configs"
    folder.mkdir(exist_ok=True)
    path = folder / "study.yaml"
    path.write_bytes(yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "surrogatepass"))
    told = outcome(lambda: read_and_use(path))
    assert "\n" not in told
    assert set(files_in(folder)) <= {"study.yaml", "study.json"}
    if content is SOUND:
        assert told == "done"


@examples(40)
@given(st.one_of(damaged(yaml.safe_dump(SOUND).encode()), st.binary(max_size=60)))
@example(b"study: &a [*a]")
@example(b"? [a]\n: b")
def test_any_bytes_as_config(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "configs"
    folder.mkdir(exist_ok=True)
    (folder / "study.yaml").write_bytes(content)
    outcome(lambda: read_and_use(folder / "study.yaml"))
    (folder / "study.json").write_bytes(content)
    outcome(lambda: read_record(folder / "study.json"))
