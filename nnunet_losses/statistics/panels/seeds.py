"""Repeats of one experiment with other seeds."""

import pandas as pd


def without_seed(trainer: str, seed: int) -> str:
    """The experiment that a repeated run belongs to: its trainer name without the `_seed<n>` option."""
    suffix = f"_seed{seed}"
    return trainer.removesuffix(suffix) if seed else trainer


def experiments(*tables: pd.DataFrame) -> dict[tuple[str, int], str]:
    """The experiment that each (trainer, seed) of the tables belongs to.

    Repeats lose the seed in their name; a trainer with a seed in its name but without any repeat keeps it.
    """
    runs = pd.concat([table[["trainer", "seed"]].drop_duplicates() for table in tables]).drop_duplicates()
    names = {(t, s): without_seed(t, s) for t, s in zip(runs["trainer"], runs["seed"], strict=True)}
    members: dict[str, set[str]] = {}
    for (trainer, _), name in names.items():
        members.setdefault(name, set()).add(trainer)
    return {(t, s): name if len(members[name]) > 1 else t for (t, s), name in names.items()}


def merge_seeds(table: pd.DataFrame, *others: pd.DataFrame) -> pd.DataFrame:
    """The table with its repeats, known from it and the `others`, under one trainer name; `seed` tells them apart."""
    seeds = table["seed"].to_numpy()
    if not seeds.any():
        return table
    names = experiments(table, *others)
    trainers = table["trainer"].to_numpy(dtype=object)
    return table.assign(trainer=[names[key] for key in zip(trainers, seeds, strict=True)])


def experiment_of(trainer: str, *tables: pd.DataFrame) -> str:
    """The experiment of one trainer of the tables; the trainer itself where they do not know it."""
    return next((name for (t, _), name in experiments(*tables).items() if t == trainer), trainer)
