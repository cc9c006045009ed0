"""The command that reports on results that are there: report."""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnunet_losses.base.errors import UserError
from nnunet_losses.cli.app import Figures, command, say
from nnunet_losses.cli.evidence import IouThreshold, Preset, SkipBroken, evaluation_settings

if TYPE_CHECKING:
    from nnunet_losses.comparison.covariates import Covariates

OF_A_TABLE = "A table of results"
OF_CASES = "What is known of the cases"


@command("report")
def report(
    dataset: Annotated[
        str | None, typer.Option("--dataset", "-d", help="Data set, as DatasetXXX_Name or its number.")
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option(
            "--table",
            help="Instead of a results folder: a table of results, CSV, Parquet or JSON, of any software; a table of "
            "one model as NAME=FILE, for each model.",
            rich_help_panel=OF_A_TABLE,
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            help="What unusual columns hold: case=ID,model=Method,metric=...,value=...,fold=...,seed=...,label=....",
            rich_help_panel=OF_A_TABLE,
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="A metric that is not known, and which direction is better: 'NAME:higher', 'NAME:lower'; or the known "
            "metric that a name means: 'NAME=dice'. May be repeated.",
            rich_help_panel=OF_A_TABLE,
        ),
    ] = None,
    margin: Annotated[
        list[str] | None,
        typer.Option(
            help="The smallest difference of a metric that matters: dice=0.02. May be repeated.",
            show_default="the metric's own, if it is known",
            rich_help_panel=OF_A_TABLE,
        ),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(help="The columns that are models, where each has its own.", rich_help_panel=OF_A_TABLE),
    ] = None,
    covariates: Annotated[
        list[str] | None,
        typer.Option(
            help="The columns that describe the case: of --cases (else all), or of --table (further ones).",
            rich_help_panel=OF_CASES,
        ),
    ] = None,
    cases: Annotated[
        Path | None,
        typer.Option(
            help="A table with a row for each case and what is known of it: patient, site, scanner, age, ....",
            rich_help_panel=OF_CASES,
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="The covariate of which the values, not the cases, are independent, such as patient.",
            rich_help_panel=OF_CASES,
        ),
    ] = None,
    cut: Annotated[
        list[str] | None,
        typer.Option(
            help="A limit between groups of a numeric covariate: age=40. May be repeated.",
            show_default="the median",
            rich_help_panel=OF_CASES,
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Columns to leave alone.", rich_help_panel=OF_A_TABLE)
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            help="'percent' or 'fraction': how metrics between 0 and 1 are given.",
            show_default="what the values tell",
            rich_help_panel=OF_A_TABLE,
        ),
    ] = None,
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
        str | None,
        typer.Option(help="Trainer or model that all others are compared with.", show_default="nnUNetTrainer"),
    ] = None,
    primary_metric: Annotated[
        str | None, typer.Option(help="The metric that the verdict rests on.", show_default="dice")
    ] = None,
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
    preset: Preset = None,
    iou_threshold: IouThreshold = 0.5,
    skip_broken: SkipBroken = False,
    viewer: Annotated[
        bool, typer.Option("--viewer", help="Also write viewer.html, with all slices of the cases in the pictures.")
    ] = False,
    figures: Figures = "svg",
    aggregated: Annotated[
        bool,
        typer.Option(
            "--aggregated",
            help="Withhold rows, marks and pictures of single cases, for data of which only aggregated results may be "
            "passed on. The measured tables of trainings still lie in the folder tables/ beside the page.",
        ),
    ] = False,
) -> None:
    """Report on results that are there: trainings in nnU-Net's results folder, or a table of anybody's results."""
    from nnunet_losses.report import parse_formats

    formats = parse_formats(figures)  # before any long work
    of_table = {
        "columns": columns,
        "metric": metric,
        "models": models,
        "ignore": ignore,
        "scale": scale,
        "margin": margin,
    }
    of_cases: dict[str, Any] = {
        "file": cases,
        "covariates": covariates,
        "cluster": cluster,
        "cut": cut,
        "columns": columns,
    }
    if table:
        if dataset is not None:
            raise UserError("Give --dataset (trainings in a results folder) or --table (a table of results), not both.")
        _report_on_table(
            table, out, of_table, of_cases, title=title, baseline=baseline, primary_metric=primary_metric,
            resamples=resamples, seed=seed, figures=formats, aggregated=aggregated,
        )  # fmt: skip
        return
    if cases is None and (given := [name for name in ("covariates", "cluster", "cut") if of_cases[name]]):
        raise UserError(f"--{given[0]} speaks of covariates; give their table too: --cases FILE.")
    if given := [name for name, value in of_table.items() if value and (name != "columns" or cases is None)]:
        raise UserError(f"--{given[0]} says how a table is read; give the table too: --table FILE.")
    if dataset is None:
        raise UserError("Say what to report on: --dataset (of nnU-Net's results folder), or --table FILE.")
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
        settings=evaluation_settings(tolerances_mm, strata_mm, preset=preset, iou_threshold=iou_threshold),
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
        primary_metric=primary_metric or "dice",
        resamples=resamples,
        seed=seed,
        viewer=viewer,
        figures=formats,
        covariates=_covariates(**of_cases),
        aggregated=aggregated,
    )
    say(f"The report: {page}")


def _covariates(
    file: Path | None,
    covariates: list[str] | None,
    cluster: str | None,
    cut: list[str] | None,
    columns: list[str] | None,
) -> "Covariates":
    """What the options say of the covariates of the cases."""
    from nnunet_losses.comparison.covariates import Covariates
    from nnunet_losses.comparison.given.columns import assigned, listed
    from nnunet_losses.comparison.tables import ByCase

    cuts: dict[str, list[float]] = {}
    for text in listed(cut or []):
        name, _, limit = (part.strip() for part in text.rpartition("="))
        try:
            cuts.setdefault(name, []).append(float(limit))
        except ValueError:
            name = ""
        if not name:
            raise UserError(f"--cut takes a covariate and a number, such as age=40, got '{text}'.")
    return Covariates(
        file=file,
        columns=assigned(columns or [], "--columns"),
        named=listed(covariates or []),
        by_case=ByCase(cluster=cluster, cuts=cuts),
        tell=partial(say, err=True),
    )


def _report_on_table(
    files: list[str], out: Path | None, options: Mapping[str, Any], of_cases: Mapping[str, Any], **asked: Any
) -> None:
    """The report on one table, or on one table a model."""
    from nnunet_losses.base.files import check_writable
    from nnunet_losses.comparison.given.columns import assigned, listed
    from nnunet_losses.comparison.given.layout import Reading
    from nnunet_losses.table_door import read_results, report_table, with_margins

    if options["scale"] not in (None, "percent", "fraction"):
        raise UserError(f"--scale is 'percent' or 'fraction', not '{options['scale']}'.")
    several = {name: listed(options[name] or []) for name in ("models", "ignore")}
    covariates = _covariates(**of_cases)
    reading = Reading(
        columns=assigned(options["columns"] or [], "--columns"),
        metrics=options["metric"] or [],
        covariates=() if of_cases["file"] is not None else covariates.named,
        scale=options["scale"],
        **several,
    )
    given = with_margins(read_results(files, reading), options["margin"] or [])
    for decision in given.table.decisions:
        say(decision, err=True)
    out = out or Path("reports") / given.dataset
    check_writable(out)
    say(f"The report: {report_table(given, out, covariates=covariates, **asked)}")


def _names(given: list[str] | None) -> list[str]:
    return [name for text in given or [] for name in text.split(",") if name]
