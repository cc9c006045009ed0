"""Where the files lie that pictures of cases are made of."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from nnunet_losses.base.dataset import read_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.identity import EXPERIMENT
from nnunet_losses.base.labels import LabelSet
from nnunet_losses.base.names import DATASET_JSON, REFERENCES_FOLDER, fold_name, image_file
from nnunet_losses.nnunet.names.identity import identity
from nnunet_losses.study.record import StudyRecord

FILES = ("image", "reference", "prediction")


class Predicted(NamedTuple):
    """The predictions of one training, and where images and references of its cases lie.

    row: the identity columns of the training.
    cases: the predicted cases.
    raw: the raw data set.
    references: folder of the reference segmentations.
    predictions: folder of the predicted ones.
    ending: of the names of all image files.
    ignore: the value of voxels of the references that count nowhere; None if there is none.
    """

    row: Mapping[str, str | int]
    cases: Iterable[str]
    raw: Path
    references: Path
    predictions: Path
    ending: str
    ignore: int | None


def gallery_files(predicted: Iterable[Predicted]) -> pd.DataFrame | None:
    """Image (first channel), reference and prediction of every case that has an image; None if there is none.

    Of several seeds of a trainer the first is shown. The column ``ignore`` holds the value of ignored voxels, or None.
    """
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for training in predicted:
        experiment = {name: str(training.row[name]) for name in EXPERIMENT}
        for case in training.cases:
            image = image_file(training.raw, case, 0, training.ending)
            key = (*experiment.values(), case)
            if key not in rows and image.is_file():
                segmentations = [
                    folder / f"{case}{training.ending}" for folder in (training.references, training.predictions)
                ]
                rows[key] = {
                    **experiment,
                    "case": case,
                    **dict(zip(FILES, map(str, [image, *segmentations]), strict=True)),
                    "ignore": training.ignore,
                }
    return (
        pd.DataFrame([*rows.values()], columns=[*EXPERIMENT, "case", *FILES, "ignore"], dtype=object) if rows else None
    )


def predictions_of_study(
    record: StudyRecord, *, predictions: Path, raw: Path, preprocessed: Path
) -> Iterator[Predicted]:
    """The predictions that the workflow published, those of ensembles last.

    Args:
        record: the record of the study.
        predictions: ``results/predictions``.
        raw: ``nnUNet_raw``.
        preprocessed: ``nnUNet_preprocessed``.

    Raises:
        UserError: a data set was not preprocessed there.
    """
    described: dict[str, dict[str, Any]] = {}
    for run in record.evaluated:
        if run.dataset not in described:
            file = preprocessed / run.dataset / DATASET_JSON
            if not file.is_file():
                raise UserError(
                    f"{file} is missing; set nnUNet_preprocessed to the folder that the study was trained in."
                )
            described[run.dataset] = read_dataset_json(file, ["file_ending", "labels"])
        ending = str(described[run.dataset]["file_ending"])
        folder = predictions / run.dataset / f"{record.plans}__{run.configuration}" / run.trainer / fold_name(run.fold)
        yield Predicted(
            row=identity(run.dataset, run.configuration, run.trainer, run.fold),
            cases=[file.name.removesuffix(ending) for file in sorted(folder.glob(f"*{ending}"))],
            raw=raw / run.dataset,
            references=preprocessed / run.dataset / REFERENCES_FOLDER,
            predictions=folder,
            ending=ending,
            ignore=LabelSet.parse(described[run.dataset]["labels"]).ignore,
        )
