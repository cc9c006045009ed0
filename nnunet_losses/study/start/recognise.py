"""What a path holds, and how a data-set file describes it; what cannot be known is a question."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.base.dataset import read_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import ENDINGS
from nnunet_losses.base.names import DATASET_JSON, unprintable
from nnunet_losses.data.case_table import CASES_CSV
from nnunet_losses.data.description import DatasetDescription, load_dataset_description
from nnunet_losses.data.inspection import list_files
from nnunet_losses.data.msd import is_msd, msd_cases
from nnunet_losses.data.own.bids import DERIVATIVES, bids_cases, is_bids
from nnunet_losses.data.own.cases import OwnCases
from nnunet_losses.data.own.convert import is_picture, read_label_map
from nnunet_losses.data.own.table import CASE, image_columns, label_columns, read_table, table_cases
from nnunet_losses.study.start.bids import LABEL_SUFFIXES, find_channels, find_label_maps, label_name

PATIENT = ("patient", "subject", "patient_id", "subject_id", "participant_id")
"""Columns that say which cases are of one person."""
_RATER = re.compile(r"rater|reader|expert|annotator|observer", re.IGNORECASE)
_NO_TABLES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".xlsx", ".xls", *ENDINGS)
_NUMBER = re.compile(r"Dataset(\d{3})_(.+)|Task(\d{2,3})_(.+)")
MOST_LABELS, _MOST_GREYS, _MANY_NUMBERS = 256, 32, 10
_LONGEST_LINE = 300


@dataclass(frozen=True)
class Recognised:
    """How a data-set file describes what lies at a path.

    what: in words.
    source: the value of the key `source`.
    stem: a name for the data set, without number.
    number: the one that it has already; None if it has none.
    labels: name: value; empty if the source names them.
    case_table: a file in the source's folder.
    columns: columns of the case table that may say which cases belong together, with the number of values of each.
    licence, citation: as the source has them; empty if it does not say.
    questions: what could not be known, and what is assumed until it is answered, by the key that it belongs to.
    raw: whether it is in nnU-Net's raw layout, so that it can be looked at where it lies.
    not_finite: what takes the place of NaN and infinity in images.
    cases: number of cases, if it is known already.
    """

    what: str
    source: dict[str, Any]
    stem: str
    number: int | None = None
    labels: Mapping[str, int] = field(default_factory=dict)
    case_table: str | None = None
    columns: Mapping[str, int] = field(default_factory=dict)
    licence: str = ""
    citation: str = ""
    questions: Sequence[tuple[str, str]] = ()
    raw: bool = False
    not_finite: float | None = None
    cases: int | None = None

    def content(self, name: str) -> dict[str, Any]:
        """The keys of the data-set file that say how the data are made."""
        content: dict[str, Any] = {"name": name, "source": self.source}
        if self.labels:
            content["labels"] = dict(self.labels)
        if self.case_table:
            content["case_table"] = self.case_table
        if self.not_finite is not None:
            content["not_finite"] = self.not_finite
        return content

    def described(self, name: str) -> DatasetDescription:
        """The description, checked."""
        return load_dataset_description(self.content(name))


def recognise(path: Path) -> Recognised:
    """Find out what a path holds: nnU-Net's raw layout, a Decathlon task, a BIDS folder, or a table of paths.

    Raises:
        UserError: it is none of them, or something in it is wrong.
    """
    path = path.absolute()
    if not path.exists():
        raise UserError(f"There is no {path}; give a folder or a table of your data.")
    if path.is_file():
        if path.name.lower().endswith(_NO_TABLES):
            raise UserError(f"{path} is no table of paths; unpack an archive first, and give the folder of your data.")
        return _of_table(path)
    if (path / DATASET_JSON).is_file():
        return _of_folder(path)
    if is_bids(path):
        return _of_bids(path)
    tables = [file for file in sorted(path.glob("*.[ct]sv")) if _names_images(file)]
    if len(tables) == 1:
        return _of_table(tables[0])
    if len(tables) > 1:
        raise UserError(f"{path} has several tables of paths ({', '.join(t.name for t in tables)}); name one of them.")
    raise UserError(
        f"{path} has neither {DATASET_JSON} (nnU-Net's raw layout, or a Decathlon task), nor sub-* folders with "
        f"{DERIVATIVES} (BIDS), nor a table of paths; write a CSV file with the columns case, image and label, and "
        "give its path to init."
    )


def _of_folder(path: Path) -> Recognised:
    content = read_dataset_json(path)
    decathlon = is_msd(content)
    match = _NUMBER.fullmatch(path.name)
    number = int(match[1] or match[3]) if match else None
    columns = None
    if (path / CASES_CSV).is_file():
        table = read_table(path / CASES_CSV)
        if CASE in table:
            cases = msd_cases(path, content) if decathlon else list(list_files(path, content)[0])
            columns = _columns(path / CASES_CSV, table, cases)
    return Recognised(
        "a task of the Medical Segmentation Decathlon" if decathlon else "a data set in nnU-Net's raw layout",
        {"path": str(path)},
        (match[2] or match[4]) if match else path.name,
        number,
        case_table=CASES_CSV if columns is not None else None,
        columns=columns or {},
        licence=_line(content.get("licence") or content.get("license")),
        citation=_line(content.get("citation") or content.get("reference")),
        raw=not decathlon,
    )


def _of_table(path: Path) -> Recognised:
    table = read_table(path)
    columns = list(map(str, table.columns))
    images, labels = image_columns(columns), label_columns(columns)
    if not images or not labels or CASE not in columns:
        raise UserError(
            f"{path} has the columns {', '.join(columns)}; a table of paths has 'case', 'image' or 'image_<channel>', "
            "and 'label' or 'label_<name>', in lower case."
        )
    content: dict[str, Any] = {"file": str(path)}
    names = [column.removeprefix("label_") for column in labels]
    known = _columns(path, table.drop(columns=[*images.values(), *labels]), list(table[CASE]))
    found = Recognised("a table of paths", {"table": content}, path.parent.name if path.stem == "cases" else path.stem)
    return _with_labels(replace(found, columns=known), content, names)


def _of_bids(path: Path) -> Recognised:
    maps = find_label_maps(path)
    channels, left_out = find_channels(path, maps.cases)
    questions = [*maps.questions, f"Are these the channels to train on? {', '.join(channels)}"]
    if left_out:
        questions.append(
            f"May these images be left out? {'; '.join(left_out)}. To train on them, bring them to the grid of the "
            "label maps."
        )
    content = {"folder": str(path), "channels": channels, "derivatives": maps.derivatives, "label": maps.ends}
    found = Recognised("a BIDS folder", {"bids": content}, path.name, questions=[("source", q) for q in questions])
    return _with_labels(found, content, [label_name(end) for end in maps.ends])


def _with_labels(found: Recognised, content: dict[str, Any], names: Sequence[str]) -> Recognised:
    """Complete a description by the label values that the label maps hold."""
    questions = list(found.questions)
    if len(names) > 1:
        raters = all(_RATER.search(name) for name in names)
        content["merge"] = "majority" if raters else "masks"
        questions.append(
            (
                "merge",
                f"How do the label maps {', '.join(names)} become one? "
                + (
                    "Their names say raters: what most of them marked."
                    if raters
                    else "As one label each; later ones cover."
                ),
            )
        )
    described = replace(found, labels={"background": 0, "lesion": 1}).described("Dataset999_Recognised").source
    if described.bids is not None:
        cases = bids_cases(described.bids)
    else:
        assert described.table is not None
        cases = table_cases(described.table)
    values = _values(cases)
    if content.get("merge") == "masks":
        labels = {name: number for number, name in enumerate(names, 1)}
    else:
        foreground = sorted(set().union(*values) - {0})
        _refuse_greys(cases, foreground)
        one = names[0] if len(names) == 1 and names[0] not in ("label", *LABEL_SUFFIXES) else "lesion"
        if _number_lesions(values):
            content["values"] = {number: 1 for number in foreground if number != 1}
            questions.append(
                (
                    "values",
                    f"Label maps hold 1 to {foreground[-1]}, as if each lesion had a number; all become one label. Is "
                    "that right?",
                )
            )
            foreground = [1]
        elif foreground != list(range(1, len(foreground) + 1)):
            content["values"] = {old: new for new, old in enumerate(foreground, 1) if old != new}
            questions.append(("values", f"Label maps hold {foreground}; they are numbered anew from 1. Is that right?"))
        labels = {one: 1} if len(foreground) == 1 else {f"label_{n}": n for n in range(1, len(foreground) + 1)}
        if len(foreground) > 1 or one == "lesion":
            questions.append(("labels", "What are the labels called? The label maps hold numbers only."))
    return replace(found, labels={"background": 0, **labels}, questions=questions, cases=len(cases.cases))


def _refuse_greys(cases: OwnCases, foreground: Sequence[int]) -> None:
    """Refuse label maps that cannot be any, by the values in all of them.

    Raises:
        UserError: there is no foreground, or there are too many values.
    """
    if not foreground:
        raise UserError(f"No label map of {cases.where} has any foreground.")
    if len(foreground) > MOST_LABELS:
        raise UserError(
            f"The label maps of {cases.where} hold {len(foreground)} different values, so they are no label maps, or "
            "number the lesions; store one value for each kind of lesion."
        )
    if len(foreground) > _MOST_GREYS and is_picture(next(iter(cases.cases.values())).labels[0]):
        raise UserError(
            f"The label maps of {cases.where} hold {len(foreground)} different grey values, as pictures do that were "
            "resized or stored as JPEG; store one value for each kind of lesion."
        )


def _number_lesions(values: Sequence[set[int]]) -> bool:
    """Whether label maps give each lesion its number: from 1 without a gap, in each case up to another number."""
    counts = [len(there - {0}) for there in values]
    without_gaps = all(there - {0} == set(range(1, n + 1)) for there, n in zip(values, counts, strict=True))
    return without_gaps and max(counts) > _MANY_NUMBERS and len(set(counts)) > 1


def _values(cases: OwnCases) -> list[set[int]]:
    """The values in the label maps of each case."""
    return [
        {value for path in case.labels for value in np.unique(read_label_map(path)).tolist()}
        for case in cases.cases.values()
    ]


def _columns(path: Path, table: pd.DataFrame, cases: Sequence[str]) -> dict[str, int]:
    """The columns that have a value for each case and may say which cases belong together.

    Raises:
        UserError: a case is named twice, or lacks its patient.
    """
    if not (twice := table[CASE][table[CASE].duplicated()]).empty:
        raise UserError(f"The table {path} has the case {twice.iloc[0]} twice; remove one row, or rename it.")
    rows = table.set_index(CASE).reindex(list(cases), fill_value="")
    found: dict[str, int] = {}
    for column in map(str, rows.columns):
        filled = rows[column] != ""
        if filled.all():
            if column in PATIENT or not _is_measured(rows[column]):
                found[column] = int(rows[column].nunique())
        elif column in PATIENT and filled.any():
            raise UserError(
                f"The table {path} has no '{column}' for the case {cases[int(filled.to_numpy().argmin())]}; add it, or "
                "remove the column."
            )
    return found


def _is_measured(values: Iterable[str]) -> bool:
    """Whether values are measurements or counts, such as 0 or 2.5, and no numbers of sites or scanners."""
    try:
        numbers = np.array([float(value) for value in values])
    except ValueError:
        return False
    return bool(np.isfinite(numbers).all() and ((numbers <= 0) | (numbers % 1 != 0)).any())


def _line(text: object) -> str:
    """A text of somebody else's, if it fits on a line of a file."""
    line = " ".join(text.split()) if isinstance(text, str) else ""
    return "" if len(line) > _LONGEST_LINE or unprintable(line) else line


def _names_images(path: Path) -> bool:
    try:
        columns = list(map(str, read_table(path).columns))
    except UserError:
        return False
    return bool(image_columns(columns)) and bool(label_columns(columns))


def free_number(taken: Iterable[int], wanted: int | None) -> int:
    """The wanted number of a data set, or the first free one from 101."""
    taken = set(taken)
    if wanted is not None and wanted not in taken:
        return wanted
    return next(number for number in range(101, 1000) if number not in taken)
