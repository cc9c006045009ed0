"""A described data set made available to nnU-Net: ``nnUNet_raw/DatasetXXX_Name``, complete or absent."""

import hashlib
import json
import logging
from collections.abc import Mapping, Set
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nnunet_losses.base.dataset import FINGERPRINT, read_dataset_json, write_dataset_json
from nnunet_losses.base.disk import require_space
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import FolderExistsError, new_folder, read_record, write_json
from nnunet_losses.base.labels import label_values
from nnunet_losses.base.names import SPLITS_JSON
from nnunet_losses.data.description import (
    Archive,
    DatasetDescription,
    FileByFile,
    load_dataset_description,
)
from nnunet_losses.data.fingerprint import FileState, difference, file_stat, plain_states, read_states, states_of
from nnunet_losses.data.finite import replace_not_finite
from nnunet_losses.data.originals.convert import convert_original
from nnunet_losses.data.originals.gather import gather, size_of, write_paper_folds
from nnunet_losses.data.originals.layout import OriginalCase
from nnunet_losses.data.originals.options import Original
from nnunet_losses.data.own.bids import bids_cases
from nnunet_losses.data.own.cases import OwnCases
from nnunet_losses.data.own.convert import convert_own
from nnunet_losses.data.own.options import Bids, Table
from nnunet_losses.data.own.table import table_cases
from nnunet_losses.data.phantom import write_phantom
from nnunet_losses.data.phantom_options import Phantom
from nnunet_losses.data.sources import (
    Cases,
    FolderCases,
    bring_archive,
    bring_files,
    bring_folder,
    copy,
    folder_cases,
    select_cases,
)

log = logging.getLogger(__name__)
ORIGIN = "source.json"  # in the prepared folder: what it was made from
FILES, MADE = "files", "made"  # in it: the states of the source's files, and of those made from them
_IF_GIVEN = ("not_finite",)  # keys of a description that are recorded only where they are given
SEEN = "seen"  # the states of the source's files when they were last found to be the same


def prepare_raw(
    description: DatasetDescription | Path | str | Mapping[str, Any],
    raw_dir: Path | str,
    *,
    downloads_dir: Path | str = "resources",
    cases: Cases = None,
    workers: int = 1,
    progress: bool = True,
) -> Path:
    """Make ``raw_dir/<name>`` from its description and return it. If it was made from the same before, it stays.

    If files of a local folder have changed since then, it is made again, and a warning says which.

    Args:
        description: a description, or the data-set file or mapping that holds one.
        raw_dir: nnU-Net's folder of raw data sets (``nnUNet_raw``).
        downloads_dir: where downloads are kept; they may be removed and are then downloaded again if needed.
        cases: take only the first so many cases (in the order of their names), or only these.
        workers: threads that write or convert cases; the result does not depend on their number.
        progress: show progress bars.

    Raises:
        UserError: the folder exists but was made from another description or edited since, or the source is wrong or
            out of reach.
        DiskFullError: there is no space for it; an earlier one is as it was.
    """
    if not isinstance(description, DatasetDescription):
        description = load_dataset_description(description)
    target = Path(raw_dir) / description.name
    settings: dict[str, Any] = {"cases": cases, "workers": workers, "progress": progress}
    try:
        return _prepare(description, target, Path(downloads_dir) / description.name, **settings)
    except FolderExistsError:  # another process has made it meanwhile; is it the same?
        return _prepare(description, target, Path(downloads_dir) / description.name, **settings)


