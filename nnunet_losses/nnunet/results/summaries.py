"""nnU-Net's ``summary.json``: the voxel counts of each validated case, which outlive its prediction."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import read_json
from nnunet_losses.base.labels import LabelSet
from nnunet_losses.base.metrics.voxel import Counts

CaseCounts = Mapping[str, Counts]
"""The counts of one case by the name of the label or region."""
_LARGEST = 2**53  # beyond it, a real number is no exact count


def read_summary(path: Path, labels: LabelSet, ending: str) -> dict[str, CaseCounts]:
    """The voxel counts of every case that nnU-Net validated, by its name.

    The file does not hold the voxel size, so it is NaN in the counts.

    Args:
        path: ``summary.json``.
        labels: as in ``dataset.json``.
        ending: of the predictions.

    Raises:
        UserError: the file cannot be read, is not of nnU-Net's form, lacks a label or repeats a case.
    """
    found: dict[str, CaseCounts] = {}
    for number, entry in enumerate(_entries(path), start=1):
        where = f"{path}, entry {number} of metric_per_case"
        if not isinstance(entry, dict) or not isinstance(entry.get("metrics"), dict):
            raise UserError(f"{where} has no table 'metrics'; {_ADVICE}")
        case = _case(entry.get("prediction_file"), ending)
        if case is None:
            raise UserError(f"{where} has no 'prediction_file' that ends in '{ending}'; {_ADVICE}")
        if case in found:
            raise UserError(f"{path} names the case {case!r} twice; {_ADVICE}")
        counts = {_values(key): value for key, value in entry["metrics"].items()}
        own = {}
        for label in labels.labels:
            if frozenset(label.values) not in counts:
                raise UserError(
                    f"{path}: case {case!r} has no metrics of '{label.name}' ({_key(label.values)}), which "
                    f"dataset.json names; {_ADVICE}"
                )
            own[label.name] = _counts(counts[frozenset(label.values)], f"{path}: case {case!r}, '{label.name}'")
        found[case] = own
    return found


_ADVICE = "nnUNetv2_train ... --val writes the file again."


def _entries(path: Path) -> list[Any]:
    content = read_json(path, _ADVICE)
    entries = content.get("metric_per_case") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise UserError(f"{path} has no list 'metric_per_case'; {_ADVICE}")
    return entries


def _case(file: Any, ending: str) -> str | None:
    """The case that a path on any system names."""
    name = re.split(r"[\\/]", file)[-1] if isinstance(file, str) else ""
    case = name.removesuffix(ending)
    return case if case and case != name else None


def _values(key: str) -> frozenset[int]:
    """The label values of nnU-Net's key, such as "1" or "(1, 2)"; empty if it is none."""
    if not re.fullmatch(r"\d{1,9}|\((\d{1,9}, ?)*\d{1,9},?\)", key, re.ASCII):
        return frozenset()
    return frozenset(map(int, re.findall(r"\d+", key)))


def _key(values: tuple[int, ...]) -> str:
    return str(values[0] if len(values) == 1 else values)


def _counts(metrics: Any, where: str) -> Counts:
    if not isinstance(metrics, dict):
        raise UserError(f"{where} holds no table of metrics; {_ADVICE}")
    numbers = {}
    for name in ("TP", "FP", "FN", "TN"):
        value = metrics.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LARGEST or value % 1:
            shown = "is missing" if name not in metrics else f"is {str(value)[:40]}"
            raise UserError(f"{where}: {name} {shown}, expected a number of voxels; {_ADVICE}")
        numbers[name.lower()] = int(value)
    return Counts(**numbers, voxel_ml=math.nan)
