"""The pieces of a report: paragraphs, figures, tables and sections, before they become HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup


@dataclass(frozen=True)
class Cell:
    """One cell: its text, the value it is sorted by, the words of its tooltip, and where it leads."""

    text: str
    order: float | str | None = None
    tip: str = ""
    kind: str = ""  # some of "good", "bad", "strong", "quiet", "baseline", "best", "models"
    link: str = ""  # anchor in the page
    span: int = 1  # columns
    below: tuple[str, ...] = ()  # further lines, in small type


@dataclass(frozen=True)
class Column:
    """The head of a column, and whether it holds numbers (right-aligned, tabular figures)."""

    name: str
    tip: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    """A table with its caption; the first cell of each row is the row's head."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    source: str = ""  # file under data/
    note: str = ""
    long: bool = False  # searched and paged where JavaScript runs
    kind: str = ""  # "", "card"


@dataclass(frozen=True)
class Figure:
    """A figure: drawing, caption, how to read it, what a screen reader says of it, and its data."""

    title: str
    how_to_read: str
    description: str
    drawing: Any  # matplotlib figure, turned into SVG and closed when the report is written
    source: str
    tips: Mapping[str, Sequence[str]] = field(default_factory=dict)  # gid of a group of marks: a tooltip for each


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    kind: str = ""  # "", "kicker", "headline", "lead", "note", "key"


@dataclass(frozen=True)
class Link:
    """A paragraph that is a link to a file beside the page."""

    text: str
    file: str


@dataclass(frozen=True)
class Code:
    """Text to be copied as it is."""

    text: str
    label: str
    prose: bool = False  # set like text, not like code


@dataclass(frozen=True)
class Definitions:
    """Terms and their values."""

    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Tile:
    """A small picture with its alternative text and the words below it."""

    data: str  # data URI
    alt: str
    title: str
    caption: str
    tip: str = ""


@dataclass(frozen=True)
class Tiles:
    """A row of pictures of one case."""

    title: str
    note: str
    tiles: Sequence[Tile]


@dataclass(frozen=True)
class Folded:
    """A block that opens on demand."""

    title: str
    block: Table


@dataclass(frozen=True)
class References:
    """A numbered list of references with plain links."""

    items: Sequence[Markup]


Block = Table | Figure | Text | Link | Code | Definitions | Tiles | Folded | References


@dataclass
class Section:
    """A headline, its blocks, and its sub-sections."""

    anchor: str
    title: str
    blocks: list[Block] = field(default_factory=list)
    parts: list["Section"] = field(default_factory=list)
    folded: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.blocks and not self.parts
