"""Tables and statistics in, a folder with one HTML page and its data out."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically
from nnunet_losses.report.comparison import Study
from nnunet_losses.report.page import render
from nnunet_losses.report.sections import contents, first_screen
from nnunet_losses.report.viewer import viewer as slice_viewer

MOST_BYTES = 15_000_000


def write_report(
    out_dir: Path | str,
    *,
    tables: Mapping[str, pd.DataFrame],
    statistics: Mapping[str, pd.DataFrame],
    runs: Mapping[str, Any],
    gallery: pd.DataFrame | None = None,
    title: str,
    baseline: str,
    primary_metric: str = "dice",
    seed: int = 0,
    created: str | None = None,
    viewer: bool = False,
) -> Path:
    """Write ``report.html`` and ``data/*.csv|parquet`` into ``out_dir``; return the path of the page.

    The page is self-contained: no network, no other file, readable without JavaScript. Tables that are missing leave
    their section out, with a sentence that says so. The same input gives the same page, byte for byte, if ``created``
    (the date printed on it; default now) is the same.

    Args:
        out_dir: made if it does not exist.
        tables: ``cases`` (required), ``lesions``, ``training``, ``jobs``, ``thresholds``, ``calibration``.
        statistics: what `nnunet_losses.statistics.compare` returns.
        runs: ``versions`` (by package), ``losses`` (trainer to formula, reference, parameters), and whatever else is
            known of how the results were made (git commit, config, hash of the splits, hardware); shown in its order.
        title: headline of the page.
        baseline: trainer that all others are compared with.
        primary_metric: metric that decides the ranking.
        seed: of the bootstraps drawn for figures.
        created: date printed on the page; now if absent.
        viewer: also write ``viewer.html``, to leaf through the slices of the gallery's cases.
        gallery: dataset, case, image, reference, trainer, prediction (paths of NIfTI files); None for no pictures.

    Raises:
        UserError: no cases, no such primary metric, a gallery file that cannot be read, a page above 15 MB.
    """
    study = Study(
        tables=tables, statistics=statistics, runs=runs, gallery=gallery, title=title, baseline=baseline,
        primary_metric=primary_metric, seed=seed, created=created or datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
    )  # fmt: skip
    out_dir = Path(out_dir)
    slices = slice_viewer(study) if viewer else None
    study = replace(study, viewer=slices is not None)
    page = render(study, first_screen(study), contents(study))
    size = len(page.encode())
    if size > MOST_BYTES:
        raise UserError(
            f"The report would have {size / 1e6:.0f} MB, more than {MOST_BYTES / 1e6:.0f}; compare fewer trainers, "
            "metrics or data sets at once."
        )
    _write_data(out_dir / "data", study)
    if slices is not None:
        with write_atomically(out_dir / "viewer.html") as temporary:
            temporary.write_text(slices, encoding="utf-8")
    with write_atomically(out_dir / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    return out_dir / "report.html"


def _write_data(folder: Path, study: Study) -> None:
    """Every table and statistic as CSV (for people) and Parquet (for programs), and the runs as JSON."""
    frames = {**study.tables, **{f"statistics_{name}": frame for name, frame in study.statistics.items()}}
    for name, frame in frames.items():
        with write_atomically(folder / f"{name}.csv") as temporary:
            frame.to_csv(temporary, index=False)
        with write_atomically(folder / f"{name}.parquet") as temporary:
            frame.to_parquet(temporary, index=False)
    with write_atomically(folder / "runs.json") as temporary:
        temporary.write_text(json.dumps(study.runs, indent=2, ensure_ascii=False, default=str), encoding="utf-8")
