"""Tables and statistics in, a folder with one HTML page and its data out."""

import json
from collections.abc import Iterable
from pathlib import Path

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically
from nnunet_losses.base.names import table_name
from nnunet_losses.base.tables.spreadsheet import write_csv
from nnunet_losses.report.comparison import Comparison
from nnunet_losses.report.page import render
from nnunet_losses.report.papers import Format, Papers
from nnunet_losses.report.sections import all_sections, first_screen, without_dead_links
from nnunet_losses.report.verdict import verdict
from nnunet_losses.report.viewer import viewer as slice_viewer

MOST_BYTES = 15_000_000


def write_report(
    out_dir: Path | str, comparison: Comparison, *, viewer: bool = False, figures: Iterable[Format] = ("svg",)
) -> Path:
    """Write ``report.html``, ``data/*.csv|parquet``, ``figures/`` and ``paper/``; return the path of the page.

    The page is self-contained: no network, no other file, readable without JavaScript. A section whose tables are
    missing is replaced by a sentence that says so. The same comparison gives the same page, byte for byte.

    Args:
        out_dir: made if it does not exist.
        comparison: what to report.
        viewer: also write ``viewer.html``, to leaf through the slices of the gallery's cases.
        figures: formats of the figures as files of their own. PDFs take about a second each.

    Raises:
        UserError: a gallery file cannot be read, or the page would exceed 15 MB.
    """
    out_dir = Path(out_dir)
    slices = slice_viewer(comparison) if viewer else None
    papers = Papers(figures)
    sections = all_sections(comparison, with_viewer=slices is not None)
    page = render(comparison, without_dead_links(first_screen(comparison), sections), sections, papers)
    size = len(page.encode())
    if size > MOST_BYTES:
        raise UserError(
            f"The report would take {size / 1e6:.0f} MB, more than {MOST_BYTES / 1e6:.0f}; compare fewer trainers, "
            "metrics or data sets at once."
        )
    _write_data(out_dir / "data", comparison)
    papers.write(out_dir, comparison)
    if slices is None:
        (out_dir / "viewer.html").unlink(missing_ok=True)  # of an earlier report
    else:
        with write_atomically(out_dir / "viewer.html") as temporary:
            temporary.write_text(slices, encoding="utf-8")
    with write_atomically(out_dir / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    return out_dir / "report.html"


def _write_data(folder: Path, comparison: Comparison) -> None:
    """Every table and statistic as CSV (for people) and Parquet (for programs); provenance and verdicts as JSON.

    Tables of an earlier report that this one withholds are removed.
    """
    for name, frame in comparison.files.items():
        if name in comparison.withheld:
            for file in (f"{name}.csv", table_name(name)):
                (folder / file).unlink(missing_ok=True)
            continue
        write_csv(frame, folder / f"{name}.csv")
        with write_atomically(folder / table_name(name)) as temporary:
            frame.to_parquet(temporary, index=False)
    verdicts = [{"view": view.title, **vars(verdict(view))} for view in comparison.views]
    for name, value in (("provenance", comparison.provenance), ("verdict", verdicts)):
        with write_atomically(folder / f"{name}.json") as temporary:
            temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False, default=str), encoding="utf-8")
