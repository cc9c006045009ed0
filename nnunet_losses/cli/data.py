"""Commands that prepare data for nnU-Net: prepare, inspect, split, configure."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.names import PLANS
from nnunet_losses.cli.app import ConfigurationName, Dataset, Plans, command, say


@command("prepare")
def prepare(
    description: Annotated[Path, typer.Argument(help="Data-set file, such as config/datasets/phantom.yaml.")],
    raw: Annotated[Path | None, typer.Option(help="nnU-Net's raw folder; $nnUNet_raw if absent.")] = None,
    summary: Annotated[Path | None, typer.Option(help="JSON file for a summary of the data set.")] = None,
    cases: Annotated[int | None, typer.Option(min=2, help="Use only the first N cases.", metavar="N")] = None,
    workers: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Make or download a data set as an nnU-Net raw folder, and check it."""
    from nnunet_losses.base.files import write_json
    from nnunet_losses.data.description import load_dataset_description
    from nnunet_losses.data.inspection import inspect_dataset
    from nnunet_losses.data.raw import data_fingerprint, prepare_raw, source_state
    from nnunet_losses.nnunet.preparation.folders import nnunet_folder

    dataset = load_dataset_description(description)
    folder = prepare_raw(
        dataset, raw or nnunet_folder("nnUNet_raw"), cases=cases, workers=workers, progress=sys.stderr.isatty()
    )
    found = inspect_dataset(folder, workers=workers)
    say(f"{folder}: {found}")
    for warning in found.warnings:
        say(f"Warning: {warning}")
    if summary is not None:
        fingerprint = data_fingerprint(folder) or source_state(dataset, folder.parent, cases)
        write_json(summary, {**found.as_dict(), "fingerprint": fingerprint})


