"""Which column of somebody's table holds what: by its usual names, or as its user says."""

import re
from collections.abc import Iterable, Mapping, Sequence

from nnunet_losses.base.errors import UserError

ROLES: dict[str, tuple[tuple[str, ...], ...]] = {
    "case": (
        ("case", "case id", "case name", "case identifier"),
        ("image", "image id", "image name", "scan", "scan id", "sample", "sample id", "file", "filename", "file path"),
        ("subject", "subject id", "subject name", "patient", "patient id", "participant", "participant id", "id",
         "name", "identifier", "uid"),
    ),
    "model": (
        ("model", "model name"),
        ("trainer", "method", "method name", "algorithm", "algorithm name", "loss", "loss name", "loss function",
         "network", "approach", "experiment", "team"),
    ),
    "metric": (("metric", "metric name", "measure"),),
    "value": (("value", "metric value"), ("score", "result")),
    "fold": (("fold", "fold id", "cv fold"),),
    "seed": (("seed", "random seed"), ("run", "run id", "repeat", "repetition", "trial")),
    "dataset": (("dataset", "data set", "dataset name"), ("task",)),
    "configuration": (("configuration", "config"),),
    "label": (("label", "label name", "label id"), ("class", "class name", "structure", "region", "organ", "roi")),
    "status": (("status",),),
}  # fmt: skip
"""What a column can be, and its usual names; a later group counts only where an earlier one is absent."""

COVARIATES = {
    "site", "center", "centre", "hospital", "institution", "patient", "patientid", "subject", "subjectid",
    "participant", "participantid", "scanner", "vendor", "manufacturer", "fieldstrength", "age", "agegroup", "sex",
    "gender", "grade", "stage", "lesionload", "cohort", "country", "protocol", "sequence",
}  # fmt: skip
"""Usual names of what is known of a case, whatever model looked at it."""


def is_index(name: str) -> bool:
    """Whether a column is the row numbers that pandas wrote."""
    return re.fullmatch(r"Unnamed: \d+|__index_level_\d+__", name) is not None


def plain(name: str) -> str:
    """A name without case, spaces and punctuation, as usual names are compared."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def find_roles(columns: Sequence[str], given: Mapping[str, str], taken: Iterable[str] = ()) -> dict[str, str]:
    """The column of each role, by role.

    Args:
        columns: all columns of the table.
        given: the user's own choice, by role.
        taken: columns that have another use already.

    Raises:
        UserError: an unknown role or column, or two columns that have an equally usual name for one role.
    """
    for role, column in given.items():
        if role not in ROLES:
            raise UserError(f"--columns names '{role}', which is not one of {', '.join(ROLES)}.")
        if column not in columns:
            raise UserError(f"There is no column '{column}' ({role}); there are {', '.join(columns)}.")
    found, free = dict(given), [c for c in columns if c not in {*given.values(), *taken}]
    for role, groups in ROLES.items():
        if role in found:
            continue
        for group in groups:
            usual = {plain(name) for name in group}
            if fitting := [column for column in free if plain(column) in usual]:
                if len(fitting) > 1:
                    raise UserError(
                        f"The columns {' and '.join(map(repr, fitting))} could both be the {role}; say which it is: "
                        f"--columns {role}={fitting[0]}."
                    )
                found[role] = fitting[0]
                free.remove(fitting[0])
                break
    return found


def listed(texts: Iterable[str]) -> list[str]:
    """The items of options that may be repeated or hold several, separated by commas."""
    return [item.strip() for text in texts for item in text.split(",") if item.strip()]


def assigned(texts: Iterable[str], option: str) -> dict[str, str]:
    """The pairs of options such as ``case=ID,model=Method``.

    Raises:
        UserError: an item has no '=', or one name is given twice.
    """
    found: dict[str, str] = {}
    for item in listed(texts):
        name, equals, value = item.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise UserError(f"{option} takes pairs such as case=ID, got '{item}'.")
        if name.strip() in found:
            raise UserError(f"{option} names '{name.strip()}' twice.")
        found[name.strip()] = value.strip()
    return found
