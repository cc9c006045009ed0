"""Commands on finished studies and their kept tables: recompute, across."""

from pathlib import Path
from typing import Annotated

import typer

from nnunet_losses.base.errors import UserError
from nnunet_losses.cli.app import Figures, command, say

Configfile = Annotated[Path, typer.Option(help="The study.")]
Kept = Annotated[
    Path | None,
    typer.Option("--folder", help="Folder of the kept tables.", show_default="reports/<study>/trainings"),
]


@command("recompute")
def recompute(
    configfile: Configfile,
    folder: Kept = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the report.", show_default="reports/<study>")] = None,
    figures: Figures = "svg",
) -> None:
    """Recompute a report with all its figures from the kept tables of a study's trainings; no images are needed."""
    from nnunet_losses.base.files import check_writable
    from nnunet_losses.comparison.assemble import assemble
    from nnunet_losses.comparison.provenance import provenance_of_found
    from nnunet_losses.comparison.several import read_kept
    from nnunet_losses.comparison.tables import ByCase, compare_tables
    from nnunet_losses.report import parse_formats, write_report
    from nnunet_losses.study.claims import claims_files, read_claims
    from nnunet_losses.study.config import StudyConfig
    from nnunet_losses.study.declaration import DECLARATIONS, declared_when
    from nnunet_losses.study.published import published_files, read_published

    formats = parse_formats(figures)
    kept = read_kept(configfile, folder)
    if kept is None:
        raise UserError(
            f"Nothing was kept of {configfile}; keep its tables: nnunet-losses keep --configfile {configfile}"
        )
    config = kept.record.config
    assert isinstance(config, StudyConfig)
    out = out or Path("reports") / kept.name
    check_writable(out)
    published = published_files(config.published)
    tables, statistics = compare_tables(
        kept.tables,
        kept.record,
        by_case=ByCase(cluster=config.statistics.cluster),
        published=read_published(published) if published else None,
        claims=read_claims(claims_files(config.claims)),
    )
    place = folder or Path("reports", kept.name, "trainings")
    provenance = provenance_of_found(kept.record, [place], remarks=[f"Recomputed from the kept tables of {kept.told}."])
    cluster = {} if config.statistics.cluster is None else {"cluster": config.statistics.cluster}
    comparison = assemble(
        tables,
        statistics,
        kept.record,
        provenance=provenance | cluster,
        aggregated=config.report.aggregated,
        declared=declared_when(place / DECLARATIONS, config.decision),
    )
    say(f"The report: {write_report(out, comparison, figures=formats)}")


@command("across")
def across(
    studies: Annotated[list[Path], typer.Argument(help="Files of studies whose tables were kept.")],
    out: Annotated[Path, typer.Option(help="Folder for the page and its tables.")] = Path("reports/across"),
    claims: Annotated[
        list[Path] | None,
        typer.Option(help="Files of claims; may be repeated.", show_default="all in config/claims"),
    ] = None,
) -> None:
    """Judge every claim by every data set of several finished studies, on one page."""
    from nnunet_losses.base.files import check_writable
    from nnunet_losses.comparison.several import evidence_of, read_kept, with_earlier
    from nnunet_losses.report.across import write_across
    from nnunet_losses.study.claims import FOLDER, read_claims
    from nnunet_losses.study.study import read_study

    files = claims or sorted(FOLDER.glob("*.yaml"))
    if not files:
        raise UserError(f"There are no claims in {FOLDER}; give their files: --claims FILE.")
    check_writable(out)
    kept, names = [], []
    for file in studies:
        study = read_kept(file)
        names.append(read_study(file).name)
        if study is None:
            say(f"{file}: nothing is kept here; what an earlier page in {out} says of it stays.", err=True)
        else:
            kept.append(study)
            say(f"{study.name}: {study.told}", err=True)
    if not kept:
        raise UserError(f"Nothing was kept of these studies; keep tables: nnunet-losses keep --configfile {studies[0]}")
    tables = with_earlier(evidence_of(kept, read_claims(files)), out / "data", names)
    say(f"The page: {write_across(out, tables)}")
