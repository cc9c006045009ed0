"""The written report: complete, self-contained, safe, small, and the same each time."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.report import Comparison, write_report
from nnunet_losses.report.blocks import Table, Text
from nnunet_losses.report.sections import first_screen

from .conftest import PROVENANCE, TRAINERS, make_statistics, make_tables

VOID = {"meta", "img", "link", "br", "hr", "input", "col"}


class Page(HTMLParser):
    """The page as a flat list of elements with attributes, ancestors and text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[dict[str, Any]] = []
        self._open: list[dict[str, Any]] = []
        self.feed(text)
        assert not self._open, f"never closed: {[e['tag'] for e in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = {
            "tag": tag,
            "attrs": dict(attrs),
            "text": "",
            "inside": [e["tag"] for e in self._open],
            "children": [],
        }
        for parent in self._open[-1:]:
            parent["children"].append(element)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1]["tag"] == tag, f"</{tag}> closes {[e['tag'] for e in self._open][-3:]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element["text"] += data

    def all(self, *tags: str) -> list[dict[str, Any]]:
        return [element for element in self.elements if element["tag"] in tags]

    @property
    def text(self) -> str:
        return " ".join(" ".join(e["text"].split()) for e in self.all("main"))


Writer = Callable[..., Page]


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    def writer(tables: dict[str, pd.DataFrame], **options: Any) -> Page:
        options = {"provenance": PROVENANCE, "title": "Phantom", "baseline": TRAINERS[0]} | options
        options["statistics"] = make_statistics(tables, options["baseline"])
        path = write_report(tmp_path / "out", Comparison(tables=tables, **options))
        return Page(path.read_text(encoding="utf-8"))

    return writer


