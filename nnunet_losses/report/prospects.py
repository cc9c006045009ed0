"""What would decide undecided pairs: seeds, cases, and what they cost."""

import math
from collections.abc import Sequence

from nnunet_losses.base.metrics import Metric
from nnunet_losses.report.card import Line
from nnunet_losses.report.comparison import Row, View
from nnunet_losses.report.numbers import count, decimals, duration, number, unit_suffix
from nnunet_losses.statistics.estimators.forecast import MOST_SEEDS
from nnunet_losses.statistics.tables.decision import FORECASTS


def needed(line: Line, pairs: Sequence[tuple[str, str]], view: View) -> str:
    """What would decide all these pairs of a view, in brackets; empty where it cannot be known."""
    if line.of_models:
        return ""
    trainers = list(dict.fromkeys(trainer for pair in pairs for trainer in pair))
    rows = [row for pair in pairs if (row := line.pair(*pair)) is not None]
    most = {name: _most(rows, name) for name in FORECASTS}
    options = []
    if not math.isnan(most["seeds_needed"]):
        options.append(_seeds(view, trainers, int(most["seeds_needed"])))
    if not math.isnan(most["cases_needed"]):
        options.append(count(int(most["cases_needed"]), "case"))
    if not options and not math.isnan(most["seeds_together"]):
        seeds = _seeds(view, trainers, int(most["seeds_together"]))
        options.append(f"{seeds} and {count(int(most['cases_together']), 'case')}")
    if options:
        return f" ({' or '.join(options)} would decide a difference of {line.margin_text})"
    return (
        f" (to decide a difference of {line.margin_text} would take more than {MOST_SEEDS} seeds a fold"
        f"{_found(line.view.metric, most['detectable'])})"
    )


def _found(metric: Metric, least: float) -> str:
    """The least difference that the study finds; empty if unknown."""
    if math.isnan(least):
        return ""
    if least >= metric.bounds[1] - metric.bounds[0]:
        return "; this study finds none, however large"
    return f"; this study finds one of {number(least, decimals(metric.unit))}{unit_suffix(metric.unit)}"


def price_of_seeds(view: View, seeds: int = 3) -> str:
    """That one training of each loss excludes no luck, and what so many seeds would cost."""
    trained = [t for t in view.trainers if t in view.by_trainer("costs")]
    cost = _cost(view, trained, seeds)
    listed = ", ".join(str(seed) for seed in range(1, seeds + 1))
    priced = f"; seeds: [{listed}] would cost {cost}" if cost else ""
    return f"One training per {view.noun}: luck of training is not excluded{priced}."


def _seeds(view: View, trainers: Sequence[str], seeds: int) -> str:
    cost = _cost(view, trainers, seeds - view.cases["seed"].nunique())
    return f"{seeds} seeds a fold" + (f", {cost} more," if cost else "")


def _cost(view: View, trainers: Sequence[str], seeds: int) -> str:
    """How long so many trainings of each of some losses take in every fold; empty if unknown or nothing."""
    spent = view.by_trainer("costs")
    if seeds <= 0 or not trainers or any(t not in spent or math.isnan(spent[t]["seconds"]) for t in trainers):
        return ""
    seconds = seeds * view.cases["fold"].nunique() * math.fsum(spent[t]["seconds"] for t in trainers)
    jobs = view.table("jobs")
    devices = set() if jobs is None or "device" not in jobs else set(jobs["device"].dropna().astype(str))
    return f"{duration(seconds)} of {'GPU time' if devices == {'cuda'} else 'training time'}"


def _most(rows: Sequence[Row], column: str) -> float:
    values = [float(row[column]) for row in rows]
    return math.nan if not values or any(map(math.isnan, values)) else max(values)
