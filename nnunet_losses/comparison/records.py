"""Published records of lesions and predicted components, which become the tables that a report is made of.

Two forms are read. A file of JSON holds one model, named by the file, as the authors of inverse weighting published it
(Shirokikh et al., MICCAI 2020, github.com/neuro-ml/inverse_weighting): image to a list of objects with ``obj``
("tum_3", "pred_1"), ``is_tum``, ``diameter`` in voxels, ``hit_dice``, ``hit_obj``, ``hit_logit`` and ``self_logit``. A
table (CSV or Parquet) holds any number of models, a row for each object.
"""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import read_json
from nnunet_losses.base.metrics import metric_named
from nnunet_losses.base.scale import Length
from nnunet_losses.base.states import CaseStatus
from nnunet_losses.base.tables.results import CASES, LESIONS
from nnunet_losses.base.tables.storage import METADATA_FAULTS

REQUIRED = ("model", "case", "side", "matched", "score")
"""Columns that a table of records needs."""
ENDINGS = (".json", ".csv", ".parquet")
DATASET, CONFIGURATION, LABEL = "records", "published", "lesion"
_WORDS = {"true": True, "1": True, "1.0": True, "yes": True, "false": False, "0": False, "0.0": False, "no": False}
_SIDES = ("reference", "prediction", "")
_LARGEST = 2**1000
_OBJECT = re.compile(r"[A-Za-z]+_(\d{1,15})", re.ASCII)
_KEY = ["trainer", "case", "label"]


def read_records(places: Sequence[Path], *, voxel_mm: float | None = None) -> dict[str, pd.DataFrame]:
    """The tables `cases` and `lesions` of records.

    Every model counts as having processed every case: one without an object of a model is a case in which it predicted
    nothing. The table of cases holds the lesion metrics that follow from the objects, as
    `nnunet_losses.evaluation.lesions` defines them: detection by any overlap, false positives and, where Dice is
    recorded, the Dice of lesions.

    Args:
        places: files of JSON, CSV or Parquet, or folders that hold such files.
        voxel_mm: size of a voxel in mm, if the recorded diameters are in voxels and shall be in mm. If absent, those of
            JSON are in voxels (unit ``px``), and those of tables in mm.

    Raises:
        UserError: a file cannot be read or is of another form, a value is not possible, models have different
            reference lesions in a case, or some diameters are in voxels and others in mm.
    """
    parts = [_read(file) for file in _files(places)]
    owners: dict[str, Path] = {}
    for file, objects in parts:
        for model in objects["trainer"].unique():
            if owners.setdefault(model, file) != file:
                raise UserError(f"The model {model!r} is both in {owners[model]} and in {file}; rename one of them.")
    objects = pd.concat([objects for _, objects in parts], ignore_index=True)
    units = {file: _length(file) for file, objects in parts if "diameter_mm" in objects}
    unit = Length.MM if voxel_mm is not None else next(iter(units.values()), Length.MM)
    if voxel_mm is not None and units:
        objects["diameter_mm"] *= voxel_mm
    elif len(set(units.values())) > 1:
        voxels, mm = (next(file for file, own in units.items() if own is length) for length in (Length.PX, Length.MM))
        raise UserError(f"Diameters are in voxels in {voxels} and in mm in {mm}; report on them one by one.")
    lesions = objects[objects["side"] != ""]
    # an optional column that a file lacks, or leaves empty in places, is of no use for a comparison
    lesions = lesions.drop(columns=[name for name in _OPTIONAL if name in lesions and lesions[name].isna().any()])
    _check_references(objects, lesions)
    identity: dict[str, Any] = {"dataset": DATASET, "configuration": CONFIGURATION, "fold": 0, "seed": 0}
    return {
        "cases": CASES.check(_cases(objects, lesions).assign(**identity)),
        "lesions": LESIONS.check(lesions.assign(**identity, unit=str(unit)).reset_index(drop=True)),
    }


def published_of(published: pd.DataFrame, data: str | None) -> pd.DataFrame:
    """The published numbers of the data that the records are of; all, as numbers of other data, if that is not known.

    Raises:
        UserError: nothing was published of such data.
    """
    if data is None:
        return published
    own = published[published["data"] == data]
    if own.empty:
        raise UserError(
            f"Nothing is published of the data '{data}'; there are {', '.join(published['data'].unique())}."
        )
    return own.assign(dataset=DATASET)


def _length(file: Path) -> Length:
    """The unit of the diameters in a file."""
    return Length.PX if file.suffix == ".json" else Length.MM


