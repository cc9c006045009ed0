"""The command that reports on published records of lesions: froc."""

from pathlib import Path
from typing import Annotated

import typer

from nnunet_losses.base.errors import UserError
from nnunet_losses.cli.app import command, say
from nnunet_losses.cli.evidence import Published


@command("froc")
def froc(
    records: Annotated[
        list[Path], typer.Argument(help="Files of records (.json, .csv, .parquet), or folders that hold such files.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the report and its tables.")],
    baseline: Annotated[
        str | None,
        typer.Option(help="Model that all others are compared with.", show_default="the first by name"),
    ] = None,
    title: Annotated[str, typer.Option(help="Headline.")] = "Detection of lesions",
    primary_metric: Annotated[str, typer.Option(help="The metric that decides the ranking.")] = "lesion_f1",
    voxel_mm: Annotated[
        float | None,
        typer.Option(min=1e-6, help="Size of a voxel in mm, if diameters are in voxels.", show_default=False),
    ] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples of the cases.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.")] = 0,
    published: Published = None,
    data: Annotated[
        str | None,
        typer.Option(help="The data of the records, as the published numbers call them.", show_default="all"),
    ] = None,
) -> None:
    """Report FROC curves and detection by size from published records of lesions."""
    from nnunet_losses.base.files import check_writable
    from nnunet_losses.base.scale import Length
    from nnunet_losses.comparison.assemble import assemble
    from nnunet_losses.comparison.provenance import provenance_of_found
    from nnunet_losses.comparison.records import published_of, read_records
    from nnunet_losses.comparison.tables import compare_tables, record_of
    from nnunet_losses.report import write_report

    tables = read_records(records, voxel_mm=voxel_mm)
    check_writable(out)
    record = record_of(
        tables, title=title, baseline=baseline, primary_metric=primary_metric, resamples=resamples, seed=seed
    )
    numbers = None
    if published:
        from nnunet_losses.study.published import read_published

        numbers = published_of(read_published(published), data)
    elif data is not None:
        raise UserError("--data says which published numbers are meant; give their file too: --published FILE.")
    tables, statistics = compare_tables(tables, record, published=numbers)
    remarks = ["The metrics of cases follow from the records, at the threshold that they were made with."]
    if "diameter_mm" in tables["lesions"] and (tables["lesions"]["unit"] == Length.PX).any():
        remarks.append("Diameters are in voxels (px), as recorded; --voxel-mm gives the size of a voxel.")
    provenance = provenance_of_found(record, records, remarks=remarks)
    say(f"The report: {write_report(out, assemble(tables, statistics, record, provenance=provenance))}")
