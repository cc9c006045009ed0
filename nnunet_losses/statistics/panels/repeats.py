"""Repeats of one experiment with other seeds."""

from collections.abc import Mapping

import pandas as pd

Experiments = Mapping[tuple[str, int], str]


def without_seed(trainer: str, seed: int) -> str:
    """The experiment that a repeated run belongs to: its trainer name without the `_seed<n>` option."""
    suffix = f"_seed{seed}"
    return trainer.removesuffix(suffix) if seed else trainer


def experiments(*tables: pd.DataFrame) -> Experiments:
    """The experiment that each (trainer, seed) of the tables belongs to.

    Repeats lose the seed in their name; a trainer with a seed in its name but without any repeat keeps it.
    """
    runs = pd.concat([table[["trainer", "seed"]].drop_duplicates() for table in tables]).drop_duplicates()
    names = {(t, s): without_seed(t, s) for t, s in zip(runs["trainer"], runs["seed"], strict=True)}
    members: dict[str, set[str]] = {}
    for (trainer, _), name in names.items():
        members.setdefault(name, set()).add(trainer)
    return {(t, s): name if len(members[name]) > 1 else t for (t, s), name in names.items()}


def merge_seeds(table: pd.DataFrame, names: Experiments) -> pd.DataFrame:
    """The table with the repeats of an experiment under its one name; `seed` tells them apart.

    A trainer of which nothing is known keeps its name; a table that knows no trainings is left as it is.
    """
    if "seed" not in table:
        return table
    seeds = table["seed"].to_numpy()
    if not seeds.any():
        return table
    trainers = table["trainer"].to_numpy(dtype=object)
    return table.assign(trainer=[names.get(key, key[0]) for key in zip(trainers, seeds, strict=True)])


def experiment_of(trainer: str, names: Experiments) -> str:
    """The experiment of one trainer; the trainer itself where it is not known."""
    return next((name for (t, _), name in names.items() if t == trainer), trainer)
