"""Commands from predictions to the report: evaluate, compare, study-report."""

import math
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnunet_losses.base.errors import UserError
from nnunet_losses.cli.app import Figures, command, say

if TYPE_CHECKING:
    from nnunet_losses.evaluation import EvaluationSettings


SkipBroken = Annotated[
    bool,
    typer.Option(
        "--skip-broken",
        help="Count predictions that cannot be read, or do not fit their reference, as failures instead of stopping.",
    ),
]


Preset = Annotated[
    str | None,
    typer.Option(
        help="A challenge whose scores are measured too, such as isles24 or brats2023; "
        "docs/howto/challenges.md lists them.",
        show_default=False,
    ),
]
IouThreshold = Annotated[
    float, typer.Option(help="Lesions are paired one to one above this IoU, in the metrics named *_iou.")
]


Published = Annotated[
    list[Path] | None,
    typer.Option(help="Published numbers to hold against ours: a file such as config/published/*.csv."),
]


def evaluation_settings(
    tolerances_mm: list[float] | None,
    strata_mm: list[float] | None,
    *,
    preset: str | None = None,
    iou_threshold: float = 0.5,
) -> "EvaluationSettings":
    """What is measured, from the options of that name; absent ones leave the default."""
    from nnunet_losses.base.metrics.lesion import STRATA_MM
    from nnunet_losses.evaluation import EvaluationSettings

    settings: dict[str, Any] = {"preset": preset, "iou_threshold": iou_threshold}
    if tolerances_mm:
        settings["tolerances_mm"] = tuple(tolerances_mm)
    if strata_mm:
        if len(strata_mm) != 2:
            raise UserError(
                f"--strata-mm must be given twice (small|medium, medium|large), got {len(strata_mm)} limits."
            )
        names = [name for name, _ in STRATA_MM]
        settings["strata_mm"] = tuple(zip(names, (*strata_mm, math.inf), strict=True))
    return EvaluationSettings(**settings)


@command("evaluate")
def evaluate(
    reference: Annotated[Path, typer.Option(help="Folder of reference label maps.")],
    prediction: Annotated[Path, typer.Option(help="Folder of predicted label maps with the same names.")],
    out: Annotated[Path, typer.Option(help="Folder for the tables.")],
    probabilities: Annotated[Path | None, typer.Option(help="Folder of nnU-Net's .npz probabilities.")] = None,
    dataset_json: Annotated[
        Path | None, typer.Option(help="nnU-Net's dataset.json; by default, the one in or above these folders.")
    ] = None,
    run: Annotated[
        tuple[str, str, str, int] | None,
        typer.Option(help="Data set, configuration, trainer and fold, for the tables.", show_default=False),
    ] = None,
    tolerances_mm: Annotated[
        list[float] | None,
        typer.Option(help="Tolerance of the surface Dice (in pixels without spacing); may be repeated."),
    ] = None,
    strata_mm: Annotated[
        list[float] | None, typer.Option(help="Limits of small|medium and medium|large lesions, diameter; given twice.")
    ] = None,
    preset: Preset = None,
    iou_threshold: IouThreshold = 0.5,
    workers: Annotated[int, typer.Option(min=1)] = 1,
    allow_geometry_mismatch: Annotated[
        bool,
        typer.Option("--allow-geometry-mismatch", help="Require equal shapes only; use the spacing of the reference."),
    ] = False,
    skip_broken: SkipBroken = False,
    keep_cases: Annotated[
        bool, typer.Option("--keep-cases", help="Keep the finished cases, so that a later call measures only new ones.")
    ] = False,
) -> None:
    """Measure predictions per voxel, surface and lesion, and write tidy tables."""
    from nnunet_losses.base.names import DATASET_JSON
    from nnunet_losses.evaluation import Prediction, evaluate_folders
    from nnunet_losses.nnunet.names.identity import identity

    for folder in filter(None, (reference, prediction, probabilities)):
        if not folder.is_dir():
            raise UserError(f"There is no folder {folder}.")
    if dataset_json is None:
        beside = [folder / DATASET_JSON for folder in (reference, reference.parent, prediction, prediction.parent)]
        dataset_json = next((file for file in beside if file.is_file()), None)
        if dataset_json is None:
            raise UserError(
                f"There is no {DATASET_JSON} in or above {reference} or {prediction}; name it: --dataset-json."
            )
    tables = evaluate_folders(
        reference,
        [Prediction(prediction, probabilities, identity(*run) if run is not None else {})],
        out,
        dataset_json=dataset_json,
        settings=evaluation_settings(tolerances_mm, strata_mm, preset=preset, iou_threshold=iou_threshold),
        workers=workers,
        progress=sys.stderr.isatty(),
        allow_geometry_mismatch=allow_geometry_mismatch,
        keep_cases=keep_cases,
        skip_broken=skip_broken,
        tell=partial(say, err=True),
    )
    say(f"{out}: {tables['cases']['case'].nunique()} cases")


