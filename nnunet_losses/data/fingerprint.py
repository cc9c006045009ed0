"""Which files something was made from, and whether they are still the same."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from nnunet_losses.base.files import file_sha256

_SHOWN = 3


@dataclass(frozen=True)
class FileState:
    """A file at one moment: SHA-256 of its content, and what the file system says of it."""

    sha256: str
    stat: tuple[int, ...]

    @classmethod
    def of(cls, path: Path, known: "FileState | None" = None) -> Self:
        """The state of a file; it is only read if the file system says that it is not the ``known`` one any more."""
        stat = file_stat(path)
        if known is not None and known.stat == stat:
            return cls(known.sha256, stat)
        return cls(file_sha256(path), stat)


def file_stat(path: Path) -> tuple[int, ...]:
    """Size and times of a file: they change when it is edited, and when another takes its place."""
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


States = Mapping[str, FileState]


def read_states(stored: Any) -> dict[str, FileState]:
    """States as `plain_states` wrote them; nothing of what has another form."""
    try:
        return {name: FileState(digest, tuple(stat)) for name, (digest, *stat) in stored.items()}
    except (AttributeError, TypeError, ValueError):
        return {}


def plain_states(states: States) -> dict[str, list[Any]]:
    """States as JSON holds them."""
    return {name: [state.sha256, *state.stat] for name, state in sorted(states.items())}


def states_of(files: Mapping[str, Path], known: States) -> dict[str, FileState]:
    """The states of files by name; those that are not there are left out."""
    return {name: FileState.of(path, known.get(name)) for name, path in files.items() if path.is_file()}


def difference(then: States, now: States) -> str:
    """What has become of files, in words; empty if they are the same."""
    parts = {
        "changed": [name for name in now if name in then and then[name].sha256 != now[name].sha256],
        "new": [name for name in now if name not in then],
        "gone": [name for name in then if name not in now],
    }
    return "; ".join(f"{word}: {_listed(names)}" for word, names in parts.items() if names)


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