@command("inspect")
def inspect(
    folder: Annotated[Path, typer.Argument(help="An nnU-Net raw folder, DatasetXXX_Name.")],
    plans: Annotated[
        Path | None, typer.Option(help="nnU-Net's plans of it; without them, its usual spacing is assumed.")
    ] = None,
    configuration: Annotated[str, typer.Option(help="Configuration of the plans.")] = "3d_fullres",
    splits: Annotated[Path | None, typer.Option(help="A splits_final.json, to find copies across its folds.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for imbalance.csv, imbalance.svg, summary.json and warnings.txt.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Check a raw data set: name every problem in it, and say how unbalanced it is."""
    from nnunet_losses.base.splits import read_splits
    from nnunet_losses.cli.look import look_into
    from nnunet_losses.data.imbalance import sentences
    from nnunet_losses.data.warnings import across_folds

    seen = look_into(folder, plans=plans, configuration=configuration, workers=workers)
    warnings = seen.warnings
    if splits is not None:
        warnings = [*warnings, *across_folds(read_splits(splits, "--splits"), seen.summary.copies)]
    say(str(seen.summary))
    for line in (*sentences(seen.facts), *(f"Warning: {warning}" for warning in warnings)):
        say(line)
    if out is not None:
        seen.write(out, warnings)


@command("split")
def split(
    dataset: Dataset,
    folds: Annotated[
        int | None, typer.Option(min=2, show_default="5, or the values of the column that is left out")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the split; nnU-Net's own is 12345.")] = 12345,
    group: Annotated[
        str | None, typer.Option(help="Column of the case table: cases of equal value stay in one fold.")
    ] = None,
    leave_out: Annotated[
        str | None, typer.Option(help="Column of the case table, such as site: each of its values is one fold.")
    ] = None,
    left_out: Annotated[
        list[str] | None,
        typer.Option(help="A value of that column; those given are left out together, as the only fold."),
    ] = None,
    case_table: Annotated[Path | None, typer.Option(help="CSV file with that column and the column 'case'.")] = None,
    stratify: Annotated[
        Path | None,
        typer.Option(help="The data set's summary.json: every fold gets cases with few and with many lesions."),
    ] = None,
    file: Annotated[Path | None, typer.Option(help="Your own splits file, instead of these options.")] = None,
    out: Annotated[Path | None, typer.Option(help="File for a copy of the splits.")] = None,
) -> None:
    """Split the cases into folds before any training, so that trainings that start together share one split."""
    from nnunet_losses.base.dataset import find_dataset
    from nnunet_losses.base.files import write_json
    from nnunet_losses.base.splits import read_splits
    from nnunet_losses.data.case_table import read_case_column, repeated_patients
    from nnunet_losses.data.summary import read_lesion_counts
    from nnunet_losses.nnunet.preparation.folders import nnunet_folder
    from nnunet_losses.nnunet.preparation.splits import (
        case_names,
        leave_out_splits,
        make_balanced_splits,
        make_splits,
        write_splits,
    )

    raw = find_dataset(nnunet_folder("nnUNet_raw"), dataset)
    preprocessed = nnunet_folder("nnUNet_preprocessed") / raw.name
    cases = case_names(raw)
    column = group if leave_out is None else leave_out
    if (column is None) != (case_table is None):
        raise UserError(
            "--group or --leave-out, and --case-table belong together: the column, and the CSV file that has it."
        )
    if leave_out is not None and not (group is stratify is file is None):
        raise UserError("--leave-out already defines the folds; leave --group, --stratify and --file out.")
    if left_out and leave_out is None:
        raise UserError("--left-out has values of the column that --leave-out names; give that, too.")
    values = None if column is None or case_table is None else read_case_column(case_table, column, cases)
    if values is None and file is None and (values := repeated_patients(raw, cases)):
        say(f"{raw.name} has several cases of one patient; they stay in one fold.")
    if file is not None:
        splits = read_splits(file, "--file")
    elif leave_out is not None and values is not None:
        splits = leave_out_splits(values, column=leave_out, together=left_out or ())
        if folds not in (None, len(splits)):
            raise UserError(
                f"The {len(cases)} cases of {raw.name} have {len(splits)} values of '{leave_out}', but {folds} folds "
                f"are asked for, as many as {case_table} has; leave the cases that are not used out of that table."
            )
    elif values is None and stratify is None:
        splits = make_splits(cases, folds=folds or 5, seed=seed)
    else:
        counts = None if stratify is None else read_lesion_counts(stratify, cases)
        splits = make_balanced_splits(cases, folds=folds or 5, seed=seed, groups=values, counts=counts)
    written = write_splits(preprocessed, splits, cases)
    if out is not None:
        write_json(out, splits)
    say(f"{written}: {len(splits)} folds of {len(cases)} cases")


@command("configure")
def configure(
    dataset: Dataset,
    configuration: ConfigurationName,
    plans: Plans = PLANS,
    inherits_from: Annotated[
        str | None, typer.Option(help="Configuration to start from; without it, the configuration must exist already.")
    ] = None,
    patch_size: Annotated[
        list[int] | None, typer.Option(help="Voxels along an axis; give it once per axis (z, y, x).")
    ] = None,
    spacing: Annotated[
        list[float] | None, typer.Option(help="Voxel size in mm along an axis; give it once per axis.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1)] = None,
    features_per_stage: Annotated[
        list[int] | None, typer.Option(help="Channels of a stage; give it once per stage.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File for the complete configuration.")] = None,
) -> None:
    """Add a configuration, such as a small network, to nnU-Net's plans."""
    from nnunet_losses.base.dataset import find_dataset
    from nnunet_losses.base.files import write_json
    from nnunet_losses.data.raw import data_fingerprint
    from nnunet_losses.nnunet.preparation.folders import nnunet_folder
    from nnunet_losses.nnunet.preparation.plans import add_configuration, resolved_configuration

    folder = find_dataset(nnunet_folder("nnUNet_preprocessed"), dataset)
    file = folder / f"{plans}.json"
    if inherits_from is not None:
        add_configuration(
            file,
            configuration,
            inherits_from=inherits_from,
            patch_size=patch_size or None,
            spacing=spacing or None,
            batch_size=batch_size,
            features_per_stage=features_per_stage or None,
        )
    resolved = resolved_configuration(file, configuration)
    if out is not None:
        write_json(out, {**resolved, "fingerprint": data_fingerprint(folder)})
    say(f"{file}: {configuration}, patch {resolved['configuration']['patch_size']}")
