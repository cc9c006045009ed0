"""What trainers' names may say: losses, hyper-parameters and weightings, known without loading torch.

The catalogue of losses is the source, but importing it imports torch, which takes seconds. Most jobs of a study only
read names. So what names need is kept in a file of the user's cache, under a key that changes with the source files.
"""

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from functools import cache, lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

import nnunet_losses
from nnunet_losses.base.files import write_json
from nnunet_losses.base.parameter import Parameter

_PACKAGE = "nnunet_losses.losses"
_PLUGINS = "nnunet_losses.losses"
"""The group of entry points by which other packages add losses."""
_TYPES: dict[str, type] = {kind.__name__: kind for kind in (float, int, bool, str)}


class KnownLoss(NamedTuple):
    """The hyper-parameters of a loss in the order in which names spell them, and their default values by keyword."""

    parameters: tuple[Parameter, ...]
    defaults: dict[str, Any]


class Known(NamedTuple):
    """Losses by name, and the names of the weightings."""

    losses: dict[str, KnownLoss]
    weightings: tuple[str, ...]


def known() -> Known:
    """What the catalogue holds: from the catalogue where it is loaded, otherwise from the cache.

    Losses of other packages may change without notice, so the cache is not used where there are any.
    """
    if _PACKAGE in sys.modules or _others():
        return _of_catalogue()
    return _cached(_file())


@cache
def _others() -> bool:
    """Whether other packages add losses; to find out takes as long as reading a hundred names."""
    return bool(entry_points(group=_PLUGINS))


@cache
def _cached(file: Path) -> Known:
    with suppress(OSError, ValueError, KeyError, TypeError):
        return _read(file)
    found = _of_catalogue()
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, _plain(found))
    return found


def _of_catalogue() -> Known:
    from nnunet_losses.losses import CATALOGUE

    return _described(tuple(CATALOGUE.items()))  # to which a process may add


@lru_cache(maxsize=1)
def _described(catalogue: tuple[tuple[str, Any], ...]) -> Known:
    from nnunet_losses.losses import WEIGHTINGS

    losses = {name: KnownLoss(tuple(loss.hyper_parameters), loss.defaults()) for name, loss in catalogue}
    return Known(losses, tuple(WEIGHTINGS))


@cache
def _file() -> Path:
    """The cache of these very source files: any change, also of a file's time, gives another name."""
    folder = Path(nnunet_losses.__path__[0])
    sources = sorted([*(folder / "losses").rglob("*.py"), folder / "base" / "parameter.py", Path(__file__)])
    state = "\n".join(f"{path} {path.stat().st_mtime_ns} {path.stat().st_size}" for path in sources)
    key = hashlib.sha256(state.encode()).hexdigest()[:16]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "nnunet-losses" / f"losses-{key}.json"


def _plain(found: Known) -> dict[str, Any]:
    losses = {
        name: {
            # infinities are the defaults of a range, and no JSON
            "parameters": [
                {
                    field.name: _word(getattr(parameter, field.name))
                    for field in fields(Parameter)
                    if getattr(parameter, field.name) != field.default
                }
                for parameter in loss.parameters
            ],
            "defaults": loss.defaults,
        }
        for name, loss in found.losses.items()
    }
    return {"losses": losses, "weightings": found.weightings}


def _word(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, type):
        return value.__name__
    return value if isinstance(value, str) or not isinstance(value, Sequence) else list(value)


def _read(file: Path) -> Known:
    content = json.loads(file.read_text(encoding="utf-8"))
    losses = {
        name: KnownLoss(tuple(_parameter(**fields) for fields in loss["parameters"]), loss["defaults"])
        for name, loss in content["losses"].items()
    }
    return Known(losses, tuple(content["weightings"]))


def _parameter(type: str, choices: list[str] | tuple[str, ...] = (), **fields: Any) -> Parameter:
    return Parameter(type=_TYPES[type], choices=tuple(choices), **fields)
