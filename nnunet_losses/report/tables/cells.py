"""Cells that several tables share."""

import math

import pandas as pd

from nnunet_losses.report.blocks import Cell, Column
from nnunet_losses.report.comparison import Comparison, Row, View
from nnunet_losses.report.numbers import NOTHING, interval, place

LONGEST_NAME = 48  # characters of a name in a table; the tooltip and the data have the whole name

VARIANT = Column("Trained as", "What else the trainers' names say", numeric=False)


def variant(row: Row) -> Cell:
    """What a trainer's name says beside its loss, under the head `VARIANT`."""
    return Cell(str(row["variant"]) or "nnU-Net's length")


def numeric(value: float, text: str, tip: str = "", kind: str = "") -> Cell:
    """A cell that is sorted by its value; missing values come last."""
    return Cell(text, None if pd.isna(value) else float(value), tip, kind)


def named(comparison: Comparison, trainer: str) -> Cell:
    """The short name of a trainer, with the full one as its tooltip."""
    return Cell(comparison.cut_name(trainer, LONGEST_NAME), None, trainer)


def head(view: View, trainer: str) -> Cell:
    """The first cell of a row: the short name of its trainer, with the full one as its tooltip."""
    name = view.cut_name(trainer, LONGEST_NAME)
    return Cell(name, name, trainer, "baseline" if trainer == view.baseline else "")


def paired(view: View, pair: Row) -> Cell:
    """The first cell of a row about a pair: both short names, with the full ones as its tooltip."""
    a, b = str(pair["trainer_a"]), str(pair["trainer_b"])
    return Cell(" − ".join(view.cut_name(t, LONGEST_NAME) for t in (a, b)), None, f"{a} minus {b}")


def ranked(row: Row | None) -> Cell:
    """The rank of a row of the ranking with its interval, ``2 [1–4]``."""
    if row is None or pd.isna(row["rank"]):
        reason = "" if row is None else row.get("reason")
        return Cell(NOTHING, None, reason or "No case has a value", "bad")
    low, high = (row.get(key, math.nan) for key in ("rank_low", "rank_high"))
    limits = "" if pd.isna(low) or pd.isna(high) else f" [{low:.0f}–{high:.0f}]"
    return numeric(row["rank"], place(row["rank"]) + limits)


def averaged(row: Row, digits: int) -> Cell:
    """The mean of a row of the ranking with its interval."""
    return numeric(row["mean"], interval(row["mean"], row["mean_low"], row["mean_high"], digits))
