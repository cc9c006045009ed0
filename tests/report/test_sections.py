"""The sections hold what can be shown, and say what cannot."""

import dataclasses
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.names import slug
from nnunet_losses.base.tables.results import RESULTS
from nnunet_losses.report import contents
from nnunet_losses.report.blocks import Block, Code, Definitions, Figure, Section, Table, Text
from nnunet_losses.report.comparison import Comparison
from nnunet_losses.report.page import render
from nnunet_losses.report.sections import all_sections, first_screen

from .conftest import TRAINERS, compared, make_gallery, make_tables


def blocks(sections: Iterable[Section]) -> Iterator[Block]:
    for section in sections:
        yield from section.blocks
        yield from blocks(section.parts)


NOT_MEASURED = ("Surface", "False alarms")  # in the study of these tests


def told(sections: Iterable[Section]) -> str:
    return " ".join(block.text for block in blocks(sections) if isinstance(block, Text))


def titles(sections: Iterable[Section]) -> list[str]:
    return [section.title for section in sections]


@pytest.fixture(scope="module")
def sections(comparison: Comparison) -> list[Section]:
    return all_sections(comparison)


@pytest.fixture(scope="module")
def bare(comparison: Comparison) -> Comparison:
    """Cases and nothing else."""
    return dataclasses.replace(comparison, tables={"cases": comparison.cases}, statistics={}, provenance={})


def test_everything_has_its_place_in_reading_order(sections: list[Section]) -> None:
    assert titles(sections) == [
        "Results: Dataset901_Phantom · 3d_fullres · lesion", "Training and cost", "Gallery", "Failures",
        "Statistics in detail", "Methods", "How this report was made", "References",
    ]  # fmt: skip
    shown = [part.title for part in contents.QUESTIONS if part.title not in NOT_MEASURED]
    assert titles(sections[0].parts) == shown
    assert titles(sections[1].parts) == ["Training", "Time and memory"]
    assert titles(sections[4].parts) == [*(part.title for part in contents.APPENDIX), "Other metrics"]
    assert all(part.folded for part in sections[4].parts[:-1])
    assert "Not shown: Surface (needs the normalised surface distance) and False alarms" in told(sections)


def test_every_maker_of_a_part_is_shown(sections: list[Section]) -> None:
    lacking = {"Stability": 1, "Probabilities": 1, "Ranking": 1}  # no seeds, no ECE, no preset
    for part in (*sections[0].parts, *sections[4].parts[:-1]):
        (planned,) = [p for p in (*contents.QUESTIONS, *contents.APPENDIX) if p.title == part.title]
        assert len(planned.makers) - len(part.blocks) == lacking.get(part.title, 0), part.title


def test_other_metrics_are_folded_and_called_exploratory(sections: list[Section]) -> None:
    others = sections[4].parts[-1]
    assert titles(others.parts) == ["Precision", "Recall", "HD95"]
    assert all(part.folded for part in others.parts)
    assert "exploratory" in told([others])
    for part in others.parts:
        assert [type(block).__name__ for block in part.blocks] == ["Text", "Table", "Figure", "Figure", "Figure"]


def test_anchors_are_unique_and_plain(sections: list[Section]) -> None:
    def anchors(found: Iterable[Section]) -> Iterator[str]:
        for section in found:
            yield section.anchor
            yield from anchors(section.parts)

    names = list(anchors(sections))
    assert len(names) == len(set(names))
    assert all(slug(name) == name for name in names)
    assert slug("Äöü!") == "part"


def test_what_is_missing_is_named_with_what_it_needs(bare: Comparison) -> None:
    words = told(all_sections(bare))
    for part in (*contents.QUESTIONS, *contents.APPENDIX, *contents.RUNS):
        assert f"{part.title} (needs {part.needs})" in words
    assert "no images were given" in words
    assert "there is no table of jobs" in words
    assert not any(isinstance(block, Figure | Table) for block in blocks(all_sections(bare)))


