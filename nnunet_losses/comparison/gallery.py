"""Where the files lie that pictures of cases are made of."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from nnunet_losses.base.dataset import read_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.identity import EXPERIMENT
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
    """

    row: Mapping[str, str | int]
    cases: Iterable[str]
    raw: Path
    references: Path
    predictions: Path
    ending: str


def gallery_files(predicted: Iterable[Predicted]) -> pd.DataFrame | None:
    """Image (first channel), reference and prediction of every case that has an image; None if there is none.

    Of several seeds of a trainer the first is shown.
    """
    rows: dict[tuple[str, ...], dict[str, str]] = {}
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
                }
    return pd.DataFrame([*rows.values()], columns=[*EXPERIMENT, "case", *FILES]) if rows else None


def predictions_of_study(
    record: StudyRecord, *, predictions: Path, raw: Path, preprocessed: Path
) -> Iterator[Predicted]:
    """The predictions that the workflow published.

    Args:
        record: the record of the study.
        predictions: ``results/predictions``.
        raw: ``nnUNet_raw``.
        preprocessed: ``nnUNet_preprocessed``.

    Raises:
        UserError: a data set was not preprocessed there.
    """
    endings: dict[str, str] = {}
    for run in record.runs:
        if run.dataset not in endings:
            described = preprocessed / run.dataset / DATASET_JSON
            if not described.is_file():
                raise UserError(
                    f"{described} is missing; let nnUNet_preprocessed be the folder that the study was trained in."
                )
            endings[run.dataset] = str(read_dataset_json(described, ["file_ending"])["file_ending"])
        ending = endings[run.dataset]
        folder = predictions / run.dataset / f"{record.plans}__{run.configuration}" / run.trainer / fold_name(run.fold)
        yield Predicted(
            row=identity(run.dataset, run.configuration, run.trainer, run.fold),
            cases=[file.name.removesuffix(ending) for file in sorted(folder.glob(f"*{ending}"))],
            raw=raw / run.dataset,
            references=preprocessed / run.dataset / REFERENCES_FOLDER,
            predictions=folder,
            ending=ending,
        )
