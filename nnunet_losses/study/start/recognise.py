"""What a path holds, and how a data-set file describes it; what cannot be known is a question."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nnunet_losses.base.dataset import read_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import read_segmentation
from nnunet_losses.base.names import DATASET_JSON
from nnunet_losses.data.case_table import CASES_CSV
from nnunet_losses.data.description import DatasetDescription, load_dataset_description
from nnunet_losses.data.msd import is_msd
from nnunet_losses.data.own.bids import DERIVATIVES, bids_cases, bids_files, is_bids
from nnunet_losses.data.own.cases import OwnCases
from nnunet_losses.data.own.convert import read_any
from nnunet_losses.data.own.table import CASE, image_columns, label_columns, read_table, table_cases

PATIENT = ("patient", "subject", "patient_id", "subject_id", "participant_id")
"""Columns that say which cases are of one person."""
_RATER = re.compile(r"rater|reader|expert|annotator|observer", re.IGNORECASE)
_LABEL_SUFFIXES = ("mask", "dseg", "probseg", "roi", "seg", "label")
_NUMBER = re.compile(r"Dataset(\d{3})_(.+)|Task(\d{2,3})_(.+)")
MOST_LABELS = 256


@dataclass(frozen=True)
class Recognised:
    """How a data-set file describes what lies at a path.

    what: in words.
    source: the value of the key `source`.
    stem: a name for the data set, without number.
    number: the one that it has already; None if it has none.
    labels: name: value; empty if the source names them.
    case_table: a file in the source's folder.
    columns: further columns of the case table, with the number of different values of each.
    questions: what could not be known, and what is assumed until it is answered, by the key that it belongs to.
    raw: whether it is in nnU-Net's raw layout, so that it can be looked at where it lies.
    cases: number of cases, if it is known already.
    """

    what: str
    source: dict[str, Any]
    stem: str
    number: int | None = None
    labels: Mapping[str, int] = field(default_factory=dict)
    case_table: str | None = None
    columns: Mapping[str, int] = field(default_factory=dict)
    questions: Sequence[tuple[str, str]] = ()
    raw: bool = False
    cases: int | None = None

    def described(self, name: str) -> DatasetDescription:
        """The description, checked."""
        content: dict[str, Any] = {"name": name, "source": self.source}
        if self.labels:
            content["labels"] = dict(self.labels)
        if self.case_table:
            content["case_table"] = self.case_table
        return load_dataset_description(content)


def recognise(path: Path) -> Recognised:
    """Find out what a path holds: nnU-Net's raw layout, a Decathlon task, a BIDS folder, or a table of paths.

    Raises:
        UserError: it is none of them, or something in it is wrong.
    """
    path = path.absolute()
    if not path.exists():
        raise UserError(f"There is no {path}; give a folder or a table of your data.")
    if path.is_file():
        return _of_table(path)
    if (path / DATASET_JSON).is_file():
        return _of_folder(path)
    if is_bids(path):
        return _of_bids(path)
    tables = [file for file in sorted(path.glob("*.csv")) if _names_images(file)]
    if len(tables) == 1:
        return _of_table(tables[0])
    if len(tables) > 1:
        raise UserError(f"{path} has several tables of paths ({', '.join(t.name for t in tables)}); name one of them.")
    raise UserError(
        f"{path} has neither {DATASET_JSON} (nnU-Net's raw layout, or a Decathlon task), nor sub-* folders with "
        f"{DERIVATIVES} (BIDS), nor a table of paths; write a CSV file with the columns case, image and label, and "
    )


def _of_folder(path: Path) -> Recognised:
    decathlon = is_msd(read_dataset_json(path))
    match = _NUMBER.fullmatch(path.name)
    number = int(match[1] or match[3]) if match else None
    table = path / CASES_CSV
    columns = _columns(table) if table.is_file() else None
    return Recognised(
        "a task of the Medical Segmentation Decathlon" if decathlon else "a data set in nnU-Net's raw layout",
        {"path": str(path)},
        (match[2] or match[4]) if match else path.name,
        number,
        case_table=CASES_CSV if columns is not None else None,
        columns=columns or {},
        raw=not decathlon,
    )


def _of_table(path: Path) -> Recognised:
    table = read_table(path)
    columns = list(map(str, table.columns))
    images, labels = image_columns(columns), label_columns(columns)
    if not images or not labels or CASE not in columns:
        raise UserError(
            f"{path} has the columns {', '.join(columns)}; a table of paths has 'case', 'image' or 'image_<channel>', "
            "and 'label' or 'label_<name>'."
        )
    content: dict[str, Any] = {"file": str(path)}
    names = [column.removeprefix("label_") for column in labels]
    known = {
        c: int(table[c].nunique()) for c in columns if c not in (CASE, *images.values(), *labels) and all(table[c])
    }
    found = Recognised("a table of paths", {"table": content}, path.parent.name if path.stem == "cases" else path.stem)
    return _with_labels(replace(found, columns=known), content, names)


def _of_bids(path: Path) -> Recognised:
    derivatives = {
        folder.name: bids_files(folder) for folder in sorted((path / DERIVATIVES).iterdir()) if folder.is_dir()
    }
    ends = {
        name: Counter(_label_end(rest) for there in cases.values() for rest in there if rest.endswith(_LABEL_SUFFIXES))
        for name, cases in derivatives.items()
    }
    with_labels = [name for name, counted in ends.items() if counted]
    if not with_labels:
        raise UserError(
            f"{path / DERIVATIVES} has no label maps (files that end in {', '.join(_LABEL_SUFFIXES[:2])}, ...)."
        )
    chosen = max(with_labels, key=lambda name: sum(ends[name].values()))
    questions = []
    if len(with_labels) > 1:
        others = ", ".join(name for name in with_labels if name != chosen)
        questions.append(("source", f"Are the label maps those of derivatives/{chosen}? There are also: {others}."))
    labels = sorted(ends[chosen])
    labelled = [
        case for case, there in derivatives[chosen].items() if any(_label_end(rest) in labels for rest in there)
    ]
    channels = _channels(bids_files(path), labelled)
    if not channels:
        raise UserError(
            f"No image of {path} is there for all {len(labelled)} cases that have a label map; write a table of paths."
        )
    questions.append(("source", f"Are these the channels to train on, in any order? {', '.join(channels)}"))
    content: dict[str, Any] = {"folder": str(path), "channels": channels, "derivatives": chosen, "label": labels}
    found = Recognised("a BIDS folder", {"bids": content}, path.name, questions=questions)
    names = [match[1] if (match := re.search(r"(?:label|desc)-([A-Za-z0-9]+)", end)) else end for end in labels]
    return _with_labels(found, content, names)


def _label_end(rest: str) -> str:
    """What tells the label maps of a case apart: the entities label and desc, and the suffix."""
    *entities, suffix = rest.split("_")
    return "_".join([*(entity for entity in entities if entity.startswith(("label-", "desc-"))), suffix])


def _channels(images: Mapping[str, Mapping[str, Path]], cases: Sequence[str]) -> dict[str, str]:
    """Ends of names that every labelled case has once, by a name for the channel."""
    ends: list[str] = []
    for rest in sorted({rest for case in cases for rest in images.get(case, {})}, key=len):
        end = rest.split("_")[-1] if rest.count("_") == 0 else rest
        once = all(sum(r == end or r.endswith(f"_{end}") for r in images.get(case, {})) == 1 for case in cases)
        if once and not any(end == known or end.endswith(f"_{known}") for known in ends):
            ends.append(end)
    return {re.sub(r"w$", "", end): end for end in sorted(ends)}


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
    there = _values(cases)
    if content.get("merge") == "masks":
        labels = {name: number for number, name in enumerate(names, 1)}
    else:
        foreground = sorted(there - {0})
        if not foreground:
            raise UserError(f"No label map of {cases.where} has any foreground.")
        if len(foreground) > MOST_LABELS:
            raise UserError(
                f"The label maps of {cases.where} hold {len(foreground)} different values, so they are no label maps, "
                "or number the lesions; store one value for each kind of lesion."
            )
        if foreground != list(range(1, len(foreground) + 1)):
            content["values"] = {old: new for new, old in enumerate(foreground, 1) if old != new}
            questions.append(("values", f"Label maps hold {foreground}; they are numbered anew from 1. Is that right?"))
        one = names[0] if len(names) == 1 and names[0] not in ("label", *_LABEL_SUFFIXES) else "lesion"
        labels = {one: 1} if len(foreground) == 1 else {f"label_{n}": n for n in range(1, len(foreground) + 1)}
        if len(foreground) > 1 or one == "lesion":
            questions.append(("labels", "What are the labels called? The label maps hold numbers only."))
    return replace(found, labels={"background": 0, **labels}, questions=questions, cases=len(cases.cases))


def _values(cases: OwnCases) -> set[int]:
    found: set[int] = set()
    for case in cases.cases.values():
        for path in case.labels:
            if path.is_dir():
                import SimpleITK as sitk  # noqa: N813 - the library's own habit

                voxels: Any = sitk.GetArrayViewFromImage(read_any(path))
            else:
                voxels = read_segmentation(path)
            found |= set(np.unique(voxels).tolist())
    return found


def _columns(path: Path) -> dict[str, int] | None:
    """The columns that have a value for each case; None if it is no case table."""
    try:
        table = read_table(path)
    except UserError:
        return None
    if CASE not in table:
        return None
    return {str(c): int(table[c].nunique()) for c in table.columns if c != CASE and all(table[c])}


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
