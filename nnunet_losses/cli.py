"""The command ``nnunet-losses``: a thin face over the package; every rule of the workflow calls what a person could."""

import json
import math
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer

from nnunet_losses.errors import UserError

P = ParamSpec("P")

app = typer.Typer(
    help="The loss-function laboratory for nnU-Net.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Dataset = Annotated[str, typer.Argument(help="Data set, as DatasetXXX_Name or its number.")]
ConfigurationName = Annotated[str, typer.Argument(help="nnU-Net configuration, such as 3d_fullres.")]
Fold = Annotated[int, typer.Argument(min=0, help="Fold, counted from 0.")]
Trainer = Annotated[str, typer.Option("--trainer", "-tr", help="Name of the trainer.")]
Plans = Annotated[str, typer.Option("--plans", "-p", help="nnU-Net's plans identifier.")]


def command(name: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Register a command that says what is wrong in one sentence and exits with 1."""

    def register(function: Callable[P, None]) -> Callable[P, None]:
        @wraps(function)
        def friendly(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                function(*args, **kwargs)
            except UserError as error:
                typer.echo(f"nnunet-losses {name}: {error}", err=True)
                raise typer.Exit(1) from None
            except KeyboardInterrupt:
                typer.echo(f"nnunet-losses {name}: interrupted; the same command goes on.", err=True)
                raise typer.Exit(130) from None

        app.command(name)(friendly)
        return function

    return register


@command("prepare")
def prepare(
    description: Annotated[Path, typer.Argument(help="Data-set file, such as config/datasets/phantom.yaml.")],
    raw: Annotated[Path | None, typer.Option(help="nnU-Net's raw folder; $nnUNet_raw if absent.")] = None,
    summary: Annotated[Path | None, typer.Option(help="Where to write what was found, as JSON.")] = None,
    cases: Annotated[int | None, typer.Option(min=2, help="Only the first so many cases.")] = None,
    workers: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Make or fetch a data set as an nnU-Net raw folder, and inspect it."""
    from nnunet_losses.data.description import load_dataset_description
    from nnunet_losses.data.inspection import inspect_dataset
    from nnunet_losses.data.raw import prepare_raw
    from nnunet_losses.files import write_json
    from nnunet_losses.nnunet.folders import nnunet_folder

    dataset = load_dataset_description(description)
    folder = prepare_raw(
        dataset, raw or nnunet_folder("nnUNet_raw"), cases=cases, workers=workers, progress=sys.stderr.isatty()
    )
    found = inspect_dataset(folder, workers=workers)
    typer.echo(f"{folder}: {found}")
    if summary is not None:
        write_json(summary, found.as_dict())


@command("inspect")
def inspect(
    folder: Annotated[Path, typer.Argument(help="An nnU-Net raw folder, DatasetXXX_Name.")],
    workers: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Look through a raw data set and name every problem in it."""
    from nnunet_losses.data.inspection import inspect_dataset

    typer.echo(str(inspect_dataset(folder, workers=workers)))


@command("split")
def split(
    dataset: Dataset,
    folds: Annotated[int, typer.Option(min=2)] = 5,
    seed: Annotated[int, typer.Option(help="nnU-Net's own is 12345.")] = 12345,
    file: Annotated[Path | None, typer.Option(help="Splits of your own instead.")] = None,
    out: Annotated[Path | None, typer.Option(help="Copy of the splits.")] = None,
) -> None:
    """Split the cases into folds, before any training (nnU-Net's first fold to start would, and several would race)."""
    from nnunet_losses.files import write_json
    from nnunet_losses.nnunet.folders import dataset_folder, nnunet_folder
    from nnunet_losses.nnunet.splits import case_names, make_splits, write_splits
    from nnunet_losses.study import read_splits

    raw = dataset_folder(nnunet_folder("nnUNet_raw"), dataset)
    preprocessed = nnunet_folder("nnUNet_preprocessed") / raw.name
    cases = case_names(raw)
    splits = make_splits(cases, folds=folds, seed=seed) if file is None else read_splits(file, "--file")
    written = write_splits(preprocessed, splits, cases)
    if out is not None:
        write_json(out, splits)
    typer.echo(f"{written}: {len(splits)} folds of {len(cases)} cases")


@command("configure")
def configure(
    dataset: Dataset,
    configuration: ConfigurationName,
    plans: Plans = "nnUNetPlans",
    inherits_from: Annotated[str | None, typer.Option(help="Parent; without it, nnU-Net's own is looked up.")] = None,
    patch_size: Annotated[list[int] | None, typer.Option(help="Voxels of one axis; once per axis (z, y, x).")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1)] = None,
    features_per_stage: Annotated[list[int] | None, typer.Option(help="Channels of one stage; once per stage.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the resolved configuration.")] = None,
) -> None:
    """Add a configuration, such as a small network, to nnU-Net's plans."""
    from nnunet_losses.files import write_json
    from nnunet_losses.nnunet.folders import dataset_folder, nnunet_folder
    from nnunet_losses.nnunet.plans import add_configuration, resolved_configuration

    folder = dataset_folder(nnunet_folder("nnUNet_preprocessed"), dataset)
    file = folder / f"{plans}.json"
    if inherits_from is not None:
        add_configuration(
            file,
            configuration,
            inherits_from=inherits_from,
            patch_size=patch_size or None,
            batch_size=batch_size,
            features_per_stage=features_per_stage or None,
        )
    resolved = resolved_configuration(file, configuration)
    if out is not None:
        write_json(out, resolved)
    typer.echo(f"{file}: {configuration}, patch {resolved['configuration']['patch_size']}")


@command("publish")
def publish(
    dataset: Dataset,
    configuration: ConfigurationName,
    fold: Fold,
    trainer: Trainer,
    out: Annotated[Path, typer.Option(help="Folder for the model and its tables.")],
    plans: Plans = "nnUNetPlans",
) -> None:
    """Copy a finished training out of nnUNet_results: model, curves, cost."""
    from nnunet_losses.nnunet.outcome import publish_training

    publish_training(dataset, configuration, trainer, plans, fold, out)


@command("predict")
def predict(
    dataset: Dataset,
    configuration: ConfigurationName,
    fold: Fold,
    trainer: Trainer,
    segmentations: Annotated[Path, typer.Option(help="Folder for the label maps.")],
    probabilities: Annotated[Path, typer.Option(help="Folder for the probabilities (.npz).")],
    plans: Plans = "nnUNetPlans",
    model: Annotated[
        Path | None, typer.Option(help="Published checkpoint, if the one of the training is gone.")
    ] = None,
    device: str = "cuda",
) -> None:
    """Predict the cases that a fold did not train on, with probabilities."""
    from nnunet_losses.nnunet.outcome import predict_out_of_fold

    predict_out_of_fold(
        dataset,
        configuration,
        trainer,
        plans,
        fold,
        segmentations=segmentations,
        probabilities=probabilities,
        model=model,
        device=device,
    )


@command("evaluate")
def evaluate(
    reference: Annotated[Path, typer.Option(help="Folder of reference label maps.")],
    prediction: Annotated[Path, typer.Option(help="Folder of predicted label maps of the same names.")],
    out: Annotated[Path, typer.Option(help="Folder for the tables.")],
    probabilities: Annotated[Path | None, typer.Option(help="Folder of nnU-Net's .npz probabilities.")] = None,
    dataset_json: Annotated[
        Path | None, typer.Option(help="nnU-Net's dataset.json; looked for beside the folders if absent.")
    ] = None,
    run: Annotated[
        tuple[str, str, str, int] | None,
        typer.Option(help="Data set, configuration, trainer and fold, for the tables.", show_default=False),
    ] = None,
    tolerances_mm: Annotated[list[float] | None, typer.Option(help="Surface-Dice tolerance; may be repeated.")] = None,
    strata_mm: Annotated[
        list[float] | None, typer.Option(help="Limits of small|medium and medium|large lesions, diameter; given twice.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Measure predictions per voxel, surface and lesion, into tidy tables."""
    from nnunet_losses.evaluation import EvaluationSettings, evaluate_folder
    from nnunet_losses.nnunet.outcome import identity

    settings: dict[str, Any] = {}
    if tolerances_mm:
        settings["tolerances_mm"] = tuple(tolerances_mm)
    if strata_mm:
        if len(strata_mm) != 2:
            raise UserError(
                f"--strata-mm must be given twice (small|medium, medium|large), got {len(strata_mm)} limits."
            )
        settings["strata_mm"] = tuple(zip(("small", "medium", "large"), (*strata_mm, math.inf), strict=True))
    if dataset_json is None:
        beside = [folder / "dataset.json" for folder in (reference, reference.parent, prediction, prediction.parent)]
        dataset_json = next((file for file in beside if file.is_file()), None)
        if dataset_json is None:
            raise UserError(
                f"There is no dataset.json in or above {reference} or {prediction}; name it: --dataset-json."
            )
    tables = evaluate_folder(
        reference,
        prediction,
        out,
        dataset_json=dataset_json,
        probabilities_dir=probabilities,
        identity=identity(*run) if run is not None else None,
        settings=EvaluationSettings(**settings),
        workers=workers,
        progress=sys.stderr.isatty(),
    )
    typer.echo(f"{out}: {tables['cases']['case'].nunique()} cases")


@command("compare")
def compare_command(
    folders: Annotated[list[Path], typer.Argument(help="Folders of tables, of any number of trainings.")],
    out: Annotated[Path, typer.Option(help="Folder for the statistics.")],
    study: Annotated[Path | None, typer.Option(help="study.json: what was expected, the baseline, the seed.")] = None,
    baseline: Annotated[str | None, typer.Option(help="Trainer that all others are compared with.")] = None,
    tables: Annotated[Path | None, typer.Option(help="Also write the stacked tables here.")] = None,
) -> None:
    """Compare losses: ranks with their uncertainty, paired tests, detection curves."""
    from nnunet_losses.comparison import compare_tables
    from nnunet_losses.tables import read_tables, write_tables

    stacked = read_tables(folders)
    stacked, statistics = compare_tables(stacked, study=read_study(study), baseline=baseline)
    if tables is not None:
        write_tables(tables, stacked)
    write_tables(out, statistics)
    typer.echo(f"{out}: {', '.join(sorted(statistics))}")


def read_study(path: Path | None) -> dict[str, Any]:
    """The record of a study, or an empty one."""
    if path is None:
        return {}
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}).") from None
    return record


@command("study-report")
def study_report(
    study: Annotated[Path, typer.Option(help="study.json of the workflow.")],
    tables: Annotated[Path, typer.Option(help="Folder of the stacked tables.")],
    statistics: Annotated[Path, typer.Option(help="Folder of the statistics.")],
    predictions: Annotated[Path, typer.Option(help="Folder of the published predictions, for the gallery.")],
    out: Annotated[Path, typer.Option(help="Folder for report.html and its data.")],
) -> None:
    """Write the report of a study of the workflow."""
    from nnunet_losses.comparison import gallery_files, provenance
    from nnunet_losses.nnunet.folders import nnunet_folder
    from nnunet_losses.report import write_report
    from nnunet_losses.tables import read_folder

    record = read_study(study)
    stacked = read_folder(tables)
    written = write_report(
        out,
        tables=stacked,
        statistics=read_folder(statistics),
        runs=provenance(record, record["trainers"], Path.cwd()),
        gallery=gallery_files(
            record,
            stacked["cases"],
            predictions=predictions,
            raw=nnunet_folder("nnUNet_raw"),
            preprocessed=nnunet_folder("nnUNet_preprocessed"),
        ),
        title=record["title"],
        baseline=record["baseline"],
        primary_metric=record["config"]["evaluation"]["primary_metric"],
        seed=record["config"]["statistics"]["seed"],
    )
    typer.echo(f"The report: {written}")


if __name__ == "__main__":
    app()
