"""The layout of a given table: which columns hold values, and of which model and metric each value is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.states import CaseStatus
from nnunet_losses.comparison.given.cells import Cells
from nnunet_losses.comparison.given.columns import COVARIATES, find_roles, is_index, plain
from nnunet_losses.comparison.given.metrics import Understood, declared, metric_of_file, quoted, refuse, understood


@dataclass(frozen=True)
class Reading:
    """How a user wants a table to be read, where its names do not tell.

    columns: the column of each role, by role (see `columns.ROLES`).
    metrics: ``name``, ``name:higher``, ``name:lower`` or ``name=known``; in a table with a column for each model, the
        one metric it holds.
    models: the columns that are models.
    covariates: the columns that describe the case.
    ignore: columns that are left alone.
    scale: "percent" or "fraction" for all metrics between 0 and 1; None where the values have to tell.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[str] = ()
    models: Sequence[str] = ()
    covariates: Sequence[str] = ()
    ignore: Sequence[str] = ()
    scale: str | None = None


class Layout:
    """Which column of a table holds what.

    roles: the column of each role, by role.
    covariates: the columns that describe the case.
    unused: the columns that hold nothing of use, once `values` was called.
    """

    def __init__(self, cells: Cells, reading: Reading) -> None:
        """Find the columns; raises UserError if one is named that does not exist, or two could be the same."""
        self._cells, self._reading, self._rows = cells, reading, len(cells.given.frame)
        self.columns = [str(column) for column in cells.given.frame.columns]
        for column in (*reading.models, *reading.covariates, *reading.ignore):
            if column not in self.columns:
                raise UserError(f"There is no column '{column}'; there are {', '.join(self.columns)}.")
        self._declared = declared(reading.metrics)
        self._ignored = {*reading.ignore, *filter(is_index, self.columns)}
        taken = {*self._ignored, *reading.covariates, *reading.models}
        self.roles = find_roles(self.columns, reading.columns, taken)
        if reading.models:
            self.roles.pop("model", None)
        if "case" not in self.roles:
            raise UserError(self._lacking("case", "ID"))
        self._check_status()
        self.covariates = list(reading.covariates)
        self.covariates += [column for column in self._free(taken) if plain(column) in COVARIATES]
        self.unused: list[str] = []

    def values(self) -> pd.DataFrame:
        """A row for each value: row and column of the given table, case, model, name (of the metric), value.

        Raises:
            UserError: the layout is none of the three, or a cell is not what it should be.
        """
        roles = self.roles
        if "model" in roles and "value" in roles:
            parts = [(roles["value"], self._metric_names(f"the column '{roles['value']}'"), self._models())]
            self._say_unused(self._candidates())
        elif "model" in roles and "metric" not in roles:
            parts = self._column_per_metric()
        elif "model" in roles:
            raise UserError(self._lacking("value", "Value"))
        elif "value" in roles and not self._reading.models:
            raise UserError(self._lacking("model", "Method"))
        else:
            parts = self._column_per_model()
        cases, rows = self._cells.cases(roles["case"]), np.arange(self._rows)
        frames = [
            pd.DataFrame(
                {"row": rows, "column": column, "case": cases, "model": models, "name": names,
                 "value": self._cells.numbers(column)}
            )
            for column, names, models in parts
        ]  # fmt: skip
        return pd.concat(frames, ignore_index=True)

    def meaning(self, names: Sequence[str]) -> dict[str, Understood]:
        """What each name of a metric means.

        Raises:
            UserError: one is unknown, or the user spoke of one that is not there.
        """
        if unknown := [name for name in names if name not in self._declared and understood(name) is None]:
            refuse(unknown, in_columns=False)
        if absent := [name for name in self._declared if name not in names]:
            raise UserError(f"--metric names '{absent[0]}', but the table has {quoted(names, 40)}.")
        return {name: self._declared.get(name) or self._known(name) for name in names}

    def text_of(self, role: str) -> np.ndarray | None:
        """The column of a role as text, a cell for each row; None without such a column."""
        return self._cells.texts(self.roles[role]) if role in self.roles else None

    def _known(self, name: str) -> Understood:
        found = understood(name)
        assert found is not None
        return found

    def _lacking(self, role: str, example: str) -> str:
        ways = f"Name it: --columns {role}={example}"
        if role == "model":
            ways += ", give each file its model (--table NAME=FILE), or say which columns are models (--models A,B)"
        return f"No column names the {role}; there are {', '.join(self.columns)}. {ways}."

    def _free(self, taken: Collection[str]) -> list[str]:
        return [column for column in self.columns if column not in taken and column not in self.roles.values()]

    def _candidates(self) -> list[str]:
        return self._free({*self._ignored, *self.covariates})

    def _models(self) -> np.ndarray:
        return self._cells.filled(self.roles["model"], "every row needs its model")

    def _metric_names(self, what: str) -> np.ndarray:
        """The name of the metric in each row."""
        if "metric" in self.roles:
            return self._cells.filled(self.roles["metric"], "every row needs its metric")
        if len(self._declared) == 1:
            return self._constant(next(iter(self._declared)))
        of_file = metric_of_file(self._cells.given.name)
        if self._declared or of_file is None:
            raise UserError(f"Nothing says which metric stands in {what}; name it: --metric dice.")
        self._cells.decisions.append(f"The name of the file says that the metric is {of_file}.")
        return self._constant(of_file)

    def _constant(self, text: str) -> np.ndarray:
        return np.full(self._rows, text, dtype=object)

    def _column_per_metric(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        free = self._candidates()
        metrics = [column for column in free if column in self._declared or understood(column) is not None]
        rest = [column for column in free if column not in metrics]
        if unknown := [column for column in rest if self._cells.is_numeric(column)]:
            refuse(unknown, in_columns=True)
        if not metrics:
            there = ", ".join(self.columns)
            raise UserError(f"No column is a metric; there are {there}. Name one: --metric 'NAME:higher'.")
        self._say_unused(rest)
        models = self._models()
        return [(column, self._constant(column), models) for column in metrics]

    def _column_per_model(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        free = self._candidates()
        models = list(self._reading.models) or [column for column in free if self._cells.is_numeric(column)]
        if not self._reading.models:
            if metrics := [column for column in models if understood(column) is not None]:
                raise UserError(
                    f"The columns {quoted(metrics)} look like metrics, but no column names the model: name it "
                    "(--columns model=...), give each file its model (--table NAME=FILE), or say that these columns "
                    f"are models (--models {','.join(metrics[:2])})."
                )
            if len(models) < 2:
                raise UserError(self._lacking("model", "Method"))
        names = self._metric_names("the columns of the models")
        self._cells.decisions.append(f"Each of these columns is a model: {quoted(models, 40)}.")
        self._say_unused([column for column in free if column not in models])
        return [(column, names, self._constant(column)) for column in models]

    def _say_unused(self, columns: Sequence[str]) -> None:
        self.unused = list(columns)
        if columns:
            plural = "s" if len(columns) > 1 else ""
            self._cells.decisions.append(f"Not used: the column{plural} {quoted(columns, 40)}.")

    def _check_status(self) -> None:
        """A column ``status`` counts if it holds the words of the table of cases; if the user names it, it must."""
        column = self.roles.get("status")
        if column is None:
            return
        texts, allowed = self._cells.texts(column), {"", *map(str, CaseStatus)}
        odd = next((row for row, text in enumerate(texts) if text not in allowed), None)
        if odd is None:
            return
        if "status" in self._reading.columns:
            raise UserError(
                f"{self._cells.where(odd, column)} holds '{texts[odd]}'; allowed are {', '.join(map(str, CaseStatus))}."
            )
        del self.roles["status"]
