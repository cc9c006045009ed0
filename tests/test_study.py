"""A study's config: defaults, products, and every mistake named in one sentence."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from nnunet_losses.base.errors import UserError
from nnunet_losses.study import PLANNERS, Run, load_study, read_splits

ROOT = Path(__file__).parents[1]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/study.schema.yaml").read_text())
CONFIG: dict[str, Any] = {"study": "s", "datasets": ["phantom"], "trainers": ["DiceTrainer", "TverskyTrainer_iw"]}


def load(**changes: Any) -> Any:
    return load_study(CONFIG | changes, SCHEMA, "s.yaml")


def schema_keys(schema: dict[str, Any], prefix: str = "") -> list[str]:
    keys = []
    for part in (schema, schema.get("items", {}), *schema.get("items", {}).get("oneOf", [])):
        for name, child in part.get("properties", {}).items():
            keys += [f"{prefix}{name}", *schema_keys(child, f"{prefix}{name}.")]
    return keys


def test_every_key_of_the_schema_is_explained_in_the_config_readme() -> None:
    readme = (ROOT / "config/README.md").read_text()
    keys = schema_keys(SCHEMA)
    sections = {
        key.rsplit(".", 1)[0] for key in keys if "." in key and not key.startswith(("configurations", "trainers"))
    }
    assert len(keys) > 20
    assert [key for key in keys if f"| `{key}` |" not in readme and key not in sections] == []


@pytest.mark.parametrize(
    "file", ["config/config.yaml", *sorted(str(p) for p in (ROOT / "config/studies").glob("*.yaml"))]
)
def test_shipped_studies_are_valid(file: str) -> None:
    study = load_study(yaml.safe_load((ROOT / file).read_text()), SCHEMA, file)
    assert study.baseline in study.trainers


def test_absent_sections_get_their_defaults() -> None:
    study = load()
    assert study.folds is None
    assert study.fold_count == 5
    assert study.checked_folds(5) == (0, 1, 2, 3, 4)
    assert study.config["evaluation"]["primary_metric"] == "dice"
    assert study.baseline == "DiceTrainer"
    assert study.trained == ("DiceTrainer", "TverskyTrainer_iw")


def test_products_are_multiplied_out_with_length_and_seeds_in_the_names() -> None:
    study = load(
        trainers=[{"losses": ["Tversky"], "weightings": ["none", "iw"], "parameters": {"fp": [0.1, 0.3]}}],
        training={"epochs": 20, "iterations": 50},
        seeds=[1, 2],
    )
    assert study.trainers == (
        "TverskyTrainer_fp0.1_20epochs_50iters",
        "TverskyTrainer_20epochs_50iters",  # 0.3 is the default
        "TverskyTrainer_fp0.1_iw_20epochs_50iters",
        "TverskyTrainer_iw_20epochs_50iters",
    )
    assert study.trained[:2] == (
        "TverskyTrainer_fp0.1_20epochs_50iters_seed1",
        "TverskyTrainer_fp0.1_20epochs_50iters_seed2",
    )


def test_a_trainer_that_names_its_own_length_keeps_it() -> None:
    study = load(
        trainers=["DiceTrainer_5epochs", "TverskyTrainer"], training={"epochs": 20}, baseline="DiceTrainer_5epochs"
    )
    assert study.trainers == ("DiceTrainer_5epochs", "TverskyTrainer_20epochs")


def test_planner_follows_from_plans() -> None:
    assert load(plans="nnUNetResEncUNetLPlans").planner == "nnUNetPlannerResEncL"
    assert set(PLANNERS) == set(SCHEMA["properties"]["plans"]["enum"])


def test_a_stock_trainer_can_be_compared_unless_a_length_is_asked_for() -> None:
    assert load(trainers=["nnUNetTrainer", "DiceTrainer"], seeds=[3]).trained == ("nnUNetTrainer", "DiceTrainer_seed3")
    with pytest.raises(UserError, match="nnUNetTrainer is not a trainer of this package"):
        load(trainers=["nnUNetTrainer"], training={"epochs": 2})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"foldz": 3}, r"s\.yaml: unknown key 'foldz'; did you mean 'folds'\?"),
        ({"folds": {"numbr": 3}}, r"unknown key 'numbr' in folds; did you mean 'number'\?"),
        ({"configurations": [{"name": "x", "patchsize": [8]}]}, r"unknown key 'patchsize' in configurations\.0"),
        ({"folds": {"number": 3, "run": [0, 3]}}, r"asks for fold 3, but there are 3 folds, 0 to 2"),
        ({"device": "gpu"}, r"device: 'gpu' is not one of"),
        ({"trainers": ["TverskyTrainer_fq0.1"]}, "TverskyTrainer_fq0.1"),
        ({"trainers": ["TverskiTrainer"]}, "TverskyTrainer"),
        ({"trainers": [{"losses": ["Tverky"]}]}, "There is no loss Tverky; did you mean Tversky"),
        ({"trainers": [{"losses": ["Tversky"], "parameters": {"zz": [1]}}]}, "Tversky has no hyper-parameter 'zz'"),
        ({"trainers": ["DiceTrainer", "DiceTrainer"]}, "DiceTrainer is listed twice"),
        ({"trainers": ["DiceTrainer_seed1"], "seeds": [1]}, "names a seed, and so does 'seeds'"),
        ({"baseline": "CrossEntropyTrainer"}, "the baseline CrossEntropyTrainer is not among the trainers"),
        ({"evaluation": {"metrics": ["dicee"]}}, "names 'dicee', which is no metric; did you mean 'dice'"),
        ({"evaluation": {"primary_metric": "ece"}}, "primary_metric 'ece' is not among evaluation.metrics"),
        ({"study": "My Study"}, "study: "),
        ({"seeds": [1, 1]}, "seeds: "),
    ],
)
def test_mistakes_get_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as raised:
        load(**changes)
    assert "\n" not in str(raised.value)


def test_record_holds_the_config_with_defaults_and_every_run() -> None:
    study = load()
    record = study.record([Run("Dataset900_Phantom", "3d_fullres", "DiceTrainer", 0)])
    assert record["config"]["folds"] == {"number": 5, "seed": 12345}
    assert record["runs"] == [
        {"dataset": "Dataset900_Phantom", "configuration": "3d_fullres", "trainer": "DiceTrainer", "fold": 0}
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "does not exist"),
        ("{", "cannot be read"),
        ("[]", "must hold a list of folds"),
        ('[{"train": ["a"], "val": []}]', "fold 0"),
        ('[{"train": ["a", "b"], "val": ["b"]}]', "has b in both"),
    ],
)
def test_broken_splits_get_one_sentence(tmp_path: Path, text: str | None, sentence: str) -> None:
    file = tmp_path / "splits.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=sentence):
        read_splits(file, "folds.file")
