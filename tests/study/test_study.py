"""A study's config: defaults, products, and every mistake said in one sentence."""

import inspect
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nnunet_losses.base.config.messages import keys_of
from nnunet_losses.base.errors import UserError
from nnunet_losses.data.description import DatasetDescription, load_dataset_description
from nnunet_losses.study.config import Plans, StudyConfig
from nnunet_losses.study.study import Study, load_study, read_study

ROOT = Path(__file__).parents[2]
CONFIG: dict[str, Any] = {"study": "s", "datasets": ["phantom"], "trainers": ["DiceTrainer", "TverskyTrainer_iw"]}


def load(**changes: Any) -> Study:
    return load_study(CONFIG | changes, "s.yaml")


STUDIES = [ROOT / "config/config.yaml", *sorted((ROOT / "config/studies").glob("*.yaml"))]


@pytest.mark.parametrize("file", STUDIES, ids=lambda path: path.stem)
def test_shipped_studies_are_valid(file: Path) -> None:
    study = read_study(file)
    assert study.baseline in study.trainers
    if not re.search(r"-20\d\d", study.name):  # a paper has its own baseline
        assert study.baseline == study.trainers[0]
        assert study.baseline.startswith("DiceCrossEntropyTrainer")  # nnU-Net's own loss


def test_absent_sections_get_their_defaults() -> None:
    study = load()
    assert study.folds(5) == (0, 1, 2, 3, 4)
    assert study.config.folds.number == 5
    assert study.config.decision.metric == "dice"
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


def test_products_take_recipes_and_pieces() -> None:
    product = {"losses": ["Dice"], "weightings": ["iw"], "recipes": ["none", "bspline_densenet", "ma2021"]}
    assert load(trainers=[product]).trainers == (
        "DiceTrainer_iw",
        "DiceTrainer_iw_densenet_bspline",
        "DiceTrainer_iw_ma2021",
    )
    with pytest.raises(UserError, match="there is no change unet of nnU-Net's recipe"):
        load(trainers=[product | {"recipes": ["unet"]}])


def test_a_trainer_that_names_its_own_length_keeps_it() -> None:
    study = load(
        trainers=["DiceTrainer_5epochs", "TverskyTrainer"], training={"epochs": 20}, baseline="DiceTrainer_5epochs"
    )
    assert study.trainers == ("DiceTrainer_5epochs", "TverskyTrainer_20epochs")


@pytest.mark.parametrize("plans", get_args(Plans))
def test_nnunet_has_the_planner_of_every_plans(plans: str) -> None:
    from nnunetv2.experiment_planning.experiment_planners import default_experiment_planner
    from nnunetv2.experiment_planning.experiment_planners.residual_unets import residual_encoder_unet_planners

    there = vars(residual_encoder_unet_planners) | vars(default_experiment_planner)
    planner = there[load(plans=plans).planner]
    assert inspect.signature(planner).parameters["plans_name"].default == plans


def test_a_stock_trainer_can_be_compared_unless_a_length_is_asked_for() -> None:
    study = load(trainers=["nnUNetTrainer", "DiceTrainer"], seeds=[3])
    assert study.trained == ("nnUNetTrainer", "DiceTrainer_seed3")
    assert study.foreign_trainers == ("nnUNetTrainer",)
    with pytest.raises(UserError, match="nnUNetTrainer is not a trainer of this package"):
        load(trainers=["nnUNetTrainer"], training={"epochs": 2})


def test_a_new_configuration_becomes_options_of_the_command_that_makes_it() -> None:
    new = {"name": "3d_tiny", "patch_size": [16, 32, 32], "spacing": [2, 1, 1], "features_per_stage": [4, 8]}
    study = load(configurations=["2d", new])
    assert study.configuration_options("2d") == ""
    assert study.configuration_options("3d_tiny") == (
        "--inherits-from 3d_fullres --patch-size 16 --patch-size 32 --patch-size 32"
        " --spacing 2.0 --spacing 1.0 --spacing 1.0 --features-per-stage 4 --features-per-stage 8"
    )


