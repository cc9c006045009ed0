"""How every figure of the report looks: colours, line styles, markers, type sizes."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

INK, MUTED, RULE, PAPER = "#1b1c1e", "#5c5f66", "#d9dbdf", "#ffffff"
BASELINE = "#1b1c1e"
# Okabe and Ito (2008), told apart with any colour vision. Yellow is left out, and orange and sky blue are darkened, so
# that every line has a contrast of 3:1 on white (WCAG 2.2, 1.4.11).
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B97F00", "#3A93CC")
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
NEUTRAL = "#eef0f2"
# On the dark ground of an image: (colour, dashes). Never colour alone.
TRUE, MISSED, INVENTED = ("#56B4E9", "solid"), ("#F0E442", "dashed"), ("#FF6EC7", "dotted")

WIDTH = 7.2  # inches; the text column
ROW = 0.30  # inches a trainer takes in a figure with one row each


@dataclass(frozen=True)
class Look:
    """How one trainer is drawn in every figure."""

    color: str
    line: Any
    marker: str


def looks(trainers: Sequence[str], baseline: str) -> dict[str, Look]:
    """Give every trainer a look of its own: the baseline is solid ink; the others have a colour, dashes and a marker.

    Colours repeat after six trainers, then with other dashes and another marker, so that a look never repeats (up to
    72 trainers).
    """
    chosen = {baseline: Look(BASELINE, "-", "o")}
    for i, trainer in enumerate(t for t in trainers if t != baseline):
        turn = i // len(PALETTE)
        chosen[trainer] = Look(
            PALETTE[i % len(PALETTE)], LINES[(i + turn) % len(LINES)], MARKERS[(1 + i + turn) % len(MARKERS)]
        )
    return chosen


RC: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text: small files, searchable, read aloud, in the reader's own font
    "svg.hashsalt": "nnunet-losses",
    "text.parse_math": False,  # a name with dollar signs is a name, not a formula
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib and is wide: any other font fits where it fits
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#8b8f96",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": "#8b8f96",
    "ytick.color": "#8b8f96",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.5,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "path.simplify": True,
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw in the report's style, whatever a user's own matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)  # type: ignore[arg-type, unused-ignore]
        yield


@contextmanager
def quiet_figure_style(further: Any = None) -> Iterator[None]:
    """As `figure_style`, with further parameters, for writing a figure.

    What the font lacks is no matter: in SVG the reader's fonts draw the text, in PDF a box stands for it.
    """
    with figure_style(), mpl.rc_context(further), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def canvas(height: float, columns: int = 1, rows: int = 1, width: float = WIDTH, **options: Any) -> tuple[Canvas, Any]:
    """A figure in inches, outside pyplot's global state, and its axes as ``Figure.subplots`` gives them."""
    figure = Canvas(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def jitter(n: int, width: float) -> list[float]:
    """``n`` offsets in ±``width`` that look random and are always the same (golden-ratio sequence)."""
    return [((i * 0.6180339887498949 + 0.5) % 1.0 * 2.0 - 1.0) * width for i in range(n)]