def _prepare(
    description: DatasetDescription, target: Path, downloads: Path, *, cases: Cases, workers: int, progress: bool
) -> Path:
    """As `prepare_raw`.

    Raises:
        FolderExistsError: it was not there at first, but is there now.
    """
    source = description.source.chosen
    if isinstance(source, Path) and source.resolve() == target.resolve():
        if cases is not None or description.labels or description.not_finite is not None:
            raise UserError(
                f"{target} is its own source, so neither cases nor labels can be chosen, nor values replaced; give it "
                "another name."
            )
        return target
    origin = _origin(description, cases)
    known = read_record(target / ORIGIN)
    moved = _moved(source, known)
    if target.exists():
        # a folder that was moved is the same as long as its files are
        as_it_was = {**origin, "source": known.get("source")} if moved else origin
        _check_origin(target, known, as_it_was, _left_to_defaults(source))
    found = _look_at(source, cases, target)
    states: dict[str, FileState] = {}
    if target.exists():
        _refuse_edited(target, read_states(known.get(MADE)))
        if found is None:
            if moved:
                _check_origin(target, known, origin, set())
            return target
        then = read_states(known.get(FILES))
        states = states_of(found.by_name(), then | read_states(known.get(SEEN)))
        changes = difference(then, states) if FILES in known else "an earlier version recorded no files"
        if not changes:
            return target
        if moved:  # so it is another folder
            _check_origin(target, known, origin, set())
        log.warning(
            "%s has changed since %s was made from it (%s). The data set is prepared again. Results from the earlier "
            "files no longer fit: the workflow plans and preprocesses again, and trainings on them refuse to continue.",
            _place(source),
            target,
            changes,
        )

    original: dict[str, OriginalCase] = {}
    if isinstance(source, Original):
        original = gather(source, downloads, cases, description.name, progress=progress)
    with new_folder(target, replace=target.exists()) as folder:
        if isinstance(source, Phantom):
            names = select_cases(source.case_names(), cases, description.name)
            with tqdm(total=len(names), desc=description.name, disable=not progress) as bar:
                write_phantom(source, folder, cases=names, workers=workers, report=lambda _: bar.update())
        elif found is not None:
            files = found.by_name()
            require_space(folder, sum(path.stat().st_size for path in files.values()))
            states = states_of(files, states)  # first: what is edited while it is copied has changed at the next run
            if isinstance(found, FolderCases):
                bring_folder(found, folder, workers=workers)
            elif isinstance(source, Table | Bids):
                convert_own(source, found, folder, description.labels, copy, workers=workers)
        elif isinstance(source, Archive):
            bring_archive(source, folder, downloads, cases, workers=workers, progress=progress)
        elif isinstance(source, FileByFile):
            bring_files(source, description, folder, downloads, cases, progress=progress)
        elif isinstance(source, Original):
            require_space(folder, size_of(original))
            convert_original(source, original, folder, description.labels, workers=workers)
            if description.paper_folds and cases is None:
                folds = [{"train": [*fold.train], "val": [*fold.val]} for fold in description.paper_folds]
                write_paper_folds(folder / SPLITS_JSON, folds, original)
        if description.not_finite is not None:
            replace_not_finite(folder, description.not_finite, workers=workers)
        _complete(folder, description, _digest(origin, states))
        made = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        write_json(
            folder / ORIGIN,
            {**origin, FILES: plain_states(states), MADE: plain_states(states_of(made, {}))},
        )
    return target


def depends_on(description: DatasetDescription) -> dict[str, Any]:
    """What a prepared data set depends on beside the files of its source, wherever they lie, as plain values."""
    origin = _origin(description, None)
    if isinstance(description.source.chosen, Path):
        del origin["source"]
    return {**origin, "name": description.name, "licence": description.licence, "citation": description.citation}


def source_state(description: DatasetDescription, raw_dir: Path | str, cases: Cases = None) -> str:
    """A short text that changes when the files of a local folder have changed; empty for other sources.

    It tells a workflow when to prepare the data set again. It does not change when files were only copied, or have
    other times, or are out of reach at present: once the data set is prepared, files whose size or times differ are
    read and compared, and the result is remembered in the prepared folder.
    """
    source = description.source.chosen
    origin = Path(raw_dir) / description.name / ORIGIN
    known = read_record(origin)
    then = read_states(known.get(FILES))
    try:
        place = _place(source)
        if then and place is not None and not place.exists() and not _moved(source, known):
            stats = {name: state.stat for name, state in then.items()}
        else:
            found = _local(source, cases)
            if found is None:
                return ""
            files = found.by_name()
            stats = {name: file_stat(path) for name, path in files.items()}
            if then and stats.keys() == then.keys():
                states = states_of(files, then | read_states(known.get(SEEN)))
                if not difference(then, states):
                    stats = {name: state.stat for name, state in then.items()}
                    now = known | _where(source) | ({} if states == then else {SEEN: plain_states(states)})
                    if now != known:
                        with suppress(OSError, UserError):  # where it cannot be written, files are read each time
                            write_json(origin, now)
    except (UserError, OSError) as error:
        return f"cannot be read: {error}"
    return hashlib.sha256(json.dumps(sorted(stats.items())).encode()).hexdigest()


def _where(source: "Source") -> dict[str, Any]:
    """How a record says where a folder lies; nothing for other sources."""
    return {"source": {"path": str(source.resolve())}} if isinstance(source, Path) else {}


def _moved(source: "Source", known: Mapping[str, Any]) -> bool:
    """Whether a folder does not lie where the data set was made from."""
    return any(known.get(key) != value for key, value in _where(source).items())


def data_fingerprint(folder: Path | str) -> str:
    """What the data of a raw or preprocessed data set were made from, as one SHA-256; empty if nobody says."""
    return str(read_dataset_json(Path(folder)).get(FINGERPRINT, ""))


Source = Path | Table | Bids | Archive | FileByFile | Original | Phantom


def _look_at(source: Source, cases: Cases, target: Path) -> FolderCases | OwnCases | None:
    """The files of a local source; None for other sources, and for one that is gone after it was prepared."""
    place = _place(source)
    if place is not None and target.exists() and not place.exists():
        log.warning("%s is missing, so it is unknown whether it has changed; %s is used.", place, target)
        return None
    return _local(source, cases)


