"""From blocks to one self-contained HTML page."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import itables
import jinja2
from markupsafe import Markup

from nnunet_losses.report.blocks import Block, Figure, Section, Table
from nnunet_losses.report.comparison import Comparison
from nnunet_losses.report.svg import to_svg


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


def render(comparison: Comparison, opening: Sequence[Block], sections: Sequence[Section]) -> str:
    """The whole page."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nnunet_losses.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"drawn": drawn}
    environment.tests |= {
        kind: _is(kind) for kind in ("Table", "Figure", "Text", "Code", "Definitions", "Tiles", "Link")
    }
    return environment.get_template("template.html.j2").render(
        comparison=comparison,
        opening=opening,
        sections=sections,
        count=Numbering(),
        style=own_file("style.css"),
        script=own_file("script.js"),
        datatables=_datatables() if _any_table(opening, sections) else "",
    )


def drawn(figure: Figure, number: int) -> Markup:
    """A figure's drawing as inline SVG."""
    return to_svg(
        figure.drawing, anchor=f"figure-{number}", title=f"Figure {number}. {figure.title}",
        description=figure.description, tips=figure.tips,
    )  # fmt: skip


def _is(kind: str) -> Any:
    return lambda block: type(block).__name__ == kind


def own_file(name: str) -> Markup:
    """A file of this package, to stand in the page as it is."""
    return Markup(files("nnunet_losses.report").joinpath(name).read_text(encoding="utf-8"))


def _datatables() -> Markup:
    """The DataTables bundle that itables packages, safe inside a script element."""
    text = files(itables).joinpath("html", "dt_bundle.js").read_text(encoding="utf-8")
    return Markup(text.replace("</script", "<\\/script").replace("<!--", "<\\!--"))


def _any_table(opening: Sequence[Block], sections: Sequence[Section]) -> bool:
    if any(isinstance(block, Table) for block in opening):
        return True
    return any(_any_table(section.blocks, section.parts) for section in sections)