@command("compare")
def compare_command(
    folders: Annotated[list[Path], typer.Argument(help="Folders of tables, of any number of trainings.")],
    out: Annotated[Path, typer.Option(help="Folder for the statistics.")],
    study: Annotated[Path | None, typer.Option(help="study.json: what was expected, the baseline, the seed.")] = None,
    baseline: Annotated[
        str | None, typer.Option(help="Trainer that all others are compared with.", show_default="the study's")
    ] = None,
    primary_metric: Annotated[
        str | None, typer.Option(help="The metric that the verdict rests on.", show_default="the study's, or dice")
    ] = None,
    tables: Annotated[Path | None, typer.Option(help="Also write the stacked tables here.")] = None,
    report: Annotated[Path | None, typer.Option(help="Also write a report here, without pictures.")] = None,
    title: Annotated[str | None, typer.Option(help="Headline of the report.", show_default="the study's")] = None,
    figures: Figures = "svg",
    cases: Annotated[
        list[str] | None,
        typer.Option(help="A table with a row for each case: patient, site, ...; of one data set as DATASET=FILE."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="The covariate of which the values, not the cases, are independent, such as patient.",
            show_default="the study's",
        ),
    ] = None,
    published: Published = None,
    claims: Annotated[
        list[Path] | None, typer.Option(help="Conclusions of papers to judge: a file such as config/claims/*.yaml.")
    ] = None,
) -> None:
    """Compare losses over any number of trainings, studies or sites: ranks, paired tests, detection curves."""
    from nnunet_losses.base.tables.storage import read_tables, write_tables
    from nnunet_losses.comparison.tables import ByCase, compare_tables, record_of
    from nnunet_losses.nnunet.results.models import check_models
    from nnunet_losses.study.claims import read_claims
    from nnunet_losses.study.published import read_published
    from nnunet_losses.study.record import read_record

    check_models(folders)
    stacked = read_tables(folders)
    if study is None:
        record = record_of(
            stacked,
            title=title or "Comparison of losses",
            baseline=baseline,
            primary_metric=primary_metric or "dice",
        )
    elif primary_metric is not None:
        raise UserError(f"{study} names the primary metric of the study; leave --primary-metric out.")
    else:
        given = {"title": title, "baseline": baseline}
        record = read_record(study).model_copy(update={key: value for key, value in given.items() if value})
    cluster = cluster or record.config.statistics.cluster
    if cases:
        from nnunet_losses.comparison.covariates import with_case_tables

        files = [_of_data_set(text) for text in cases]
        stacked, said = with_case_tables(stacked, files, cluster)
        for sentence in said:
            say(sentence, err=True)
    stacked, statistics = compare_tables(
        stacked,
        record,
        by_case=ByCase(cluster=cluster),
        published=read_published(published) if published else None,
        claims=read_claims(claims or []),
    )
    if tables is not None:
        write_tables(tables, stacked)
    write_tables(out, statistics)
    say(f"{out}: {', '.join(sorted(statistics))}")
    if report is not None:
        from nnunet_losses.comparison.assemble import assemble
        from nnunet_losses.comparison.provenance import provenance_of_found
        from nnunet_losses.report import parse_formats, write_report

        provenance = provenance_of_found(record, folders) | ({} if cluster is None else {"cluster": cluster})
        comparison = assemble(stacked, statistics, record, provenance=provenance)
        say(f"The report: {write_report(report, comparison, figures=parse_formats(figures))}")


def _of_data_set(text: str) -> tuple[str | None, Path]:
    """Data set and file of ``DATASET=FILE``; a file whose own name has an equals sign is taken as it is."""
    name, equals, path = text.partition("=")
    return (None, Path(text)) if not equals or Path(text).exists() else (name, Path(path))


@command("study-report")
def study_report(
    study: Annotated[Path, typer.Option(help="study.json of the workflow.")],
    tables: Annotated[Path, typer.Option(help="Folder of the stacked tables.")],
    statistics: Annotated[Path, typer.Option(help="Folder of the statistics.")],
    predictions: Annotated[Path, typer.Option(help="Folder of the published predictions, for the gallery.")],
    out: Annotated[Path, typer.Option(help="Folder for report.html and its data.")],
    viewer: Annotated[
        bool, typer.Option("--viewer", help="Also write viewer.html: all slices of the pictures' cases.")
    ] = False,
    figures: Figures = "svg",
) -> None:
    """Write the report of a study that the workflow ran."""
    from nnunet_losses.base.tables.storage import read_folder
    from nnunet_losses.comparison.assemble import assemble
    from nnunet_losses.comparison.gallery import gallery_files, predictions_of_study
    from nnunet_losses.comparison.provenance import provenance_of_study
    from nnunet_losses.nnunet.preparation.folders import nnunet_folder
    from nnunet_losses.report import parse_formats, write_report
    from nnunet_losses.statistics import TABLES
    from nnunet_losses.study.config import ReportConfig, StudyConfig
    from nnunet_losses.study.declaration import DECLARATIONS, declared_when
    from nnunet_losses.study.record import read_record

    record = read_record(study)
    decided = record.config.decision
    name = record.config.study if isinstance(record.config, StudyConfig) else study.parent.name
    gallery = None
    shown = record.config.report if isinstance(record.config, StudyConfig) else ReportConfig()
    if shown.pictures:
        predicted = predictions_of_study(
            record,
            predictions=predictions,
            raw=nnunet_folder("nnUNet_raw"),
            preprocessed=nnunet_folder("nnUNet_preprocessed"),
        )
        gallery = gallery_files(predicted)
    comparison = assemble(
        read_folder(tables),
        read_folder(statistics, TABLES),
        record,
        provenance=provenance_of_study(record, Path.cwd()),
        gallery=gallery,
        aggregated=shown.aggregated,
        declared=declared_when(study.parent.parent / name / DECLARATIONS, decided),
    )
    say(f"The report: {write_report(out, comparison, viewer=viewer, figures=parse_formats(figures))}")
