"""The cases of a user's own data: their files, and what else is known of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.names import name_problem
from nnunet_losses.data.inspection import refuse


@dataclass(frozen=True)
class OwnCase:
    """One case.

    images: by channel, in the order of the channels; a folder is a DICOM series.
    labels: label maps, in the order in which they are merged.
    facts: what else is known: patient, session, site, ...
    """

    images: Mapping[str, Path]
    labels: Sequence[Path]
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OwnCases:
    """The chosen cases of a user's own data.

    where: the table or folder that they come from.
    cases: by name.
    listing: a table that names them, if any.
    """

    where: Path
    cases: Mapping[str, OwnCase]
    listing: Path | None = None

    def only(self, names: Sequence[str]) -> "OwnCases":
        """Some of the cases, in the order of the names."""
        return OwnCases(self.where, {name: self.cases[name] for name in names}, self.listing)

    def by_name(self) -> dict[str, Path]:
        """All files that the data set is made from, by their place beside the table or in the folder."""
        paths = [path for case in self.cases.values() for path in (*case.images.values(), *case.labels)]
        paths += [self.listing] if self.listing is not None else []
        files = [
            file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path]) if file.is_file()
        ]
        root = self.where if self.where.is_dir() else self.where.parent
        return {str(file.relative_to(root) if file.is_relative_to(root) else file): file for file in files}


def checked_cases(where: Path, cases: Mapping[str, OwnCase], *, merged: bool) -> None:
    """Make sure that each case has a usable name, all its files, and as many label maps as can be merged.

    Raises:
        UserError: all that is wrong.
    """
    if not cases:
        raise UserError(f"{where} has no case with a label map.")
    problems = []
    lower: dict[str, str] = {}
    for name, case in cases.items():
        if problem := name_problem(name):
            problems.append(f"The case name {name!a} {problem}; rename the case.")
        if (other := lower.setdefault(name.lower(), name)) != name:
            problems.append(f"The case names '{other}' and '{name}' differ in case alone; rename one.")
        problems += [
            f"Case '{name}': there is no {path}; correct its path, or leave the case out."
            for path in (*case.images.values(), *case.labels)
            if not path.exists()
        ]
        if len(case.labels) > 1 and not merged:
            problems.append(
                f"Case '{name}' has {len(case.labels)} label maps ({', '.join(path.name for path in case.labels)}); "
                "say with 'merge' how they become one, or name one with 'label'."
            )
    refuse(where, problems)
