"""Reports, figures and pages from the tables that studies kept."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from nnunet_losses.base.tables.spreadsheet import write_csv
from nnunet_losses.comparison.assemble import assemble
from nnunet_losses.comparison.several import evidence_of, read_kept, with_earlier
from nnunet_losses.comparison.tables import compare_tables
from nnunet_losses.report.figures import ranking
from nnunet_losses.report.svg import save_svg

ROOT = Path(__file__).parents[2]
STUDY = "which-loss-hippocampus"
LABEL = "anterior"


@pytest.fixture(scope="module")
def kept():
    """The committed study, its overlap of one label only, so that a test takes seconds."""
    file, folder = ROOT / "config/studies" / f"{STUDY}.yaml", ROOT / "reports" / STUDY / "trainings"
    study = read_kept(file, folder, datasets=ROOT / "config/datasets")
    config = study.record.config
    config = config.model_copy(
        update={
            "evaluation": config.evaluation.model_copy(update={"metrics": ("dice",)}),
            "statistics": config.statistics.model_copy(update={"resamples": 200}),
        }
    )
    cases = study.tables["cases"]
    cases = cases[(cases["label"] == LABEL) & (cases["metric"] == "dice")]
    tables = {"cases": cases, "jobs": study.tables["jobs"], "training": study.tables["training"]}
    return replace(study, record=study.record.model_copy(update={"config": config}), tables=tables)


def plain_means(kept) -> pd.Series:
    """The mean Dice of each loss, from the committed files and by nothing but pandas."""
    own = pd.concat([pd.read_parquet(folder / "cases.parquet") for folder in kept.folders])
    own = own[(own["label"] == LABEL) & (own["metric"] == "dice")]
    wide = own.groupby(["case", "trainer"])["value"].mean().unstack("trainer")  # noqa: PD010
    return wide.dropna().mean()


@pytest.mark.slow
def test_a_figure_of_a_committed_report_is_recomputed_from_the_committed_tables(kept):
    tables, statistics = compare_tables(kept.tables, kept.record)
    (view,) = assemble(tables, statistics, kept.record, provenance={}).views
    figure = ranking.draw(view)
    drawn = save_svg(figure.drawing).decode()
    shown = statistics["ranking"].set_index("trainer")["mean"]
    pd.testing.assert_series_equal(shown.sort_index(), plain_means(kept).sort_index(), check_names=False, rtol=1e-9)
    assert all(view.name(trainer) in drawn for trainer in shown.index)
    committed = ROOT / "reports" / STUDY / "data" / "statistics_ranking.csv"
    if committed.is_file():  # the numbers behind the committed figure
        own = pd.read_csv(committed).query("label == @LABEL and metric == 'dice'").set_index("trainer")["mean"]
        pd.testing.assert_series_equal(own.sort_index(), shown.sort_index(), check_names=False, rtol=1e-6)


@pytest.mark.slow
def test_the_tables_across_studies_say_which_study_each_row_is_of(kept):
    found = evidence_of([kept, replace(kept, name="again")], [])
    assert set(found["decisions"]["study"]) == {STUDY, "again"}
    row = found["studies"].iloc[0]
    assert (row["trainings"], row["asked"]) == (len(kept.folders), len(kept.record.evaluated))
    best = found["answers"].query("study == @STUDY and question == 'overlap, as trained' and best")
    assert "DiceTrainer_6epochs" in set(best["trainer"]) and "CrossEntropyTrainer_iw_6epochs" not in set(
        best["trainer"]
    )
    assert set(found["pilot"]["pilot"]) >= {"a quarter of the length", "half of the length"}


def test_what_an_earlier_page_says_of_a_study_without_tables_stays(tmp_path):
    now = {"decisions": pd.DataFrame({"study": ["a"], "word": ["better"], "n": [3], "low": [0.1]})}
    before = pd.DataFrame(
        {"study": ["a", "b", "c"], "word": ["worse", "undecided", ""], "n": [9, 5, 5], "low": [0.0, None, 0.5]}
    )
    write_csv(before, tmp_path / "decisions.csv")
    first = with_earlier(now, tmp_path, ["b", "a"])["decisions"]
    assert first["study"].tolist() == ["b", "a"], "in the order that was asked for"
    table = with_earlier(now, tmp_path, ["a", "b"])["decisions"]
    assert table["study"].tolist() == ["a", "b"]
    assert table["word"].tolist() == ["better", "undecided"]
    assert table["n"].tolist() == [3, 5]
    assert table["low"].isna().tolist() == [False, True]
    assert with_earlier(now, tmp_path / "nowhere", ["a", "b"])["decisions"].equals(now["decisions"])


def test_a_study_of_which_nothing_was_kept(tmp_path):
    file = ROOT / "config/studies" / f"{STUDY}.yaml"
    assert read_kept(file, tmp_path, datasets=ROOT / "config/datasets") is None