@pytest.fixture(scope="module")
def full(
    tables: dict[str, pd.DataFrame], statistics: dict[str, pd.DataFrame], gallery: pd.DataFrame,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:  # fmt: skip
    return write_report(tmp_path_factory.mktemp("full"), full_comparison(tables, statistics, gallery))


def full_comparison(
    tables: dict[str, pd.DataFrame], statistics: dict[str, pd.DataFrame], gallery: pd.DataFrame
) -> Comparison:
    return Comparison(
        tables=tables, statistics=statistics, provenance=PROVENANCE, gallery=gallery, title="Phantom",
        baseline=TRAINERS[0], created="1 January 2026",
    )  # fmt: skip


@pytest.fixture(scope="module")
def page(full: Path) -> Page:
    return Page(full.read_text(encoding="utf-8"))


def test_nothing_is_loaded_from_elsewhere(page: Page, full: Path) -> None:
    loading = {"src", "srcset", "data", "action", "poster", "background", "formaction"}
    for element in page.elements:
        for name, value in element["attrs"].items():
            if name in loading:
                assert value.startswith("data:image/"), (element["tag"], name, value[:80])
            if name in ("href", "xlink:href"):
                plain = element["tag"] == "a" and re.match(r"https://(doi\.org|arxiv\.org)/", value)
                assert plain or value.startswith("#") or re.fullmatch(r"data/[\w.-]*", value), (element["tag"], value)
    assert not page.all("link", "iframe", "object", "embed", "base")
    styles = "".join(e["text"] for e in page.all("style")) + "".join(e["attrs"].get("style", "") for e in page.elements)
    assert "@import" not in styles and not re.search(r"url\((?!#)", styles)


def test_every_linked_data_file_and_anchor_exists(page: Page, full: Path) -> None:
    ids = {e["attrs"]["id"] for e in page.elements if "id" in e["attrs"]}
    links = [e["attrs"][k] for e in page.elements for k in ("href", "xlink:href") if k in e["attrs"]]
    assert all(link[1:] in ids for link in links if link.startswith("#"))
    files = {link for link in links if link.startswith("data/")}
    assert len(files) >= 4 and all((full.parent / file).exists() for file in files)


def test_programs_find_the_verdicts_of_the_page(page: Page, full: Path) -> None:
    verdicts = json.loads((full.parent / "data/verdict.json").read_text())
    told = [e["text"] for e in page.all("p") if e["attrs"].get("class") in ("headline", "lead")]
    assert [verdicts[0]["headline"], verdicts[0]["detail"]] == told[:2]


def test_ids_are_unique(page: Page) -> None:
    ids = [e["attrs"]["id"] for e in page.elements if "id" in e["attrs"]]
    assert len(ids) == len(set(ids))


def test_every_picture_has_words(page: Page) -> None:
    assert page.all("img") and all(len(e["attrs"].get("alt", "")) > 20 for e in page.all("img"))
    drawings = page.all("svg")
    assert len(drawings) >= 10
    for drawing in drawings:
        assert drawing["attrs"]["role"] == "img"
        assert [child["tag"] for child in drawing["children"][:2]] == ["title", "desc"]
        assert re.match(r"Figure \d+\. \w", drawing["children"][0]["text"])
        assert len(drawing["children"][1]["text"]) > 20
    captions = [e["text"] for e in page.all("figcaption") if "figure" in e["text"].lower()]
    assert sum("How to read" in caption for caption in captions) == len(drawings)


def test_every_table_can_be_read_by_ear_and_without_javascript(page: Page) -> None:
    assert len(page.all("table")) >= 5
    for table in page.all("table"):
        assert table["children"][0]["tag"] == "caption" and table["children"][0]["text"].startswith("Table")
    assert all(e["attrs"].get("scope") in ("row", "col") for e in page.all("th"))
    assert all(row["children"][0]["attrs"]["scope"] == "row" for body in page.all("tbody") for row in body["children"])


def test_one_datatables_bundle_upgrades_the_tables(page: Page) -> None:
    scripts = page.all("script")
    assert [script["attrs"].get("id") for script in scripts] == ["datatables", None]
    assert "export{" in scripts[0]["text"] and len(scripts[0]["text"]) < 1_000_000


def test_the_first_screen_answers(page: Page) -> None:
    headline = next(e for e in page.all("p") if e["attrs"].get("class") == "headline")
    lead = next(e for e in page.all("p") if e["attrs"].get("class") == "lead")
    assert "Dice" in headline["text"]
    for part in ("15 cases", "%", "baseline", "min", "GB"):
        assert part in lead["text"]
    kinds = [e["tag"] for e in page.elements if e["tag"] in ("table", "svg")]
    assert kinds[:2] == ["table", "svg"]


def test_the_shared_ending_of_names_is_stated_once_and_kept_in_tooltips(page: Page) -> None:
    assert any("All trainers end in _20epochs_50iters" in e["text"] for e in page.all("caption"))
    head = next(e for e in page.all("th") if e["text"].startswith("Tversky"))
    assert head["text"] == "Tversky fp0.1 fn0.9" and head["attrs"]["title"] == TRAINERS[3]


def test_it_says_how_it_was_made(page: Page) -> None:
    for part in (
        "nnunetv2 2.8.1",
        "0123456789abcdef",
        '"epochs": 20',
        "Hodges-Lehmann",
        "@misc{salehi2017tversky",
        "6f1e",
    ):
        assert part in page.text, part


def test_it_is_small(full: Path) -> None:
    assert full.stat().st_size < 3_000_000


def test_the_same_input_gives_the_same_page(
    full: Path,
    tables: dict[str, pd.DataFrame],
    statistics: dict[str, pd.DataFrame],
    gallery: pd.DataFrame,
    tmp_path: Path,
) -> None:
    again = write_report(tmp_path, full_comparison(tables, statistics, gallery))
    assert again.read_bytes() == full.read_bytes()
    assert {p.name for p in again.parent.glob("data/*")} == {p.name for p in full.parent.glob("data/*")}


def test_data_are_the_tables_that_came_in(full: Path, tables: dict[str, pd.DataFrame]) -> None:
    pd.testing.assert_frame_equal(pd.read_parquet(full.parent / "data/cases.parquet"), tables["cases"])
    assert len(pd.read_csv(full.parent / "data/statistics_pairwise.csv")) > 0


HOSTILE = (
    "<script>alert(1)</script>", "$x_$", "_leading & \"quoted\" 'name'", "a" * 400, "损失_функция_\u202eevil",
    "nnUNetTrainer", "back\\slash{brace}%", "new\nline\x00nul",
)  # fmt: skip


def test_hostile_names_are_only_text(write: Writer, tmp_path: Path) -> None:
    tables = make_tables(HOSTILE, cases=9, datasets=("<img src=x onerror=alert(2)>",))
    tables["cases"]["case"] = "</svg><b>" + tables["cases"]["case"]
    tables["cases"]["label"] = "</script><script>alert(3)</script>"
    tables["lesions"]["label"] = "</script><script>alert(3)</script>"
    losses = {
        HOSTILE[0]: {
            "formula": "<i>f</i>",
            "reference": '<a href="https://evil">x</a> arXiv:1706.05721',
            "parameters": {},
        }
    }
    page = write(
        tables, baseline=HOSTILE[0], title="</title><script>alert(4)</script>",
        provenance={"<b>key</b>": "<u>value</u>", "losses": losses},
    )  # fmt: skip
    assert len(page.all("script")) == 2
    assert not any(re.search(r"alert\(\d", e["text"]) for e in page.all("script"))
    assert not [e for e in page.elements for name in e["attrs"] if name.startswith("on")]
    assert not page.all("i", "u") or all(e["text"] in ("How to read:",) for e in page.all("i", "u"))
    assert all(
        re.match(r"https://(doi|arxiv)\.org/", e["attrs"]["href"]) for e in page.all("a") if "//" in e["attrs"]["href"]
    )
    words = [e["text"] for e in page.all("text")]
    assert any(word == "$x_$" for word in words), "a name with dollars must not become a formula"
    assert any("<script>alert(1)</script>" in word for word in words)
    assert any("_leading" in word for word in words)
    assert max(map(len, words)) < 100
    assert not any("mathdefault" in word for word in words)


def test_one_trainer_and_one_case(write: Writer) -> None:
    tables = make_tables(TRAINERS[:1], cases=1)
    page = write(tables)
    assert "only loss" in page.text and "1 case" in page.text


def test_two_cases_are_said_to_be_too_few(write: Writer) -> None:
    page = write(make_tables(TRAINERS[:3], cases=2))
    assert "could have become significant" in page.text


def test_only_cases_still_make_a_report_that_names_what_is_missing(write: Writer) -> None:
    tables = {"cases": make_tables(cases=6)["cases"]}
    page = write(tables, provenance={})
    for part in ("the table of lesions", "training curves", "no table of jobs", "no images were given"):
        assert part in page.text, part


def test_a_table_of_undefined_values_is_not_a_crash(write: Writer) -> None:
    tables = make_tables(TRAINERS[:2], cases=6)
    cases = tables["cases"]
    cases.loc[cases["trainer"] == TRAINERS[1], ["value", "status"]] = [np.nan, "prediction_empty"]
    page = write(tables)
    assert "prediction empty" in page.text


def test_a_metric_without_any_value_is_one_sentence(write: Writer) -> None:
    tables = make_tables(TRAINERS[:2], cases=6, metrics=("dice", "recall"))
    tables["cases"].loc[tables["cases"]["metric"] == "recall", ["value", "status"]] = [np.nan, "reference_empty"]
    page = write(tables)
    [part] = [e for e in page.elements if e["attrs"].get("id", "").endswith("-metric-recall")]
    assert "No case has a value" in part["text"]
    assert "Table" not in part["text"]
    assert "Figure" not in part["text"]


def test_no_lesions_leave_their_section_out(write: Writer) -> None:
    tables = make_tables(TRAINERS[:2], cases=6)
    tables["lesions"] = tables["lesions"].iloc[:0]
    assert "the table of lesions" in write(tables).text


def test_failures_are_shown_and_counted(write: Writer) -> None:
    tables = make_tables(cases=6)
    jobs = tables["jobs"]
    jobs.loc[(jobs["trainer"] == TRAINERS[4]), "status"] = "collapsed"
    cases = tables["cases"]
    tables["cases"] = cases[cases["trainer"] != TRAINERS[4]].reset_index(drop=True)
    page = write(tables)
    assert "3 of 15 runs did not complete (Dice iw 3)" in page.text
    assert [e["text"] for e in page.all("td") if "bad" in e["attrs"]["class"]].count("collapsed") == 3
    first = page.all("table")[0]
    assert "Dice iw" in first["text"], "a loss without a single case still has its row"


def test_every_data_set_has_its_own_section(write: Writer) -> None:
    page = write(make_tables(TRAINERS[:3], cases=6, datasets=("Dataset001_A", "Dataset002_B")))
    heads = [e["text"] for e in page.all("h2")]
    assert [h for h in heads if h.startswith("Results")] == [
        "Results: Dataset001_A · 3d_fullres · lesion", "Results: Dataset002_B · 3d_fullres · lesion",
    ]  # fmt: skip


def test_many_data_sets_are_answered_in_one_table() -> None:
    names = tuple(f"Dataset00{i}_X" for i in range(1, 5))
    tables = make_tables(TRAINERS[:2], cases=3, datasets=names)
    comparison = Comparison(tables=tables, statistics=make_statistics(tables), title="T", baseline=TRAINERS[0])
    overview, *rest = first_screen(comparison)
    assert isinstance(overview, Table)
    assert [row[0].text for row in overview.rows] == [f"{name} · 3d_fullres · lesion" for name in names]
    assert [block.kind for block in rest if isinstance(block, Text)] == ["kicker", "headline", "lead"]


def test_an_unknown_primary_metric_is_refused(write: Writer) -> None:
    with pytest.raises(UserError, match="primary metric 'dise' is not in the table"):
        write(make_tables(TRAINERS[:2], cases=2), primary_metric="dise")


def test_a_report_without_cases_is_refused() -> None:
    with pytest.raises(UserError, match="needs the table 'cases'"):
        Comparison(tables={}, statistics={}, title="x", baseline="y")
