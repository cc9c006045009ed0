"""What a report gives to a paper: figures, tables, methods and references, whatever names they hold."""

import re
from pathlib import Path

import pandas as pd
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.report import bibliography
from nnunet_losses.report.blocks import Cell, Column, Figure, Table
from nnunet_losses.report.comparison import Comparison, View
from nnunet_losses.report.figures import ranking
from nnunet_losses.report.papers import Papers, as_frame, as_latex, escape, paper_texts, parse_formats
from nnunet_losses.report.svg import save_svg

from .conftest import TRAINERS

HOSTILE = ("a & b", "50 %", "$x_1$", "#1", "x_y", "{z}", "~", "^", "back\\slash", "<b>", "|", r"\input{/etc/passwd}")


@pytest.fixture
def table() -> Table:
    rows = [
        [Cell("=cmd|' /C calc'!A0"), Cell("0.713 [0.65, 0.77]", 0.713, kind="strong")],
        [Cell("[b]* 50 % of x_1"), Cell("−0.02", -0.02)],
    ]
    return Table("Dice & recall", [Column("Loss #", numeric=False), Column("Mean [95\u00a0%\u00a0CI]")], rows)


def test_a_table_for_latex(table: Table) -> None:
    assert as_latex(table).splitlines() == [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        r"\caption{Dice \& recall}",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"Loss \# & Mean [95~\%~CI] \\",
        r"\midrule",
        r"=cmd\textbar{}' /C calc'!A0 & \textbf{0.713 [0.65, 0.77]} \\",
        r"{}[b]* 50 \% of x\_1 & $-$0.02 \\",  # after \\, a bracket or a star would be an option of it
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def test_a_cell_may_span_columns_and_have_further_lines() -> None:
    columns = [Column("Question", numeric=False), Column("A"), Column("B")]
    block = Table("Card", columns, [[Cell("Who?"), Cell("not comparable", span=2, below=("n = 2",))]])
    assert r"Who? & \multicolumn{2}{l}{not comparable; n = 2} \\" in as_latex(block)
    assert as_frame(block).to_numpy().tolist() == [["Who?", "not comparable; n = 2", ""]]


def test_what_means_something_to_latex_is_escaped_as_pandas_does() -> None:
    theirs = (
        pd.DataFrame({"x": HOSTILE}).style.format(escape="latex").hide(axis="index").hide(axis="columns").to_latex()
    )
    pandas_rows = [line.removesuffix(r" \\") for line in theirs.splitlines()[1:-1]]
    ours = [escape(text) for text in HOSTILE]
    for mine, other, text in zip(ours, pandas_rows, HOSTILE, strict=True):
        plain = mine.replace(r"\textless{}", "<").replace(r"\textgreater{}", ">").replace(r"\textbar{}", "|")
        assert plain.replace("{}", "") == re.sub(r"\\textasciitilde |\\space", r"\\textasciitilde", other).replace(
            r"\textbackslash ", r"\textbackslash"
        ).replace(r"\textasciicircum ", r"\textasciicircum"), text


def test_line_breaks_and_marks_that_turn_text_are_blanks() -> None:
    assert escape("new\nline\x00\u202eevil") == "new line  evil"


def test_names_that_are_formulas_stay_names_in_the_tables(table: Table, comparison: Comparison, tmp_path: Path) -> None:
    papers = Papers(())
    links = papers.table(table, 3)
    assert links == [("CSV", "paper/table-03-dice-recall.csv"), ("LaTeX", "paper/table-03-dice-recall.tex")]
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / "table-09-of-an-earlier-report.csv").touch()
    papers.write(tmp_path, comparison)
    found = pd.read_csv(tmp_path / links[0][1])
    assert found["Loss #"].tolist() == ["'=cmd|' /C calc'!A0", "[b]* 50 % of x_1"]
    assert {path.name for path in (tmp_path / "paper").iterdir()} == {
        "table-03-dice-recall.csv", "table-03-dice-recall.tex", "methods.txt", "methods.md", "methods.tex",
        "references.bib",
    }  # fmt: skip
    assert not (tmp_path / "figures").exists()


@pytest.mark.slow
def test_a_figure_is_written_in_the_formats_asked_for(view: View, comparison: Comparison, tmp_path: Path) -> None:
    figure = ranking.draw(view)
    assert isinstance(figure, Figure)
    papers = Papers(("svg", "pdf"))
    papers.figure(figure, 7, save_svg(figure.drawing))
    links = papers.figure_links(7)
    assert [word for word, _ in links] == ["SVG", "PDF"]
    assert papers.figure_links(8) == []
    papers.write(tmp_path, comparison)
    svg, pdf = ((tmp_path / file).read_bytes() for _, file in links)
    assert svg.startswith(b"<?xml") and b"</svg>" in svg
    assert pdf.startswith(b"%PDF-") and b"/FontFile2" in pdf and b"/Type3" not in pdf  # TrueType, within the file
    assert b"CreationDate" not in pdf


def test_formats_are_read_and_others_refused() -> None:
    assert parse_formats("pdf, SVG") == ("svg", "pdf")
    assert parse_formats("none") == ()
    for text in ("png", "svg,png", "", "none,svg"):
        with pytest.raises(UserError, match=r"There is no format of figures .*; take svg, pdf or none"):
            parse_formats(text)


def test_every_citation_of_the_methods_is_in_the_references(comparison: Comparison) -> None:
    texts = paper_texts(comparison)
    keys = re.findall(r"^@\w+\{([^,]+),", texts["references.bib"], re.MULTILINE)
    assert len(keys) == len(set(keys))
    marked = re.findall(r"(?<!\\)@([\w-]+)", texts["methods.md"])
    assert set(marked) == set(keys)
    assert set(re.split(",", ",".join(re.findall(r"\\cite\{([^}]+)\}", texts["methods.tex"])))) == set(keys)
    assert r"Tversky fp0.1 fn0.9 \cite{salehi2017tversky}" in texts["methods.tex"]
    assert "Tversky fp0.1 fn0.9 [@salehi2017tversky]" in texts["methods.md"]
    numbers = {int(n) for n in re.findall(r"^\[(\d+)\] ", texts["methods.txt"], re.MULTILINE)}
    assert numbers == set(range(1, len(keys) + 1))
    assert "nnU-Net [1]; Tversky fp0.1 fn0.9 [2]" in texts["methods.txt"]
    assert texts["methods.txt"].startswith("We compared 5 loss functions")
    assert "temperature scaling [@guo2017calibration]" in texts["methods.md"]
    assert "All trainer names contain 20epochs and 50iters" in texts["methods.tex"]
    assert TRAINERS[3] not in texts["methods.tex"]


def test_two_works_of_one_author_and_year_have_different_keys() -> None:
    entries = bibliography.entries(["Doe 2031, doi:10.1000/a", "Doe 2031, doi:10.1000/b", "Doe 2031, doi:10.1000/a"])
    assert sorted(entry.key for entry in entries.values()) == ["doe2031", "doe2031x"]
    assert bibliography.bibtex(entries).count("@misc{doe2031") == 2
