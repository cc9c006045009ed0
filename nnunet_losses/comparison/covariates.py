"""What a user adds to results: the covariates of the cases, and how they are used."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from nnunet_losses.base.files import file_sha256
from nnunet_losses.base.tables.results import COVARIATES
from nnunet_losses.comparison.given.covariates import covariates_of, without_identifiers
from nnunet_losses.comparison.given.file import read_given
from nnunet_losses.comparison.tables import ByCase, Tables


@dataclass(frozen=True)
class Covariates:
    """A table of cases, as the option ``--cases`` gives it, and how its columns are used.

    file: a row for each case; None without one.
    columns: its columns of case and dataset, where they have no usual names.
    named: its columns that are covariates, all if absent; without a file, those of the results that their user named.
    by_case: what they are used for.
    tell: told, in sentences, what became of them.
    """

    file: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    named: Sequence[str] = ()
    by_case: ByCase = field(default_factory=ByCase)
    tell: Callable[[str], None] = lambda _: None

    @property
    def facts(self) -> dict[str, Any]:
        """What the provenance says of them."""
        facts = {} if self.file is None else {"covariates": f"{self.file}, SHA-256 {file_sha256(self.file)}"}
        return facts | ({} if self.by_case.cluster is None else {"cluster": self.by_case.cluster})

    def join(self, tables: Mapping[str, pd.DataFrame]) -> tuple[Tables, list[str]]:
        """The tables with that of the covariates, from the file and from the results, and what has to be said.

        Raises:
            UserError: as `covariates_of`.
        """
        there = tables.get("covariates", COVARIATES.build())
        there, said = without_identifiers(there, {*self.named, str(self.by_case.cluster)})
        if self.file is not None:
            own, decisions = covariates_of(
                read_given(self.file), tables["cases"], columns=self.columns, named=self.named
            )
            there, said = pd.concat([there[~there["covariate"].isin(own["covariate"])], own]), said + decisions
        joined = dict(tables)
        joined.pop("covariates", None)
        if len(there):
            joined["covariates"] = COVARIATES.check(there.reset_index(drop=True))
        for sentence in said:
            self.tell(sentence)
        return joined, said


def with_case_tables(
    tables: Mapping[str, pd.DataFrame], files: Sequence[tuple[str | None, Path]], cluster: str | None
) -> tuple[Tables, list[str]]:
    """The tables with that of the covariates of several data sets, and what has to be said.

    Args:
        tables: with ``cases``.
        files: a table of cases, and the data set that it belongs to; None where it belongs to all, or names them.
        cluster: the covariate that is resampled by; other columns that name cases one by one are left out.

    Raises:
        UserError: as `covariates_of`.
    """
    parts, said = [tables.get("covariates", COVARIATES.build())], []
    for dataset, file in files:
        cases = tables["cases"]
        if dataset is not None and _names_only(file):
            said.append(f"{file} names the cases of {dataset} and says nothing else of them.")
            continue
        found, decisions = covariates_of(
            read_given(file), cases if dataset is None else cases[cases["dataset"] == dataset]
        )
        parts.append(found)
        said += decisions
    everything = COVARIATES.concat(parts).drop_duplicates(["dataset", "case", "covariate"], keep="last")
    kept, further = without_identifiers(everything, {str(cluster)})
    return {**tables, "covariates": kept} if len(kept) else dict(tables), said + further


def _names_only(file: Path) -> bool:
    """Whether a table that came with a data set has the names of the cases and nothing else."""
    try:
        with file.open(encoding="utf-8-sig") as lines:
            return lines.readline().strip() == "case"
    except (OSError, ValueError):  # reading the table will say what is wrong
        return False