_OPTIONAL = ("diameter_mm", "dice", "partner")


def _files(places: Sequence[Path]) -> list[Path]:
    found = []
    for place in places:
        if place.is_dir():
            inside = sorted(path for path in place.iterdir() if path.name.endswith(ENDINGS))
            if not inside:
                raise UserError(f"{place} holds no file that ends in {', '.join(ENDINGS)}.")
            found += inside
        elif not place.is_file():
            raise UserError(f"There is no file or folder {place}.")
        elif not place.name.endswith(ENDINGS):
            raise UserError(f"{place} is not a file of records; its name must end in {', '.join(ENDINGS)}.")
        else:
            found.append(place)
    return list(dict.fromkeys(found))


def _read(file: Path) -> tuple[Path, pd.DataFrame]:
    rows = list(_json_rows(file) if file.suffix == ".json" else _table_rows(file))
    if not rows:
        raise UserError(f"{file} holds no records.")
    return file, pd.DataFrame(rows)


def _json_rows(file: Path) -> Iterator[dict[str, Any]]:
    """The objects of one model; an image without any gives a row without side."""
    content = read_json(file, "replace it with an intact one.")
    if not isinstance(content, dict) or not all(isinstance(records, list) for records in content.values()):
        raise UserError(f"{file} must hold a table of images, each with a list of records.")
    for image, records in content.items():
        own = {"trainer": file.stem, "case": image, "label": LABEL}
        if not records:
            yield own | {"side": "", "component": 0, "matched": False, "score_max": math.nan}
        for number, record in enumerate(records, start=1):
            where = f"{file}: image {image!r}, record {number}"
            if not isinstance(record, dict):
                raise UserError(f"{where} is no table.")
            reference = record.get("is_tum")
            if not isinstance(reference, bool):
                raise UserError(f"{where}: 'is_tum' must be true or false, got {_shown(reference)}.")
            dice = _number(record, "hit_dice", where, low=0, high=1)
            score = _number(record, "hit_logit" if reference else "self_logit", where)
            yield own | {
                "side": "reference" if reference else "prediction",
                "component": _component(record, "obj", where),
                "matched": dice > 0,
                "partner": _component(record, "hit_obj", where) if dice > 0 else 0,
                "dice": dice,
                "score_max": score,
                "diameter_mm": _number(record, "diameter", where, low=0),
            }


def _component(record: dict[str, Any], key: str, where: str) -> int:
    found = _OBJECT.fullmatch(record[key]) if isinstance(record.get(key), str) else None
    if found is None:
        raise UserError(f"{where}: {key!r} must be a name such as 'pred_3', got {_shown(record.get(key))}.")
    return int(found[1])


def _number(record: dict[str, Any], key: str, where: str, *, low: float = -math.inf, high: float = math.inf) -> float:
    value = record.get(key)
    if isinstance(value, int) and abs(value) > _LARGEST:
        value = math.inf  # is not a number of the machine
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        limits = f" from {low:g} to {high:g}" if math.isfinite(low) else ""
        raise UserError(f"{where}: {key!r} must be a number{limits}, got {_shown(value)}.")
    return float(value)


def _shown(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _table_rows(file: Path) -> Iterator[dict[str, Any]]:
    """The objects of a table; a row without side says that a model found nothing in a case without lesions."""
    table = _table(file)
    lacking = [name for name in REQUIRED if name not in table]
    if lacking:
        raise UserError(f"{file} lacks the columns {', '.join(lacking)}; it needs {', '.join(REQUIRED)}.")
    components: dict[tuple[str, ...], int] = {}
    for number, row in enumerate(table.to_dict("records"), start=1):
        where = f"{file}: row {number}"
        own = {"trainer": _text(row["model"]), "case": _text(row["case"]), "label": _text(row.get("label")) or LABEL}
        side = _text(row["side"]).lower()
        for name in ("trainer", "case"):
            if not own[name]:
                raise UserError(f"{where}, column {'model' if name == 'trainer' else name!r} is empty.")
        if side not in _SIDES:
            raise UserError(f"{where}, column 'side' must be 'reference' or 'prediction', got {_shown(row['side'])}.")
        if not side:
            yield own | {"side": "", "component": 0, "matched": False, "score_max": math.nan}
            continue
        matched = _WORDS.get(_text(row["matched"]).lower())
        if matched is None:
            raise UserError(f"{where}, column 'matched' must be true or false, got {_shown(row['matched'])}.")
        # the score of a missed lesion, and of a component that is no false positive, is not needed
        score = _cell(row, "score", where, empty=matched == (side == "prediction"))
        key = (*own.values(), side)
        components[key] = components.get(key, 0) + 1
        extra = {"dice": _cell(row, "dice", where, low=0, high=1, empty=True)} if "dice" in table else {}
        if "diameter" in table:
            extra["diameter_mm"] = _cell(row, "diameter", where, low=0, empty=True)
        yield own | {"side": side, "component": components[key], "matched": matched, "score_max": score} | extra


def _table(file: Path) -> pd.DataFrame:
    try:
        if file.suffix == ".parquet":
            return pd.read_parquet(file)
        return pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError, pa.ArrowException, *METADATA_FAULTS) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"{file} cannot be read as a table ({reason}).") from error


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value).strip()  # NaN is not equal to itself


