"""The written report: complete, self-contained, safe, small, and the same each time."""

import base64
import dataclasses
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.report import Comparison, write_report
from nnunet_losses.report import write as writing

from .conftest import TRAINERS, compared, make_tables

pytestmark = pytest.mark.slow  # whole reports are written
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


@pytest.fixture(scope="session")
def pictured(comparison: Comparison, gallery: pd.DataFrame) -> Comparison:
    """The study with its pictures, without two of its further metrics, which are drawn like the third."""
    statistics = {
        name: table[~table["metric"].isin(["precision", "recall"])] if "metric" in table else table
        for name, table in comparison.statistics.items()
    }
    return dataclasses.replace(comparison, statistics=statistics, gallery=gallery, title="Phantom")


@pytest.fixture(scope="session")
def full(pictured: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("full"), pictured)


@pytest.fixture(scope="session")
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
                assert plain or value.startswith("#") or re.fullmatch(r"(data|figures|paper)/[\w.-]*", value), (
                    element["tag"],
                    value,
                )
    assert not page.all("link", "iframe", "object", "embed", "base")
    styles = "".join(e["text"] for e in page.all("style"))
    assert "@import" not in styles and not re.search(r"url\((?!#)", styles)


def test_every_linked_data_file_and_anchor_exists(page: Page, full: Path) -> None:
    ids = {e["attrs"]["id"] for e in page.elements if "id" in e["attrs"]}
    links = [e["attrs"][k] for e in page.elements for k in ("href", "xlink:href") if k in e["attrs"]]
    assert all(link[1:] in ids for link in links if link.startswith("#"))
    files = {link for link in links if link.startswith(("data/", "figures/", "paper/"))}
    assert len(files) >= 4 and all((full.parent / file).exists() for file in files)


def test_programs_find_the_verdicts_of_the_page(page: Page, full: Path) -> None:
    verdicts = json.loads((full.parent / "data/verdict.json").read_text())
    told = [e["text"] for e in page.all("p") if e["attrs"].get("class") in ("headline", "lead", "note")]
    assert [verdicts[0][part] for part in ("headline", "left_out", "detail")] == told[:3]


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
    assert [script["attrs"].get("type") for script in scripts] == ["module", None]
    assert "new DataTable(" in scripts[0]["text"] and len(scripts[0]["text"]) < 1_000_000


def test_a_policy_admits_these_scripts_and_styles_alone(page: Page) -> None:
    (policy,) = (e["attrs"]["content"] for e in page.all("meta") if "http-equiv" in e["attrs"])
    sources = {name: set(values) for name, *values in map(str.split, policy.split(";"))}

    def hashes(tag: str) -> set[str]:
        digests = (hashlib.sha256(e["text"].encode()).digest() for e in page.all(tag))
        return {f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests}

    none = {name: {"'none'"} for name in ("default-src", "object-src", "base-uri", "form-action")}
    assert sources == {
        **none, "script-src": hashes("script"), "style-src": hashes("style"), "img-src": {"data:"}
    }  # fmt: skip
    assert len(sources["script-src"]) == 2 and len(sources["style-src"]) == 1
    assert not [e for e in page.elements for name in e["attrs"] if name == "style" or name.startswith("on")]


def test_drawings_have_the_styles_that_they_had_before_as_classes(page: Page) -> None:
    (sheet,) = (e["text"] for e in page.all("style"))
    rules = dict(re.findall(r"^\.(s\d+)\{(.*)\}$", sheet, re.MULTILINE))
    assert set(rules) == {
        e["attrs"]["class"] for e in page.all("svg", "path", "g", "text", "use") if "class" in e["attrs"]
    }
    assert all(rules[e["attrs"]["class"]].startswith("max-width: ") for e in page.all("svg"))
    assert any("text-anchor: middle" in rules[e["attrs"].get("class", "")] for e in page.all("text"))
    assert "svg *{stroke-linejoin: round; stroke-linecap: butt}" in sheet


def test_the_first_screen_answers(page: Page) -> None:
    headline = next(e for e in page.all("p") if e["attrs"].get("class") == "headline")
    lead = next(e for e in page.all("p") if e["attrs"].get("class") == "lead")
    assert "Dice" in headline["text"]
    assert lead["text"] == "Compared: 5 of 5 losses, 15 of 15 cases; CrossEntropy collapsed in 1 of 3 trainings."
    card = next(e for e in page.elements if e["tag"] == "table")
    assert "card" in card["attrs"]["class"].split()


def test_what_all_names_share_is_stated_once_and_kept_in_tooltips(page: Page) -> None:
    assert any("All trainer names contain 20epochs and 50iters" in e["text"] for e in page.all("caption"))
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


