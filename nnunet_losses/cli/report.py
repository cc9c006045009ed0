"""The command that reports on existing trainings: report."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from nnunet_losses.base.errors import UserError
from nnunet_losses.cli.app import command, say
from nnunet_losses.cli.evidence import SkipBroken, evaluation_settings


@command("report")
def report(
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="Data set, as DatasetXXX_Name or its number.")],
    results: Annotated[
        Path | None, typer.Option(envvar="nnUNet_results", help="nnU-Net's results folder.", show_default=False)
    ] = None,
    trainers: Annotated[
        list[str] | None,
        typer.Option(
            "--trainers", "-tr", help="Trainers, by name or pattern ('Tversky*'); repeat the option or use commas."
        ),
    ] = None,
    configuration: Annotated[
        list[str] | None, typer.Option("--configuration", "-c", help="Configurations, in the same way.")
    ] = None,
    plans: Annotated[
        list[str] | None, typer.Option("--plans", "-p", help="Plans identifiers, in the same way.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report and its tables.", show_default="reports/<data set>")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="Trainer that all others are compared with.", show_default="nnUNetTrainer")
    ] = None,
    primary_metric: Annotated[str, typer.Option(help="The metric that decides the ranking.")] = "dice",
    title: Annotated[str | None, typer.Option(help="Headline.", show_default="the data set")] = None,
    raw: Annotated[
        Path | None, typer.Option(envvar="nnUNet_raw", help="nnU-Net's raw folder, for the pictures.")
    ] = None,
    preprocessed: Annotated[
        Path | None, typer.Option(envvar="nnUNet_preprocessed", help="nnU-Net's preprocessed folder, for the splits.")
    ] = None,
    references: Annotated[
        Path | None,
        typer.Option(help="Folder of reference segmentations, if the other two folders lack them."),
    ] = None,
    tolerances_mm: Annotated[
        list[float] | None, typer.Option(help="Tolerance of the surface Dice; may be repeated.")
    ] = None,
    strata_mm: Annotated[
        list[float] | None,
        typer.Option(help="Diameter between small and medium, then medium and large lesions; give it twice."),
    ] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples of the cases.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Number of processes for the evaluation.")] = 1,
    allow_geometry_mismatch: Annotated[
        bool,
        typer.Option("--allow-geometry-mismatch", help="Require equal shapes only; use the spacing of the reference."),
    ] = False,
    skip_broken: SkipBroken = False,
    viewer: Annotated[
        bool, typer.Option("--viewer", help="Also write viewer.html, with all slices of the cases in the pictures.")
    ] = False,
) -> None:
    """Report on existing trainings in nnU-Net's results folder, with any trainers."""
    from nnunet_losses.base.files import check_writable
    from nnunet_losses.found import evaluate_results, find_results, report_results

    if results is None:
        raise UserError(
            "There is no results folder to report on; give --results, or set the environment variable nnUNet_results."
        )
    beside = {name: results.absolute().parent / name for name in ("nnUNet_raw", "nnUNet_preprocessed")}
    found = find_results(
        results,
        dataset,
        raw=raw or beside["nnUNet_raw"],
        preprocessed=preprocessed or beside["nnUNet_preprocessed"],
        references=references,
        trainers=_names(trainers),
        configurations=_names(configuration),
        plans=_names(plans),
    )
    for remark in found.remarks:
        say(remark, err=True)
    out = out or Path("reports") / found.dataset
    check_writable(out)
    tables = evaluate_results(
        found,
        out / "tables",
        settings=evaluation_settings(tolerances_mm, strata_mm),
        workers=workers,
        progress=sys.stderr.isatty(),
        allow_geometry_mismatch=allow_geometry_mismatch,
        skip_broken=skip_broken,
        tell=partial(say, err=True),
    )
    page = report_results(
        found,
        tables,
        out,
        title=title,
        baseline=baseline,
        primary_metric=primary_metric,
        resamples=resamples,
        seed=seed,
        viewer=viewer,
    )
    say(f"The report: {page}")


def _names(given: list[str] | None) -> list[str]:
    return [name for text in given or [] for name in text.split(",") if name]
