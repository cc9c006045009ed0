"""What documents show of the losses: pages, pictures and tables, made from the losses themselves."""

import importlib.util
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from nnunet_losses.base.metrics import METRICS
from nnunet_losses.base.metrics.challenges import CHALLENGES
from nnunet_losses.base.states import Question
from nnunet_losses.base.tables.results import RESULTS
from nnunet_losses.losses import CATALOGUE, CrossEntropyLoss
from nnunet_losses.losses.catalogue import package_of
from nnunet_losses.nnunet.names.changes import CHANGES
from nnunet_losses.nnunet.training.changes import choices_of
from nnunet_losses.statistics import TABLES

DOCS = Path(__file__).parents[1] / "docs"


def load(name: str) -> ModuleType:
    """A module of the folder of documents, which is no package."""
    specification = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


generate, hooks = load("generate"), load("hooks")
OURS = [name for name, loss in CATALOGUE.items() if package_of(loss) == "nnunet_losses"]


def test_every_preset_and_its_scores_are_on_the_page_of_challenges():
    page = hooks.on_page_markdown((DOCS / "howto" / "challenges.md").read_text())
    for challenge in CHALLENGES.values():
        assert f"| `{challenge.name}` | {challenge.title} | {challenge.source} |" in page
        assert all(f"| `{metric.name}` |" in page for metric in challenge.metrics)


def test_every_data_set_that_says_what_it_is_stands_on_the_page():
    page = hooks.on_page_markdown((DOCS / "datasets.md").read_text())
    files = sorted((DOCS.parent / "config" / "datasets").glob("*.yaml"))
    described = [file.stem for file in files if "\nabout:\n" in file.read_text()]
    assert len(described) >= 16
    assert [name for name in described if f"| `{name}` |" not in page] == []


def test_every_recipe_and_piece_is_on_its_page_with_all_its_choices():
    page = hooks.on_page_markdown((DOCS / "recipes.md").read_text())
    for word in CHANGES:
        assert f"\n## `{word}`\n" in page
        assert all(f"| {choice.what} | {choice.value} | {choice.mark} |" in page for choice in choices_of(word))
    assert "| fusion alone |" in page


@pytest.mark.slow
def test_which_loss_is_made_from_the_tables_across_studies_as_they_are_now():
    which_loss = load("which_loss")
    assert (DOCS / "which-loss.md").read_text() == which_loss.made(), "run `python docs/which_loss.py`"


def test_which_loss_says_of_a_study_without_tables_that_it_was_not_measured():
    which_loss = load("which_loss")
    text = which_loss.page({}, ["which-loss-nothing"], which_loss.read_published([]))
    assert text.count("Not measured yet.") == 5


def test_which_loss_compares_patch_sampling_by_the_same_losses():
    which_loss = load("which_loss")
    values = {
        "A_9epochs": 0.5,
        "A_lesionsampling_9epochs": 0.6,
        "B_9epochs": 0.2,
        "B_lesionsampling_9epochs": 0.5,
        "C": 0,
    }
    answers = pd.DataFrame({"trainer": values.keys(), "value": values.values(), "question": str(Question.OVERLAP)})
    assert which_loss._of_sampling(answers) == pytest.approx(0.2)
    assert which_loss._told(which_loss._of_sampling(answers.head(1))) == which_loss.NOT_MEASURED


def test_every_loss_is_on_exactly_one_page_and_in_its_picture():
    families = generate.families()
    assert Counter(name for names in families.values() for name in names) == Counter(OURS)
    for family, names in families.items():
        picture = (DOCS / "images" / "losses" / f"{family}.svg").read_text()
        assert all(f">{name}<" in picture for name in names), "run `python docs/generate.py`"
        assert f"images/losses/{family}.svg" in (DOCS / "losses" / f"{family}.md").read_text()


def test_the_readme_has_the_table_of_losses():
    readme = (DOCS.parent / "README.md").read_text()
    assert generate.with_table_of_losses(readme) == readme, "run `python docs/generate.py`"
    for name in OURS:
        assert f"| `{name}Trainer` | {CATALOGUE[name].formula} | {CATALOGUE[name].reference} |\n" in readme


def test_a_table_of_the_readme_is_replaced_and_nothing_else():
    before, after = "# Title\n\n", "\ntext | with a bar\n\n| another | table |\n|---|---|\n"
    old = "| trainer | formula | source |\n|---|---|---|\n| `OldTrainer` | 1 | 2 |\n"
    assert generate.with_table_of_losses(before + old + after) == before + generate.table_of_losses() + after


def test_the_page_on_security_is_the_file_beside_the_readme():
    page = hooks.on_page_markdown((DOCS / "security.md").read_text())
    assert page.startswith("# Security\n") and "## How to report a vulnerability" in page
    targets = re.findall(r"\]\((?!http)([\w/.-]+)\)", page)
    assert targets and all((DOCS / target).is_file() for target in targets)
    assert "](SECURITY.md)" in (DOCS.parent / "README.md").read_text()