def _place(source: Source) -> Path | None:
    """The folder or table of a local source."""
    if isinstance(source, Path):
        return source
    if isinstance(source, Table | Bids):
        return Path(source.file if isinstance(source, Table) else source.folder).expanduser()
    return None


def _local(source: Source, cases: Cases) -> FolderCases | OwnCases | None:
    """The chosen cases of a local source; None for other sources."""
    if isinstance(source, Path):
        return folder_cases(source, cases)
    if isinstance(source, Table | Bids):
        own = table_cases(source) if isinstance(source, Table) else bids_cases(source)
        return own.only(select_cases(list(own.cases), cases, str(own.where)))
    return None


def _refuse_edited(target: Path, then: Mapping[str, FileState]) -> None:
    """Refuse a prepared folder whose files were edited: to make it again would lose the edits."""
    if changes := difference(then, states_of({name: target / name for name in then}, then)):
        raise UserError(
            f"{target} was edited after it was prepared ({changes}); correct the source instead, and remove {target}, "
            "so that it is made again."
        )


def _digest(origin: Mapping[str, Any], states: Mapping[str, FileState]) -> str:
    """One SHA-256 of what the data depend on."""
    content = {"origin": origin, "files": {name: state.sha256 for name, state in states.items()}}
    if "path" in origin["source"]:  # where a folder lies does not matter
        content["origin"] = {key: value for key, value in origin.items() if key != "source"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _complete(folder: Path, description: DatasetDescription, fingerprint: str) -> None:
    """Write the description's labels, licence and citation, and the fingerprint, into dataset.json."""
    content = read_dataset_json(folder)
    if description.labels:
        there, wanted = _values(content["labels"]), _values(description.labels)
        if there != wanted:
            raise UserError(
                f"{description.name}: the source has the label values {sorted(there)}, but the data-set file names "
                f"{sorted(wanted)}; correct 'labels'."
            )
        content["labels"] = dict(description.labels)
        content.pop("regions_class_order", None)
    if description.regions_class_order:
        content["regions_class_order"] = list(description.regions_class_order)
    for key, value in (("licence", description.licence), ("reference", description.citation)):
        if value:
            content[key] = value
    content[FINGERPRINT] = fingerprint
    write_dataset_json(folder, content)


def _values(labels: Mapping[str, Any]) -> set[int]:
    return {value for name, given in labels.items() for value in label_values(name, given)}


def _origin(description: DatasetDescription, cases: Cases) -> dict[str, Any]:
    """What the prepared folder depends on, as JSON gives it back."""
    source = description.source.chosen
    made_from: dict[str, Any]
    if isinstance(source, Path):
        kind, made_from = "LocalFolder", {"path": str(source.resolve())}
    else:
        kind, made_from = type(source).__name__, source.plain()
        for key in (
            "limits",
            "files",
            "page",
            "wanted",
            "path",
            "file",
            "folder",
        ):  # on which the result does not depend
            made_from.pop(key, None)
    if description.paper_folds:
        made_from["paper_folds"] = [fold.plain() for fold in description.paper_folds]
    if isinstance(source, FileByFile):
        made_from |= {"cases": list(source.numbers), "labels": description.labels}
    origin = {
        "kind": kind,
        "source": made_from,
        "labels": dict(description.labels),
        "regions_class_order": list(description.regions_class_order),
        "cases": cases if cases is None or isinstance(cases, int) else sorted(set(cases)),
    }
    origin |= {name: value for name in _IF_GIVEN if (value := getattr(description, name)) is not None}
    result: dict[str, Any] = json.loads(json.dumps(origin))
    return result


def _left_to_defaults(source: Source) -> set[str]:
    """The keys of a source that have their default value."""
    if isinstance(source, Path):
        return set()
    return set(source.plain()) - set(source.model_dump(exclude_defaults=True))


def _check_origin(target: Path, known: dict[str, Any], origin: Mapping[str, Any], defaults: Set[str]) -> None:
    """Refuse a prepared folder that was made otherwise.

    Args:
        target: the prepared folder.
        known: what is recorded of how it was made.
        origin: how it would be made now.
        defaults: keys of its source that an earlier version, which did not know them, left as they are now.

    Raises:
        UserError: it was made otherwise, or by somebody else.
    """
    if not known:
        raise UserError(
            f"{target} exists already and was not made by nnunet-losses; to use it as it is, give 'path: {target}' as "
            "its source, or else choose another name."
        )
    changed = [key for key in dict.fromkeys((*origin, *_IF_GIVEN)) if known.get(key) != origin.get(key)]
    if "source" in changed and isinstance(known.get("source"), dict):
        changed.remove("source")
        known["source"] = {**{k: v for k, v in origin["source"].items() if k in defaults}, **known["source"]}
        both = {**known["source"], **origin["source"]}
        changed += [f"source.{key}" for key in both if known["source"].get(key) != origin["source"].get(key)]
    if changed:
        raise UserError(
            f"{target} was made from another description ({', '.join(changed)} differ); remove that folder or give the "
            "data set another name and number."
        )
