"""From blocks to one self-contained HTML page."""

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import partial
from importlib.resources import files
from typing import Any

import itables
import jinja2
from markupsafe import Markup

from nnunet_losses.base.tables.spreadsheet import as_text
from nnunet_losses.report.blocks import Block, Figure, Folded, Section, Table
from nnunet_losses.report.comparison import Comparison
from nnunet_losses.report.papers import Papers
from nnunet_losses.report.svg import StyleSheet, save_svg, to_svg


class Numbering:
    """Counts figures and tables while the page is written."""

    def __init__(self) -> None:
        self.figures = 0
        self.tables = 0

    def figure(self) -> int:
        """The number of the next figure."""
        self.figures += 1
        return self.figures

    def table(self) -> int:
        """The number of the next table."""
        self.tables += 1
        return self.tables


def render(
    comparison: Comparison, opening: Sequence[Block], sections: Sequence[Section], papers: Papers | None = None
) -> str:
    """The whole page; ``papers`` takes its figures and tables, which it links to."""
    papers = papers or Papers(())
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nnunet_losses.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sheet = StyleSheet()
    environment.globals |= {"drawn": partial(drawn, sheet, papers), "policy": policy, "papers": papers}
    environment.tests |= {
        kind: _is(kind) for kind in ("Table", "Figure", "Text", "Code", "Definitions", "Tiles", "Link", "Folded")
    }
    environment.filters["pasteable"] = as_text
    return environment.get_template("template.html.j2").render(
        comparison=comparison,
        opening=opening,
        sections=sections,
        count=Numbering(),
        style=own_file("style.css"),
        sheet=sheet,
        script=own_file("script.js"),
        tables_script=_tables_script() if _any_table(opening, sections) else "",
    )


def policy(scripts: Sequence[str], styles: Sequence[str]) -> Markup:
    """A content security policy: these scripts and styles, pictures within the page, and nothing from anywhere.

    Args:
        scripts: the exact content of each ``<script>`` element.
        styles: the exact content of each ``<style>`` element.
    """
    allowed = {
        "default-src": "'none'",
        "script-src": " ".join(map(_hashed, scripts)),
        "style-src": " ".join(map(_hashed, styles)),
        "img-src": "data:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return Markup("; ".join(f"{name} {value}" for name, value in allowed.items()))


def _hashed(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def drawn(sheet: StyleSheet, papers: Papers, figure: Figure, number: int) -> Markup:
    """A figure's drawing as inline SVG."""
    svg = save_svg(figure.drawing)
    papers.figure(figure, number, svg)
    return to_svg(
        svg, sheet, anchor=f"figure-{number}", title=f"Figure {number}. {figure.title}",
        description=figure.description, tips=figure.tips,
    )  # fmt: skip


def _is(kind: str) -> Any:
    return lambda block: type(block).__name__ == kind


def own_file(name: str) -> Markup:
    """A file of this package, to stand in the page as it is."""
    return Markup(files("nnunet_losses.report").joinpath(name).read_text(encoding="utf-8"))


def _tables_script() -> Markup:
    """The DataTables bundle that itables packages and its use, as one module; empty if the bundle has another form."""
    bundle = files(itables).joinpath("html", "dt_bundle.js").read_text(encoding="utf-8")
    exported = re.search(r"export\{[^{}]*?([\w$]+) as default[^{}]*\};?", bundle)
    if exported is None:
        return Markup()
    # Within the module, so that the page's policy need not allow scripts from blobs.
    bundle = bundle.replace(exported[0], "").replace("</script", "<\\/script").replace("<!--", "<\\!--")
    return Markup(f"{bundle}\n{{\nconst DataTable = {exported[1]};\n{own_file('tables.js')}}}\n")


def _any_table(opening: Sequence[Block], sections: Sequence[Section]) -> bool:
    if any(isinstance(block, Table | Folded) for block in opening):
        return True
    return any(_any_table(section.blocks, section.parts) for section in sections)