def _cell(
    row: dict[Any, Any], name: str, where: str, *, low: float = -math.inf, high: float = math.inf, empty: bool
) -> float:
    text = _text(row[name])
    if not text and empty:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        limits = f" from {low:g} to {high:g}" if math.isfinite(low) else ""
        raise UserError(f"{where}, column {name!r} must be a number{limits}, got {_shown(row[name])}.")
    return value


def _check_references(objects: pd.DataFrame, lesions: pd.DataFrame) -> None:
    """Every model must have been compared with the same reference lesions.

    Raises:
        UserError: two models have a different number of them in a case, or a diameter is not positive.
    """
    if lesions.empty or not (lesions["side"] == "reference").any():
        raise UserError("The records hold no reference lesion, so there is nothing to detect.")
    if "diameter_mm" in lesions and not lesions["diameter_mm"].between(0, math.inf, inclusive="neither").all():
        raise UserError("The records hold a diameter that is not a positive number; leave the cell empty.")
    true = lesions[lesions["side"] == "reference"]
    counts = true.groupby(["label", "case", "trainer"]).size().unstack("trainer", fill_value=0)  # noqa: PD010
    counts = counts.reindex(columns=sorted(objects["trainer"].unique()), fill_value=0)
    differs = counts.ne(counts.iloc[:, 0], axis=0)
    if differs.any(axis=None):
        (label, case), row = next((key, counts.loc[key]) for key in counts.index[differs.any(axis=1)])
        first, other = counts.columns[0], differs.columns[differs.loc[(label, case)]][0]
        raise UserError(
            f"The number of reference lesions ({label}) of case {case!r} differs: {row[first]} for {first!r}, "
            f"{row[other]} for {other!r}; every model needs records of the same lesions."
        )


def _cases(objects: pd.DataFrame, lesions: pd.DataFrame) -> pd.DataFrame:
    """The table of cases: every metric that follows from the objects, of every model, case and label."""
    every = [sorted(objects[name].unique()) for name in ("trainer", "case", "label")]
    index = pd.MultiIndex.from_product(every, names=_KEY)
    own = lesions.assign(
        reference=lesions["side"] == "reference",
        prediction=lesions["side"] == "prediction",
        found=(lesions["side"] == "reference") & lesions["matched"],
        true=(lesions["side"] == "prediction") & lesions["matched"],
    )
    if "dice" in own:
        own["all_dice"] = own["dice"].where(own["reference"], 0.0)
    numbers = [name for name in ("reference", "prediction", "found", "true", "all_dice") if name in own]
    sums = own.groupby(_KEY)[numbers].sum().reindex(index, fill_value=0).astype(float)
    lesions_there, components = sums["reference"], sums["prediction"]
    with np.errstate(invalid="ignore"):
        recall, precision = sums["found"] / lesions_there, sums["true"] / components
        f1 = 2 * recall * precision / (recall + precision)
    some = (lesions_there > 0) | (components > 0)
    metrics = {
        "lesion_recall": recall,
        "lesion_precision": precision,
        "lesion_f1": f1.mask(some & ~((sums["found"] > 0) & (sums["true"] > 0)), 0.0),
        "lesion_fdr": 1 - precision,
        "false_positive_count": components - sums["true"],
    }
    if "dice" in own:
        metrics["lesion_dice"] = sums["all_dice"] / lesions_there
        metrics["lesion_dice_found"] = sums["all_dice"] / sums["found"]
    status = [CaseStatus.of(int(a), int(b)) for a, b in zip(lesions_there, components, strict=True)]
    tables = [
        values.rename("value").reset_index().assign(metric=name, unit=metric_named(name).unit, status=status)
        for name, values in metrics.items()
    ]
    return pd.concat(tables, ignore_index=True)
