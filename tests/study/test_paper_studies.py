"""The five papers' studies say of patches, batches and folds what their recipes' tables say."""

from pathlib import Path

import pytest

from nnunet_losses.data.description import find_descriptions
from nnunet_losses.nnunet.names.grammar import parse_trainer_name
from nnunet_losses.study.config import NewConfiguration
from nnunet_losses.study.study import Study, read_study

STUDIES = Path(__file__).parents[2] / "config" / "studies"
RECIPES = {
    "tversky-2017": "salehi2017",
    "mixed-focal-2021": "yeung2021",
    "inverse-weighting-2020": "shirokikh2020",
    "asymmetric-2018": "hashemi2018",
    "loss-odyssey-2021": "ma2021",
}


@pytest.fixture(autouse=True)
def from_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(STUDIES.parents[1])  # paths in studies are relative to it


def changes(study: Study) -> set[tuple[str, ...]]:
    return {parse_trainer_name(name).changes for name in study.trainers}


@pytest.mark.parametrize("paper", RECIPES)
def test_each_paper_has_a_study_by_nnunets_recipe_one_by_its_own_and_a_small_one_by_both(paper: str) -> None:
    nnunet, own, small = (read_study(STUDIES / f"{paper}{part}.yaml") for part in ("", "-paper", "-small"))
    recipe = (RECIPES[paper],)
    assert (changes(nnunet), changes(own), changes(small)) == ({()}, {recipe}, {(), recipe})
    assert own.config.datasets == nnunet.config.datasets
    assert own.config.folds == nnunet.config.folds
    plain = {str(parse_trainer_name(name).replace(changes=())) for name in own.trainers}
    assert plain <= set(nnunet.trainers)
    assert find_descriptions(nnunet.config.datasets, STUDIES.parent / "datasets")


@pytest.mark.parametrize(
    ("paper", "patch", "batch"),
    [
        ("tversky-2017", (128, 224, 256), 1),
        ("mixed-focal-2021", (80, 160, 160), 2),
        ("inverse-weighting-2020", (128, 128, 128), 2),
        ("asymmetric-2018", (128, 128, 128), 2),
    ],
)
def test_patches_and_batches_are_those_of_the_recipe(paper: str, patch: tuple[int, ...], batch: int) -> None:
    (configuration,) = read_study(STUDIES / f"{paper}-paper.yaml").config.configurations
    assert isinstance(configuration, NewConfiguration)
    assert (tuple(configuration.patch_size), configuration.batch_size) == (patch, batch)


def test_the_grid_of_the_tversky_paper_sums_to_one() -> None:
    grid = [parse_trainer_name(name) for name in read_study(STUDIES / "tversky-2017.yaml").trainers]
    weights = [{"fp_weight": 0.3, "fn_weight": 0.7} | dict(name.parameters) for name in grid if name.loss == "Tversky"]
    assert [w["fn_weight"] for w in weights] == [0.5, 0.6, 0.7, 0.8, 0.9]
    assert [w["fp_weight"] + w["fn_weight"] for w in weights] == pytest.approx([1.0] * 5)


def test_the_odyssey_compares_twenty_losses_and_the_split_of_lits_is_the_paper_s() -> None:
    losses = {parse_trainer_name(name).loss for name in read_study(STUDIES / "loss-odyssey-2021.yaml").trainers}
    assert len(losses) == 20
    assert read_study(STUDIES / "inverse-weighting-2020.yaml").fold_count({}) == 1
