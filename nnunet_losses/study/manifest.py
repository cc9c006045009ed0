"""What a finished report was made from: a list of files with checksums, and what has become of them since."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_json
from nnunet_losses.data.fingerprint import FileState, States, difference, plain_states, read_states

FILES = "files"
HASHED = (".parquet", ".json", ".csv", ".html", ".svg", ".tex", ".txt", ".md", ".bib")
"""Endings of the files whose content is recorded. Of all others, models and images, only the presence is: they are
large, and the report does not need them any more."""


@dataclass(frozen=True)
class Finding:
    """What has become of the files that a report was made from.

    again: outputs of the workflow that must be made again.
    notes: what a person has to know, a sentence each.
    """

    again: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def write_manifest(path: Path | str, folders: Iterable[Path | str]) -> None:
    """List the files in some folders, with their checksums.

    Args:
        path: the manifest.
        folders: what the report was made from, and the report; folders that do not exist are left out. Paths are stored
            as they are given.

    Raises:
        DiskFullError: there is no space for it.
    """
    files = [file for folder in folders for file in _files(Path(folder)) if file != Path(path)]
    write_json(path, {FILES: plain_states({file.as_posix(): _state(file) for file in files})})


def check_manifest(
    path: Path | str,
    folders: Iterable[Path | str],
    output_of: Callable[[str], str | None],
    *,
    report: str,
) -> Finding:
    """Compare the files that a manifest lists with those that are there now.

    Args:
        path: the manifest. Without one the report is not finished, and nothing is checked.
        folders: those that belong to the study today. Others may have gone, such as those of a trainer that the study
            no longer compares.
        output_of: gives the output of the workflow to make again if a file is gone or differs; None if the file is only
            to be named.
        report: how messages call the report.

    Raises:
        UserError: the manifest cannot be read.
    """
    today = {Path(folder) for folder in folders}
    then = {name: state for name, state in _read(Path(path)).items() if Path(name).parent in today}
    now = {name: _state(Path(name), state) for name, state in then.items() if Path(name).is_file()}
    damaged = [name for name in then if name not in now or now[name].sha256 != then[name].sha256]
    outputs = {name: output for name in damaged if (output := output_of(name)) is not None}
    notes = []
    if outputs:
        notes.append(
            f"Files that {report} was made from are gone or differ ({_difference(outputs, then, now)}). They are made "
            "again, and the report after them."
        )
    if others := [name for name in damaged if name not in outputs]:
        notes.append(
            f"{report} stays as it is, but files of the study are gone or differ ({_difference(others, then, now)}). "
            "`nnunet-losses run trained` makes missing models again; to write the report again, remove it."
        )
    return Finding(tuple(dict.fromkeys(outputs.values())), tuple(notes))


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))


def _state(file: Path, known: FileState | None = None) -> FileState:
    return FileState.of(file, known) if file.name.endswith(HASHED) else FileState("", ())


def _difference(names: Iterable[str], then: States, now: States) -> str:
    names = set(names)
    return difference(*({name: state for name, state in states.items() if name in names} for states in (then, now)))


def _read(path: Path) -> dict[str, FileState]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        stored = content[FILES]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({error}); remove it, and the same command writes it again.") from None
    return read_states(stored)
