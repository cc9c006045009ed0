"""What goes from a report into a paper: figures and tables as files, the methods, and the references."""

import io
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
from matplotlib.figure import Figure as Canvas

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically
from nnunet_losses.base.names import slug
from nnunet_losses.base.tables.spreadsheet import write_csv
from nnunet_losses.report import bibliography
from nnunet_losses.report.blocks import Cell, Figure, Table
from nnunet_losses.report.comparison import Comparison
from nnunet_losses.report.methods import methods
from nnunet_losses.report.style import quiet_figure_style

Format = Literal["svg", "pdf"]
FORMATS: tuple[Format, ...] = ("svg", "pdf")
FIGURES, PAPER = "figures", "paper"
"""Folders beside the page."""
LONGEST_SLUG = 60
_PDF = {"pdf.fonttype": 42, "pdf.compression": 6}  # TrueType, so that a publisher's programs can read and edit the text

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "\u00a0": "~", "\u202f": r"\,", "\u2212": r"$-$", "–": "--",
    "—": "---", "±": r"$\pm$", "×": r"$\times$", "∞": r"$\infty$", "≥": r"$\geq$", "≤": r"$\leq$", "Σ": r"$\Sigma$",
    "→": r"$\rightarrow$", "·": r"$\cdot$", "³": r"$^3$", "²": r"$^2$", "₂": r"$_2$",
    "α": r"$\alpha$", "β": r"$\beta$", "γ": r"$\gamma$", "δ": r"$\delta$", "λ": r"$\lambda$", "ω": r"$\omega$",
    "Φ": r"$\Phi$", "µ": r"$\mu$", "…": r"\ldots{}", "“": "``", "”": "''",
}  # fmt: skip


def parse_formats(text: str) -> tuple[Format, ...]:
    """The formats in ``svg,pdf``; none in ``none``.

    Raises:
        UserError: there is no such format.
    """
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    if words == ["none"]:
        return ()
    if not words or (unknown := [word for word in words if word not in FORMATS]):
        raise UserError(f"There is no format of figures {unknown[0] if words else text!r}; take svg, pdf or none.")
    return tuple(known for known in FORMATS if known in words)


class Papers:
    """Gathers the files while the page is made, and writes them when it is finished."""

    def __init__(self, formats: Iterable[Format] = ("svg",)) -> None:
        self.formats = tuple(formats)
        self._figures: dict[str, bytes] = {}
        self._tables: dict[str, Table] = {}

    def figure(self, block: Figure, number: int, svg: bytes) -> None:
        """Take a figure, drawn already as SVG."""
        name = f"figure-{number:02d}-{slug(block.title, longest=LONGEST_SLUG)}"
        if "svg" in self.formats:
            self._figures[f"{name}.svg"] = svg
        if "pdf" in self.formats:
            self._figures[f"{name}.pdf"] = as_pdf(block.drawing)

    def figure_links(self, number: int) -> list[tuple[str, str]]:
        """Words and addresses of the files of a figure."""
        start = f"figure-{number:02d}-"
        return [(Path(n).suffix[1:].upper(), f"{FIGURES}/{n}") for n in self._figures if n.startswith(start)]

    def table(self, block: Table, number: int) -> list[tuple[str, str]]:
        """Take a table; gives words and addresses of its files."""
        name = f"table-{number:02d}-{slug(block.caption, longest=LONGEST_SLUG)}"
        self._tables[name] = block
        return [("CSV", f"{PAPER}/{name}.csv"), ("LaTeX", f"{PAPER}/{name}.tex")]

    def write(self, folder: Path, comparison: Comparison) -> None:
        """Write all files, and remove those of an earlier report."""
        texts = {f"{name}.tex": as_latex(block) for name, block in self._tables.items()} | paper_texts(comparison)
        for name, block in self._tables.items():
            write_csv(as_frame(block), folder / PAPER / f"{name}.csv")
        contents = {f"{FIGURES}/{name}": content for name, content in self._figures.items()}
        contents |= {f"{PAPER}/{name}": text.encode() for name, text in texts.items()}
        for name, content in contents.items():
            with write_atomically(folder / name) as temporary:
                temporary.write_bytes(content)
        made = {*contents, *(f"{PAPER}/{name}.csv" for name in self._tables)}
        for pattern in (f"{FIGURES}/figure-*", f"{PAPER}/table-*"):
            for file in folder.glob(pattern):
                if file.relative_to(folder).as_posix() not in made:
                    file.unlink()