def test_pages_show_every_hyper_parameter_of_every_loss():
    for page, names in generate.families().items():
        text = hooks.on_page_markdown((DOCS / "losses" / f"{page}.md").read_text())
        for name in names:
            below = text.partition(f"::: nnunet_losses.losses.{CATALOGUE[name].functional.__name__}\n")[2]
            rows = below.partition("\n:::")[0].strip().splitlines()[2:]
            keywords = [row.split(" | ")[1].strip("`") for row in rows]
            assert keywords == [parameter.keyword for parameter in CATALOGUE[name].hyper_parameters]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        (
            "FocalTversky",
            "| `fn<x>` | `fn_weight` | 0.7 | ≥ 0 | α | weight of false negatives "
            "| fewer missed voxels, more false positives |",
        ),
        (
            "Focal",
            "| `alpha<x>`, `noalpha` | `alpha` | 0.25 | ≥ 0 and ≤ 1, or None | α | weight of the foreground; "
            "the background has 1 − alpha | missed voxels cost more, false positives less |",
        ),
        (
            "Dice",
            "| `squared` | `squared` | off | on or off | – | squares in the denominator (V-Net) "
            "| on: Σ p² + Σ g² takes the place of Σ p + Σ g |",
        ),
        (
            "UnifiedFocal",
            "| `symmetric` | `form` | asymmetric | a choice | – | terms that have a focus "
            "| asymmetric: all but those of the rare class; symmetric: every term |",
        ),
    ],
)
def test_a_row_says_all_of_a_hyper_parameter(name: str, row: str):
    assert row in hooks.hyper_parameters(CATALOGUE[name]).splitlines()


def test_a_loss_without_hyper_parameters_has_no_table():
    assert hooks.hyper_parameters(CrossEntropyLoss) == ""


def test_the_table_of_metrics_says_all_of_a_metric():
    rows = hooks.on_page_markdown("text\n\n{{ metrics }}\n").splitlines()[4:]
    assert len(rows) == len(METRICS)
    assert (
        "| `hd95` | HD95 | mm | lower | ≥ 0 | 1 | counts "
        "| Larger of the two directed 95th percentiles of border distances. |"
    ) in rows
    assert (
        "| `recall` | Recall | 1 | higher | 0 to 1 | 0.01 | undefined "
        "| Share of reference voxels that were found, TP / (TP + FN). |"
    ) in rows


def test_a_picture_is_drawn(tmp_path: Path):
    generate.draw(["Dice", "CrossEntropy"], tmp_path / "two.svg")
    assert (tmp_path / "two.svg").stat().st_size > 1000


def test_the_page_of_tables_has_every_table_and_nothing_is_left_to_fill_in():
    page = hooks.on_page_markdown((DOCS / "tables.md").read_text())
    assert "{{" not in page
    for table in [*RESULTS.values(), *TABLES.values()]:
        assert f"\n{table.describe()}\n" in page


def test_which_loss_names_the_best_and_marks_what_is_better_than_the_baseline():
    which_loss = load("which_loss")
    where = {"study": "s", "dataset": "D", "configuration": "c", "label": "l"}
    question = str(which_loss.Question.OVERLAP)
    answers = pd.DataFrame(
        {
            "question": question,
            "metric": "dice",
            "trainer": ["ATrainer", "BTrainer", "CTrainer"],
            "value": [0.5, 0.7, 0.6],
        }
    ).assign(**where, best=[False, True, True])
    pairs = pd.DataFrame(
        {
            "trainer_a": ["BTrainer", "CTrainer", "BTrainer"],
            "trainer_b": ["ATrainer", "ATrainer", "CTrainer"],
            "word": ["better", "undecided", "undecided"],
        }
    ).assign(**where, metric="dice", subject="losses")
    studies = pd.DataFrame(
        [
            {
                "study": "s",
                "dataset": "D",
                "title": "Which loss? Data",
                "baseline": "ATrainer",
                "trainings": 6,
                "trainers": 3,
            }
        ]
    )
    tables = {"studies": studies, "answers": answers, "decisions": pairs}
    text = which_loss.in_short(tables, which_loss.read_published([]))
    assert "| **B** and C | not measured | not measured |" in text
    tables["decisions"] = pairs.assign(word="equivalent")
    assert "| all equivalent | not measured |" in which_loss.in_short(tables, which_loss.read_published([]))
    tables["decisions"] = pairs.assign(subject="models")
    assert "| one training for each loss | not measured |" in which_loss.in_short(tables, which_loss.read_published([]))
    tables = {**tables, "decisions": pairs.assign(word="undecided"), "answers": answers.assign(best=False)}
    assert "| *none* | not measured |" in which_loss.in_short(tables, which_loss.read_published([]))


def test_which_loss_compares_the_order_of_the_losses_between_networks():
    which_loss = load("which_loss")
    small = {"ATrainer_bfloat16": 0.1, "BTrainer_bfloat16": 0.2, "CTrainer_bfloat16": 0.3, "DTrainer_bfloat16": 0.9}
    large = {"ATrainer": 0.4, "BTrainer": 0.6, "CTrainer": 0.5}
    answers = pd.DataFrame(
        [
            {
                "study": study,
                "configuration": f"2d_{study}",
                "question": question,
                "metric": metric,
                "trainer": trainer,
                "value": value,
            }
            for study, values in (("small", small), ("large", large))
            for question, metric in (
                (str(which_loss.Question.OVERLAP), "dice"),
                (str(which_loss.Question.FALSE_ALARMS), "false_positive_count"),
            )
            for trainer, value in values.items()
        ]
    ).assign(dataset="D", label="l")
    overlap, alarms = which_loss.networks({"answers": answers}).splitlines()[-2:]
    # of the pairs AB, AC and BC, the last is in the other order: (2 - 1) / 3
    assert overlap == "| overlap, as trained | 3 | +0.33 | C | B |"
    assert alarms == "| false alarms | 3 | +0.33 | A | A |"
    assert "Not measured yet." in which_loss.networks({"answers": answers.query("study == 'small'")})
    assert "Not measured yet." in which_loss.networks({"answers": answers.assign(configuration="2d")})
    same = answers.assign(value=0.5)
    assert "| 3 | not measured |" in which_loss.networks({"answers": same})