@pytest.mark.slow
def test_every_data_set_has_its_own_section_and_all_a_consensus(small: Comparison) -> None:
    made = all_sections(small)
    assert titles(made)[:5] == [
        "Across data sets",
        "Results: Dataset001_A · 3d_fullres · lesion",
        "Results: Dataset002_B · 3d_fullres · lesion",
        "Training and cost: Dataset001_A · 3d_fullres",
        "Training and cost: Dataset002_B · 3d_fullres",
    ]
    assert [type(block).__name__ for block in made[0].blocks] == ["Figure"]
    first, second = made[1:3]
    assert not any(isinstance(block, Table | Figure) for block in first.blocks), "the first screen has its answer"
    assert [type(block).__name__ for block in second.blocks][:2] == ["Text", "Table"]


def test_up_to_three_views_are_answered_in_full(small: Comparison) -> None:
    kinds = [block.kind if isinstance(block, Text) else type(block).__name__ for block in first_screen(small)]
    assert kinds == ["kicker", "headline", "Table", "note", "kicker", "headline", "note"]


def test_more_views_are_answered_in_one_table(comparison: Comparison) -> None:
    names = [f"Dataset00{i}_X" for i in range(1, 5)]
    cases = pd.concat([comparison.cases.assign(dataset=name) for name in names])
    many = dataclasses.replace(comparison, tables={"cases": cases}, statistics={})
    overview, *rest = first_screen(many)
    assert isinstance(overview, Table)
    assert [row[0].text for row in overview.rows] == [f"{name} · 3d_fullres · lesion" for name in names]
    assert {row[1].text for row in overview.rows} == {"Nothing to compare: no loss has a Dice."}
    assert [block.kind for block in rest if isinstance(block, Text)] == ["kicker", "headline"]


@pytest.mark.slow
def test_one_trainer_and_one_case_make_a_report() -> None:
    one = compared(make_tables(TRAINERS[:1], cases=1))
    assert "Nothing to compare: only nnUNetTrainer" in told([Section("", "", first_screen(one))])
    made = all_sections(one)
    assert titles(made[0].parts)[:1] == ["Overlap"]
    assert "Pairs over cases (needs a comparison of pairs)" in told(made)


@pytest.mark.slow
def test_a_metric_that_nobody_has_is_one_sentence() -> None:
    tables = make_tables(TRAINERS[:2], cases=6, metrics=("dice", "recall"))
    cases = tables["cases"]
    cases.loc[cases["metric"] == "recall", ["value", "status"]] = [np.nan, "reference_empty"]
    made = all_sections(compared({"cases": cases}))
    (recall,) = [part for part in made[-4].parts[-1].parts if part.title == "Recall"]
    assert [type(block).__name__ for block in recall.blocks] == ["Text", "Text"]
    assert told([recall]).endswith("There is no case in which every loss has a value: nothing to compare.")
    (failures,) = [section for section in made if section.title == "Failures"]
    (undefined,) = [block for block in failures.blocks if isinstance(block, Table)]
    assert [[cell.text for cell in row][2:] for row in undefined.rows] == [["reference empty", "left out", "6"]] * 2


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("completed", "Every training completed: none diverged, stopped early or is missing. None of the completed"),
        ("unfinished", "14 of 15 trainings completed; the others diverged, stopped early or are missing."),
        ("collapsed", "stopped early or is missing. 1 of the completed ones collapsed, that is, predicted background"),
    ],
)
def test_failures_say_whether_there_are_any(bare: Comparison, tables: dict, status: str, words: str) -> None:
    jobs = tables["jobs"].assign(status="completed", collapsed=False)
    jobs.loc[0, "status"] = status
    made = all_sections(dataclasses.replace(bare, tables={**bare.tables, "jobs": jobs}))
    (failures,) = [section for section in made if section.title == "Failures"]
    assert words in told([failures])
    assert len(failures.blocks) == (1 if status == "completed" else 2)


