"""Cases from a BIDS folder, by the rules of its file names.

Names are read, not the standard's metadata: ``sub-<label>[_ses-<label>][_<entity>-<value>...]_<suffix>.nii.gz``. A case
is a session, or a subject without sessions. (pybids indexes everything into a database and needs a valid data set; many
folders of lesions are not quite valid.)
"""

import csv
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.images import ENDINGS
from nnunet_losses.data.inspection import refuse
from nnunet_losses.data.own.cases import OwnCase, OwnCases, checked_cases
from nnunet_losses.data.own.options import Bids

DERIVATIVES = "derivatives"
PARTICIPANTS = "participants.tsv"
_NAME = re.compile(r"(?P<case>(?P<subject>sub-[A-Za-z0-9]+)(?:_(?P<session>ses-[A-Za-z0-9]+))?)_(?P<rest>.+)")


def is_bids(folder: Path) -> bool:
    """Whether a folder has subjects and derivatives."""
    return (folder / DERIVATIVES).is_dir() and any(path.is_dir() for path in folder.glob("sub-*"))


def bids_files(folder: Path) -> dict[str, dict[str, Path]]:
    """The images below the subjects of a folder: the path of each by case, and by what follows the case in its name."""
    found: dict[str, dict[str, Path]] = defaultdict(dict)
    for path in sorted(folder.glob("sub-*/**/sub-*")):
        ending = next((ending for ending in ENDINGS if path.name.lower().endswith(ending)), None)
        if ending is not None and (match := _NAME.fullmatch(path.name[: -len(ending)])):
            found[match["case"]][match["rest"]] = path
    return dict(found)


def participants(folder: Path) -> dict[str, dict[str, str]]:
    """The rows of ``participants.tsv`` by subject; none if there is no such file."""
    try:
        with (folder / PARTICIPANTS).open(encoding="utf-8-sig", newline="") as file:
            rows = [dict(row) for row in csv.DictReader(file, delimiter="\t")]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{folder / PARTICIPANTS} cannot be read: {error}.") from None
    return {
        row["participant_id"]: {key: value for key, value in row.items() if key and isinstance(value, str)}
        for row in rows
        if row.get("participant_id")
    }


def facts_of(case: str, people: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Patient, session, and the patient's row of ``participants.tsv``."""
    subject, _, session = case.partition("_")
    known = {key: value for key, value in people.get(subject, {}).items() if key not in ("participant_id", "case")}
    return {"patient": subject, **({"session": session} if session else {}), **known}


def bids_cases(source: Bids) -> OwnCases:
    """The cases of a BIDS folder that have a label map.

    Raises:
        UserError: a folder or an image is missing, or several files fit where one is wanted.
    """
    root = Path(source.folder).expanduser()
    labels_in = root / DERIVATIVES / source.derivatives
    images_in = root if source.images_from is None else root / DERIVATIVES / source.images_from
    for folder in (root, labels_in, images_in):
        if not folder.is_dir():
            raise UserError(f"There is no folder {folder}; correct 'bids' in the data-set file.")
    images, people = bids_files(images_in), participants(root)
    problems: list[str] = []

    def the_one(case: str, there: Mapping[str, Path], end: str) -> Path | None:
        fitting = [path for rest, path in there.items() if rest == end or rest.endswith(f"_{end}")]
        if len(fitting) > 1:
            names = ", ".join(path.name for path in fitting)
            problems.append(f"Case '{case}': {names} all end in '{end}'; give a longer end that only one has.")
        return fitting[0] if len(fitting) == 1 else None

    cases: dict[str, OwnCase] = {}
    for case, there in bids_files(labels_in).items():
        maps = [path for end in source.label if (path := the_one(case, there, end)) is not None]
        if not maps:
            continue
        of_case = {}
        for channel, end in source.channels.items():
            before = len(problems)
            path = the_one(case, images.get(case, {}), end)
            if path is not None:
                of_case[channel] = path
            elif len(problems) == before:
                problems.append(f"Case '{case}' has a label map, but no image that ends in '{end}'; add it.")
        cases[case] = OwnCase(of_case, maps, facts_of(case, people))
    refuse(root, problems)
    checked_cases(root, cases, merged=source.merge is not None)
    return OwnCases(root, cases, root / PARTICIPANTS if people else None)