def test_the_same_input_gives_the_same_page(full: Path, pictured: Comparison, tmp_path: Path) -> None:
    again = write_report(tmp_path, dataclasses.replace(pictured))  # without what was computed before
    assert again.read_bytes() == full.read_bytes()
    assert {p.name for p in again.parent.glob("*/*")} == {p.name for p in full.parent.glob("*/*")}
    for file in [*full.parent.glob("figures/*"), *full.parent.glob("paper/*")]:
        assert (tmp_path / file.relative_to(full.parent)).read_bytes() == file.read_bytes()


def test_data_are_the_tables_that_came_in(full: Path, tables: dict[str, pd.DataFrame]) -> None:
    pd.testing.assert_frame_equal(pd.read_parquet(full.parent / "data/cases.parquet"), tables["cases"])
    assert len(pd.read_csv(full.parent / "data/statistics_pairwise.csv")) > 0


FORMULAS = ("=cmd|' /C calc'!A0", "+1-2Trainer", "-Trainer", "@SUM(A1)")


def test_names_that_are_formulas_stay_names_in_tables_that_are_copied_from_the_page(tmp_path: Path) -> None:
    tables = make_tables(("nnUNetTrainer", *FORMULAS), cases=4)
    page = Page(write_report(tmp_path, compared(tables, "nnUNetTrainer")).read_text(encoding="utf-8"))
    cells = [e["text"] for e in page.all("td", "th") if e["attrs"]["class"].startswith("words")]
    assert {f"'{name}" for name in FORMULAS} <= set(cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    table = pd.read_csv(tmp_path / "data" / "cases.csv")
    assert set(table["trainer"]) == {"nnUNetTrainer", *(f"'{name}" for name in FORMULAS)}
    assert set(pd.read_parquet(tmp_path / "data" / "cases.parquet")["trainer"]) == {"nnUNetTrainer", *FORMULAS}


HOSTILE = (
    "<script>alert(1)</script>", "$x_$", "_leading & \"quoted\" 'name'", "a" * 400, "损失_функция_\u202eevil",
    "nnUNetTrainer", "back\\slash{brace}%", "new\nline\x00nul",
)  # fmt: skip


def test_hostile_names_are_only_text(tmp_path: Path) -> None:
    tables = make_tables(HOSTILE, cases=4, datasets=("<img src=x onerror=alert(2)>",))
    tables["cases"]["case"] = "</svg><b>" + tables["cases"]["case"]
    for table in ("cases", "lesions"):
        tables[table]["label"] = "</script><script>alert(3)</script>"
    losses = {
        HOSTILE[0]: {
            "formula": "<i>f</i>",
            "reference": '<a href="https://evil">x</a> arXiv:1706.05721',
            "parameters": {},
        }
    }
    hostile = compared(
        tables, HOSTILE[0], title="</title><script>alert(4)</script>",
        provenance={"<b>key</b>": "<u>value</u>", "losses": losses},
    )  # fmt: skip
    page = Page(write_report(tmp_path, hostile).read_text(encoding="utf-8"))
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


def test_a_page_too_large_to_mail_is_refused(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_BYTES", 1000)
    with pytest.raises(UserError, match="more than 0; compare fewer trainers"):
        write_report(tmp_path, dataclasses.replace(comparison, tables={"cases": comparison.cases}, statistics={}))
    assert not list(tmp_path.iterdir()), "a report is complete or absent"


def test_a_report_of_aggregated_results_tells_of_no_single_case(pictured: Comparison, tmp_path: Path) -> None:
    write_report(tmp_path, pictured, viewer=True)
    names = set(pictured.cases["case"])
    assert any(name in (tmp_path / "report.html").read_text(encoding="utf-8") for name in names)

    path = write_report(tmp_path, dataclasses.replace(pictured, aggregated=True), viewer=True)
    assert not (tmp_path / "viewer.html").exists()
    for file in tmp_path.rglob("*"):
        if file.suffix == ".parquet":
            assert "case" not in pd.read_parquet(file), file
        elif file.is_file():
            text = file.read_text(encoding="utf-8")
            assert not [name for name in names if name in text], file
    page = Page(path.read_text(encoding="utf-8"))
    assert "One dot is one case" not in page.text
    assert "Not shown: shows single cases." in page.text
    assert "Case by case (shows single cases)" in page.text
    assert "Aggregated results only" in page.text
    assert "Table 1" in page.text and "every loss against every other" in page.text
    for link in (e["attrs"].get("href", "") for e in page.all("a")):
        if link.startswith(("data/", "figures/", "paper/")):
            assert (tmp_path / link).exists(), link
