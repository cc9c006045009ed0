"""A fold's folder belongs to one experiment: nnU-Net knows it by name only, this fingerprint by content."""

import inspect
import json
import platform
import reprlib
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnunet_losses.base.files import write_json
from nnunet_losses.nnunet.training.stop import StopTraining
from nnunet_losses.nnunet.training.weight_maps import digest

if TYPE_CHECKING:
    from nnunet_losses.nnunet.training.trainer import LossTrainer

FILE = "experiment.json"


def describe_experiment(trainer: "LossTrainer") -> dict[str, Any]:
    """Everything that a training's result depends on, as JSON holds it; the trainer must be initialised."""
    plans = {key: value for key, value in trainer.plans_manager.plans.items() if key != "configurations"}
    dataset = {key: trainer.dataset_json.get(key) for key in ("labels", "channel_names", "regions_class_order")}
    train, val = trainer.do_split()
    maps = trainer.weight_maps(train)
    experiment = {
        "trainer": {
            "name": type(trainer).__name__,
            "loss": repr(trainer.adapter.loss),
            "weighting": trainer.adapter.weighting,
            "deep_supervision_weights": getattr(trainer.loss, "weight_factors", None),
            "epochs": trainer.num_epochs,
            "iterations_per_epoch": trainer.num_iterations_per_epoch,
            "validation_iterations_per_epoch": trainer.num_val_iterations_per_epoch,
            "initial_lr": trainer.initial_lr,
            "weight_decay": trainer.weight_decay,
            "seed": trainer.name.seed,
            **_if_any("class_frequencies", trainer.class_frequencies and trainer.class_frequencies.shares),
            **_if_any("voxel_weight_maps", digest(maps) if maps else None),
            **_if_any("voxel_weight", inspect.getsource(trainer.voxel_weight) if trainer.has_own_weights() else None),
        },
        "plans": plans,
        "configuration": trainer.configuration_manager.configuration,
        "dataset": dataset,
        "split": {"train": sorted(train), "val": sorted(val)},
    }
    normalised: dict[str, Any] = json.loads(json.dumps(experiment, default=_plain))
    return normalised


def write_experiment(folder: Path, experiment: Mapping[str, Any]) -> None:
    """Record the experiment, and with which versions it was begun (these may change before it is resumed)."""
    write_json(folder / FILE, {"experiment": experiment, "begun_with": versions()})


def refuse_other_experiment(folder: Path, experiment: Mapping[str, Any]) -> bool:
    """Whether the folder holds this experiment; False if it does not say.

    Raises:
        StopTraining: it holds another one; the text says what differs.
    """
    if not (folder / FILE).is_file():
        return False
    try:
        then = dict(_leaves(json.loads((folder / FILE).read_text())["experiment"]))
    except (ValueError, KeyError, TypeError):
        raise StopTraining(f"{folder / FILE} is damaged; remove it if you know that the folder is yours.") from None
    now = dict(_leaves(experiment))
    differing = [key for key in [*then, *(key for key in now if key not in then)] if then.get(key) != now.get(key)]
    if differing:
        first, more = differing[0], len(differing) - 1
        raise StopTraining(
            f"{folder} holds another experiment under the same name: {first} was {then.get(first, 'absent')} and is "
            f"now {now.get(first, 'absent')}{f' (and {more} more differences)' if more else ''}; rename or remove "
            f"that folder, or go back to the old setting."
        )
    return True


def versions() -> dict[str, str]:
    """Versions of what computes the result."""
    found = {"python": platform.python_version()}
    for package in ("nnunet-losses", "nnunetv2", "torch", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # a checkout on the path, not installed
            found[package] = "not installed"
    return found


def _if_any(key: str, value: Any) -> dict[str, Any]:
    """Nothing for None: an experiment without it has the same description as before there was such a thing."""
    return {} if value is None else {key: value}


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


def _plain(value: Any) -> Any:
    """NumPy numbers and arrays (nnU-Net puts them into plans) as JSON."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