@pytest.mark.slow
def test_a_page_of_images_without_spacing_knows_no_millimetres() -> None:
    tables = make_tables(TRAINERS[:2], cases=8, metrics=("dice", "hd95"))
    cases, lesions = tables["cases"], tables["lesions"].assign(unit="px", dimensions=2)
    volume = cases[cases["metric"] == "dice"].assign(metric="false_positive_volume_ml", unit="ml")
    cases = pd.concat([cases, volume], ignore_index=True)
    cases["unit"] = cases["unit"].replace(["mm", "ml"], "px")
    made = compared({**tables, "cases": cases, "lesions": lesions})
    page = render(made, first_screen(made), all_sections(made))
    invisible = r'<(script|style)\b.*?</\1>|\b(id|href|aria-\w+)="[^"]+"|volume = {\d+}'
    read = re.sub(invisible, "", page, flags=re.DOTALL)
    assert re.findall(r".{0,40}\b(?:mm|ml|mm³|millimet\w+|sphere|[Vv]olume)\b.{0,20}", read) == []
    for words in (
        "Mean HD95 (px)",
        "False positive area",
        "&lt; 3 px",
        "Diameter of a disc with the area of the lesion",
    ):
        assert words in read


def test_a_loss_without_a_single_case_has_its_row(comparison: Comparison) -> None:
    lost = pd.DataFrame([{**comparison.tables["jobs"].iloc[0], "trainer": "BlobTrainer", "status": "missing"}])
    jobs = pd.concat([comparison.tables["jobs"], lost])
    opened = first_screen(dataclasses.replace(comparison, tables={**comparison.tables, "jobs": jobs}))
    assert "5 of 6 losses" in told([Section("", "", opened)])
    assert "Blob is left out: it has no case" in told([Section("", "", opened)])
    (card,) = [block for block in opened if isinstance(block, Table)]
    column = [column.name for column in card.columns].index("Blob")
    assert {row[column].text for row in card.rows if len(row) == len(card.columns)} == {"–"}


def test_how_it_was_made_is_told(sections: list[Section]) -> None:
    (made,) = [section for section in sections if section.anchor == "provenance"]
    facts = {name: value for block in made.blocks if isinstance(block, Definitions) for name, value in block.items}
    assert facts["Baseline"] == TRAINERS[0]
    assert facts["Report made"] == "1 January 2026"
    assert facts["Versions"] == "nnunet-losses 0.1.0, nnunetv2 2.8.1, torch 2.15.0"
    assert facts["Commit"] == "0123456789abcdef"
    assert any('"epochs": 20' in block.text for block in made.blocks if isinstance(block, Code))
    assert isinstance(made.blocks[-1], Table)


@pytest.mark.slow
def test_tables_without_their_optional_columns_are_reported(tmp_path: Path) -> None:
    tables = make_tables(TRAINERS[:2], cases=5, metrics=("dice", "recall", "precision"))
    pictures = make_gallery(tmp_path, tables)
    for name, table in tables.items():
        optional = [key for key, column in RESULTS[name].columns.items() if not column.required]
        tables[name] = table.drop(columns=optional, errors="ignore")
    made = compared(tables, gallery=pictures)
    assert "strata" not in made.statistics and not made.statistics["froc"].empty
    assert [block for section in all_sections(made) for block in section.blocks]
    assert [part.title for part in all_sections(made)[0].parts].count("Lesions found") == 1
    assert first_screen(made)


@pytest.mark.slow
def test_words_of_a_row_of_the_card_are_shown_though_the_metric_is_not_compared_in_detail(
    comparison: Comparison,
) -> None:
    decisions = comparison.statistics["decisions"]
    alarms = decisions[decisions["metric"] == "dice"].assign(metric="false_positive_count")
    statistics = {**comparison.statistics, "decisions": pd.concat([decisions, alarms])}
    (results, *_) = all_sections(dataclasses.replace(comparison, statistics=statistics))
    (part,) = [part for part in results.parts if part.title == "False alarms"]
    assert any(isinstance(block, Table) and block.source == "statistics_decisions" for block in part.blocks)
