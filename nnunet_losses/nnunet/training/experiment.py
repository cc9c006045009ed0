"""A fold's folder belongs to one experiment: nnU-Net knows it by its name only, this record by its content."""

import json
import reprlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nnunet_losses.base.files import write_json
from nnunet_losses.base.names import EXPERIMENT_JSON
from nnunet_losses.base.versions import software_versions
from nnunet_losses.nnunet.training.errors import StopTraining

SOFTWARE = ("nnunetv2", "torch", "numpy")
"""What computes the result, beside this package."""


def claim_folder(folder: Path, experiment: Mapping[str, Any]) -> None:
    """Record that the folder belongs to this experiment, unless the record is there.

    The record names the versions with which the experiment began; they may change before it is resumed.

    Raises:
        StopTraining: the folder belongs to another experiment.
    """
    refuse_other_experiment(folder, experiment)
    file = folder / EXPERIMENT_JSON
    if not file.is_file():
        write_json(file, {"experiment": as_json(experiment), "begun_with": software_versions(SOFTWARE)})


def refuse_other_experiment(folder: Path, experiment: Mapping[str, Any]) -> None:
    """Compare an experiment with the record in a folder; no record is no objection.

    Args:
        folder: of a fold.
        experiment: everything that the result depends on, by nested keys.

    Raises:
        StopTraining: the folder belongs to another experiment; the message names the first difference.
    """
    file = folder / EXPERIMENT_JSON
    if not file.is_file():
        return
    try:
        then = dict(_leaves(json.loads(file.read_text(encoding="utf-8"))["experiment"]))
    except (ValueError, KeyError, TypeError):
        raise StopTraining(f"{file} is damaged; remove it if you are sure which experiment the folder holds.") from None
    now = dict(_leaves(as_json(experiment)))
    differing = [key for key in [*then, *(key for key in now if key not in then)] if then.get(key) != now.get(key)]
    if differing:
        first, more = differing[0], len(differing) - 1
        others = f" ({more} more {'difference' if more == 1 else 'differences'})" if more else ""
        raise StopTraining(
            f"{folder} holds another experiment under the same name: {first} was {then.get(first, 'absent')} and is "
            f"now {now.get(first, 'absent')}{others}; rename or remove that folder, or restore the old setting."
        )


def as_json(experiment: Mapping[str, Any]) -> Any:
    """The same after writing and reading, so that a tuple equals a list; nnU-Net puts NumPy's numbers into plans."""
    return json.loads(json.dumps(experiment, default=lambda v: v.tolist() if hasattr(v, "tolist") else str(v)))


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every value that is no mapping, as (dotted key, text); as text, because NaN differs from NaN."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, _Text(json.dumps(tree))


class _Text(str):
    """Compared in full, shown in brief."""

    def __format__(self, spec: str) -> str:
        return _BRIEF.repr_str(self, 0)[1:-1]


_BRIEF = reprlib.Repr()
_BRIEF.maxstring = 120
