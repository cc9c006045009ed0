"""Where the files lie that pictures of cases are made of."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.results.outcome import identity
from nnunet_losses.study.record import StudyRecord

EXPERIMENT = ("dataset", "configuration", "trainer")
FILES = ("image", "reference", "prediction")


class Predicted(NamedTuple):
    """The predictions of one training, and the folders that hold images and references of its cases.

    row: the identity columns of the training.
    cases: the predicted cases.
    ending: of the file names of all images.
    """

    row: Mapping[str, str | int]
    cases: Iterable[str]
    images: Path
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
            image = training.images / f"{case}_0000{training.ending}"
            key = (*experiment.values(), case)
            if key not in rows and image.is_file():
                files = (image, *(folder / f"{case}{training.ending}" for folder in training[3:5]))
                rows[key] = {**experiment, "case": case, **dict(zip(FILES, map(str, files), strict=True))}
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
            described = preprocessed / run.dataset / "dataset.json"
            if not described.is_file():
                raise UserError(
                    f"{described} is missing; let nnUNet_preprocessed be the folder that the study was trained in."
                )
            endings[run.dataset] = json.loads(described.read_text())["file_ending"]
        ending = endings[run.dataset]
        folder = predictions / run.dataset / f"{record.plans}__{run.configuration}" / run.trainer / f"fold_{run.fold}"
        yield Predicted(
            row=identity(run.dataset, run.configuration, run.trainer, run.fold),
            cases=[file.name.removesuffix(ending) for file in sorted(folder.glob(f"*{ending}"))],
            images=raw / run.dataset / "imagesTr",
            references=preprocessed / run.dataset / "gt_segmentations",
            predictions=folder,
            ending=ending,
        )