def test_a_study_asks_for_each_training_once() -> None:
    runs = load(configurations=["2d", "3d_fullres"], folds={"run": [0, 2]}, seeds=[1]).runs(["Dataset001_A"], 5)
    assert len(set(runs)) == len(runs) == 2 * 2 * 2
    assert runs[0].plain() == {
        "dataset": "Dataset001_A", "configuration": "2d", "trainer": "DiceTrainer_seed1", "fold": 0,
    }  # fmt: skip


MANY = [n / 1000 for n in range(100)]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"foldz": 3}, "unknown key 'foldz'; did you mean 'folds'?"),
        ({"epochs": 3}, "unknown key 'epochs'; did you mean 'training.epochs'?"),
        ({"folds": {"numbr": 3}}, "unknown key 'numbr' in folds; did you mean 'number'?"),
        ({"configurations": [{"name": "x", "patchsize": [8]}]}, "unknown key 'patchsize' in configurations."),
        ({"configurations": ["4d"]}, "configurations.0 must be one of 2d, 3d_fullres, 3d_lowres, 3d_cascade"),
        ({"configurations": [{"name": "3d_fullres"}]}, "configurations.0.name is '3d_fullres', which nnU-Ne"),
        ({"configurations": ["2d", "2d"]}, "the configuration 2d is listed twice; remove one."),
        ({"folds": {"number": 3, "run": [0, 3]}}, "folds.run asks for fold 3, but there are 3 folds, 0 to 2."),
        ({"folds": {"file": "a.json", "number": 3}}, "folds.file already defines the folds; leave folds.number out."),
        ({"folds": {"leave_out": "site", "group": "a"}}, "folds.leave_out already defines the folds; leave folds.g"),
        ({"folds": {"left_out": ["A"]}}, "folds.left_out has values, but folds.leave_out does not say of which col"),
        ({"folds": {"seed": -1}}, "folds.seed must be a whole number from 0 to 4,294,967,295, got -1."),
        ({"device": "gpu"}, "device must be one of cpu, cuda, mps, got 'gpu'."),
        ({"title": "a\nb"}, r"title must be one line of printable text, got 'a\nb'."),
        ({"study": "My Study"}, "study must be a short name of lower-case letters, digits and '-', got 'My Study'."),
        ({"study": "s\n"}, r"study must be a short name of lower-case letters, digits and '-', got 's\n'."),
        ({"study": "s-partial"}, "study must not end in '-partial'"),
        ({"trainers": ["TverskyTrainer_fq0.1"]}, "TverskyTrainer has no option fq0.1; its options are fp<number>"),
        ({"trainers": ["TverskiTrainer"]}, "there is no trainer TverskiTrainer; did you mean TverskyTrainer?"),
        ({"trainers": ["DiceTrainer", "DiceTrainer"]}, "the trainer DiceTrainer is listed twice; remove one."),
        ({"trainers": ["DiceTrainer_seed1"], "seeds": [1]}, "DiceTrainer_seed1 names a seed, and so does 'seeds'"),
        ({"trainers": [f"DiceTrainer_seed{2**32}"]}, f"the seed of DiceTrainer_seed{2**32} must be at most"),
        ({"trainers": ["DiceTrainer_9999999epochs"]}, "DiceTrainer_9999999epochs: epochs must be a whole nu"),
        ({"trainers": [3]}, "trainers.0 must be a name, or a table that makes several, got 3; put it in quotes."),
        ({"trainers": [{"losses": ["Tverky"]}]}, "There is no loss Tverky; did you mean Tversky?"),
        ({"trainers": [{"losses": ["Tversky"], "parameters": {"zz": [1]}}]}, "Tversky has no hyper-paramete"),
        ({"trainers": [{"losses": ["Tversky"], "parameters": {"fp": [True]}}]}, "must be a finite number ≥"),
        ({"trainers": [{"losses": ["Tversky"], "parameters": {"fp": [math.nan]}}]}, "fp.0 must be a number,"),
        ({"trainers": [{"losses": ["Tversky"], "parameters": {"fp": [10**400]}}]}, "fp.0 must be a number,"),
        ({"trainers": [{"losses": ["Tversky"], "parameters": {"fp": MANY, "fn": MANY}}]}, "asks for 10000 t"),
        ({"baseline": "CrossEntropyTrainer"}, "the baseline CrossEntropyTrainer is not among the trainers ("),
        ({"seeds": [1, 1]}, "seeds lists 1 twice; remove one."),
        ({"training": {"epochs": 10**30}}, "training.epochs must be a whole number from 1 to 1,000,000, got 1000000"),
        ({"evaluation": {"metrics": ["dicee"]}}, "evaluation.metrics names 'dicee', which is not a metric of t"),
        ({"evaluation": {"metrics": ["dice", "nsd_3mm"]}}, "evaluation.metrics names 'nsd_3mm', which is no"),
        ({"decision": {"metric": "ece"}}, "decision.metric 'ece' is not among evaluation.metrics"),
        ({"decision": {"alpha": 0.5}}, "decision.alpha must be"),
        ({"decision": {"question": "best"}}, "decision.question must be"),
        ({"evaluation": {"strata_mm": [10, 5]}}, "evaluation.strata_mm must be two ascending limits, small|"),
        ({"evaluation": {"preset": "brats"}}, "evaluation.preset is 'brats', which is no preset; there are isles22,"),
        ({"evaluation": {"iou_threshold": 1}}, "evaluation.iou_threshold must be"),
        (
            {"evaluation": {"metrics": ["dice", "msseg_lesion_f1"], "preset": "shifts"}},
            "evaluation.metrics names 'msseg_lesion_f1', which is not a metric of this study",
        ),
        (
            {"evaluation": {"metrics": ["dice", "lesion_f1_iou"], "iou_threshold": 0.1}},
            "evaluation.metrics names 'lesion_f1_iou', which is not a metric of this study; did you mean "
            "'lesion_f1_iou0.1'",
        ),
        ({"evaluation": {"tolerances_mm": [math.inf]}}, "evaluation.tolerances_mm.0 must be a number above"),
        ({"statistics": {"resamples": 10**12}}, "statistics.resamples must be a whole number from 100 to 1,"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as refusal:
        load(**changes)
    assert sentence in str(refusal.value).removeprefix("s.yaml: ")
    assert "\n" not in str(refusal.value)


def test_a_metric_at_a_further_tolerance_can_be_compared() -> None:
    study = load(evaluation={"tolerances_mm": [1, 3], "metrics": ["dice", "nsd_3mm"]})
    assert study.config.evaluation.metrics == ("dice", "nsd_3mm")


def test_a_slip_does_not_plan_trainings_without_end() -> None:
    study = load(seeds=[*range(1, 1001)])
    with pytest.raises(UserError, match="asks for 200000 trainings; at most 100000 are possible"):
        study.runs(["Dataset001_A"], 100)


KEYS = sorted({name.rpartition(".")[2] for name in keys_of(StudyConfig)})
PLAUSIBLE = st.sampled_from(
    ["DiceTrainer", "TverskyTrainer_fp0.1", "Tversky", "nnUNetTrainer", "3d_fullres", "dice", "iw", "cpu", "fp", "a\nb"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | PLAUSIBLE
    | st.builds(lambda: 10**5000)
    | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.integers() | st.none() | PLAUSIBLE, inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(sorted(StudyConfig.model_fields)) | st.text(max_size=3), VALUES, max_size=4))
@example({"trainers": [{"losses": ["Tversky"], "parameters": {"fp": ["x"]}}]})
@example({"trainers": [{"losses": ["Focal"], "parameters": {"gamma": [10**11]}}], "training": {"epochs": 1}})
def test_any_mapping_is_a_study_or_refused_in_one_sentence(changes: dict[str, Any]) -> None:
    assert outcome(changes) in ("a study", "refused in one sentence")


def outcome(changes: dict[str, Any]) -> str:
    try:
        study = load_study(CONFIG | changes)
    except UserError as error:
        return "refused in one sentence" if "\n" not in str(error) else str(error)
    return "a study" if study.trained and study.baseline in study.trainers else repr(study)


def test_every_loss_finishes_a_round_before_the_next_begins() -> None:
    study = load(seeds=[7, 3], folds={"number": 2})
    rounds = study.rounds(study.runs(["Dataset001_A"], 2))
    ordered = sorted(rounds, key=lambda run: rounds[run])
    assert [(run.trainer.rpartition("_")[2], run.fold) for run in ordered] == [
        ("seed7", 0), ("seed7", 0), ("seed7", 1), ("seed7", 1), ("seed3", 0), ("seed3", 0), ("seed3", 1), ("seed3", 1),
    ]  # fmt: skip
    assert sorted(set(rounds.values())) == [0, 1, 2, 3]


def test_rounds_without_seeds_and_with_trainers_of_others_go_by_fold() -> None:
    study = load(trainers=["DiceTrainer", "nnUNetTrainer"], folds={"number": 2})
    rounds = study.rounds(study.runs(["Dataset001_A"], 2))
    assert {run.fold: number for run, number in rounds.items()} == {0: 0, 1: 1}


def test_folds_by_group_need_a_case_table_with_that_column(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("case,patient\na,1\n")
    source = {"name": "Dataset001_A", "source": {"path": str(tmp_path)}}
    without = {"Dataset001_A": load_dataset_description(source)}
    with_table = {"Dataset001_A": load_dataset_description(source | {"case_table": "cases.csv"})}
    assert load().case_tables(without) == {}
    assert load(folds={"group": "patient"}).case_tables(with_table) == {"Dataset001_A": str(tmp_path / "cases.csv")}
    assert load().case_tables(with_table) == {"Dataset001_A": str(tmp_path / "cases.csv")}
    with pytest.raises(UserError, match="s.yaml: statistics.cluster is 'patient', but .* names no table of the cases"):
        load(statistics={"cluster": "patient"}).case_tables(without)
    with pytest.raises(
        UserError, match="s.yaml: folds.group is 'patient', but .* names no table of the cases; add 'case_"
    ):
        load(folds={"group": "patient"}).case_tables(without)
    with pytest.raises(UserError, match="has no column 'site'; it has case, patient"):
        load(folds={"group": "site"}).case_tables(with_table)


def test_data_sets_that_know_their_cases_bring_the_table_with_them(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("case,image,label,site\na,a.nii.gz,b.nii.gz,X\n")
    bids = {"folder": "/data/bids", "channels": {"FLAIR": "FLAIR"}, "derivatives": "raters", "label": ["mask"]}
    labels = {"labels": {"background": 0, "lesion": 1}}
    known = {
        "Dataset001_A": {"bids": bids},
        "Dataset002_B": {"original": {"layout": "kits19", "path": "/data/kits"}},
        "Dataset003_C": {"table": {"file": str(tmp_path / "cases.csv")}},
        "Dataset004_D": {"path": "/data/raw"},
    }
    descriptions = {
        name: load_dataset_description({"name": name, "source": source, **labels}) for name, source in known.items()
    }
    made = {name: f"results/datasets/{name}/cases.csv" for name in list(known)[:3]}
    assert load().covariate_tables(descriptions) == made
    assert load().case_tables(descriptions) == {**made, "Dataset003_C": str(tmp_path / "cases.csv")}
    del descriptions["Dataset004_D"], descriptions["Dataset003_C"]
    assert load(folds={"group": "patient"}).case_tables(descriptions)
    with pytest.raises(UserError, match=r"folds.leave_out is 'site', but .* names no table of the cases"):
        load(folds={"leave_out": "site"}).case_tables(descriptions)


def test_the_folds_that_leave_a_site_out_are_as_many_as_sites(tmp_path: Path) -> None:
    def described(number: int, sites: Sequence[str]) -> dict[str, DatasetDescription]:
        name, table = f"Dataset00{number}_A", f"cases{number}.csv"
        (tmp_path / table).write_text("case,site\n" + "".join(f"c{n},{site}\n" for n, site in enumerate(sites)))
        source = {"name": name, "source": {"path": str(tmp_path)}, "case_table": table}
        return {name: load_dataset_description(source)}

    held_out = load(folds={"leave_out": "site", "left_out": ["B", "C"]})
    assert held_out.fold_count(described(1, "ABCDEFGG")) == 1  # a test set, whatever else there is
    study = load(folds={"leave_out": "site", "run": [6]})
    assert study.fold_count(described(1, "ABCDEFGG")) == 7
    assert load(folds={"number": 4}).fold_count(described(1, "AB")) == 4
    with pytest.raises(UserError, match="as many values of 'site' in every data set, .* 3 in Dataset001_A, 2 in Dat"):
        study.fold_count(described(1, "ABC") | described(2, "ABAB"))
    with pytest.raises(UserError, match="has no value of 'site' for the case c1"):
        study.fold_count(described(1, ["A", "", "B"]))


def test_the_scores_of_a_preset_are_compared_beside_the_metrics_and_can_decide() -> None:
    study = load(
        evaluation={"metrics": ["dice", "lesion_pq_iou0.1"], "preset": "shifts", "iou_threshold": 0.1},
        decision={"metric": "shifts_ndsc"},
    )
    assert study.config.evaluation.compared == ("dice", "lesion_pq_iou0.1", "shifts_ndsc", "shifts_lesion_f1")
    assert study.config.decision.metric == "shifts_ndsc"


def test_an_ensemble_has_the_members_of_the_same_seed_and_a_name() -> None:
    study = load(ensembles=[["DiceTrainer", "TverskyTrainer_iw"]], seeds=[1, 2], training={"epochs": 9})
    assert study.ensembled == {
        f"Ensemble_Dice+Tversky-iw_9epochs_seed{seed}": (
            f"DiceTrainer_9epochs_seed{seed}", f"TverskyTrainer_iw_9epochs_seed{seed}",
        )
        for seed in (1, 2)
    }  # fmt: skip
    runs = study.runs(["Dataset001_A"], 3)
    beside = study.ensemble_runs(runs)
    assert [(run.trainer, run.fold) for run in beside] == [(name, f) for name in study.ensembled for f in range(3)]
    record = study.record(runs)
    assert dict(record.ensembles) == study.ensembled
    assert not any(run.trainer.startswith("Ensemble") for run in record.runs)


def test_a_member_that_takes_no_seed_joins_every_seed() -> None:
    study = load(trainers=["DiceTrainer", "nnUNetTrainer"], ensembles=[["DiceTrainer", "nnUNetTrainer"]], seeds=[1, 2])
    assert study.ensembled == {
        f"Ensemble_Dice+nnUNetTrainer_seed{seed}": (f"DiceTrainer_seed{seed}", "nnUNetTrainer") for seed in (1, 2)
    }


@pytest.mark.parametrize(
    ("ensembles", "sentence"),
    [
        ([["DiceTrainer"]], "ensembles.0 must be a list of two trainers or more, got ['DiceTrainer']"),
        ([["DiceTrainer", "DiceTrainer"]], "lists 'DiceTrainer' twice"),
        ([["DiceTrainer", "FocalTrainer"]], "has the member FocalTrainer, which is not among the trainers"),
        ([["DiceTrainer", "TverskyTrainer_iw"], ["TverskyTrainer_iw", "DiceTrainer"]], "is listed twice; remove one"),
        (["DiceTrainer"], "ensembles.0 must be a list"),
    ],
)
def test_an_ensemble_that_cannot_be_is_one_sentence(ensembles: Any, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        load(ensembles=ensembles)
    assert sentence in str(error.value)