def as_pdf(drawing: Canvas) -> bytes:
    """The figure as PDF, its fonts embedded; the same for the same figure."""
    buffer = io.BytesIO()
    with quiet_figure_style(_PDF):
        drawing.savefig(buffer, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return buffer.getvalue()


def as_frame(block: Table) -> pd.DataFrame:
    """A table of the page as it is read; a cell of several columns stands in the first of them."""
    rows = [[text for cell in row for text in [words(cell), *[""] * (cell.span - 1)]] for row in block.rows]
    return pd.DataFrame(rows, columns=[column.name for column in block.columns])


def words(cell: Cell) -> str:
    """All lines of a cell as one."""
    return "; ".join([cell.text, *cell.below])


def as_latex(block: Table) -> str:
    """A table of the page for LaTeX, with the rules of booktabs."""
    format_ = "".join("r" if column.numeric else "l" for column in block.columns)
    lines = [
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(block.caption)}}}",
        rf"\begin{{tabular}}{{{format_}}}",
        r"\toprule",
        _row([escape(column.name) for column in block.columns]),
        r"\midrule",
        *(_row([_cell(cell) for cell in row]) for row in block.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _cell(cell: Cell) -> str:
    text = escape(words(cell))
    if "strong" in cell.kind.split():
        text = rf"\textbf{{{text}}}"
    return rf"\multicolumn{{{cell.span}}}{{l}}{{{text}}}" if cell.span > 1 else text


def _row(cells: Sequence[str]) -> str:
    # after the end of the row above, a bracket or a star would be an option of it
    first = f"{{}}{cells[0]}" if cells[0].startswith(("[", "*")) else cells[0]
    return " & ".join([first, *cells[1:]]) + r" \\"


def escape(text: str) -> str:
    """Text that LaTeX prints as it is."""
    shown = (" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text)
    return "".join(_SPECIAL.get(c, c) for c in shown)


def paper_texts(comparison: Comparison) -> dict[str, str]:
    """The methods with their citations, as text, Markdown and LaTeX, and the references for BibTeX, by file name."""
    paragraphs, sources = methods(comparison), bibliography.sources(comparison)
    cited = bibliography.of(comparison)
    entries = bibliography.entries(cited)
    numbers = {reference: str(i) for i, reference in enumerate(cited, 1)}
    listed = "\n".join(f"[{number}] {reference}" for reference, number in numbers.items())

    def keys(references: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(entries[reference].key for reference in references))

    told = {
        "txt": [f"{what} [{', '.join(numbers[r] for r in found)}]" for what, found in sources],
        "md": [f"{_markdown(what)} [{'; '.join(f'@{k}' for k in keys(found))}]" for what, found in sources],
        "tex": [rf"{escape(what)} \cite{{{','.join(keys(found))}}}" for what, found in sources],
    }
    last = {kind: f"Sources: {'; '.join(words)}." for kind, words in told.items()}
    texts = {
        "methods.txt": [*paragraphs, last["txt"], "References", listed],
        "methods.md": [*map(_markdown, paragraphs), last["md"]],
        "methods.tex": [*map(escape, paragraphs), last["tex"]],
    }
    joined = {name: "\n\n".join(parts) + "\n" for name, parts in texts.items()}
    return joined | {"references.bib": bibliography.bibtex(cited)}


def _markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]<>#|$@" else c for c in text)
