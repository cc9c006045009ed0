"""Which loss, how sure, at what cost: the answer in words, made from the numbers alone."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nnunet_losses.report.costs import costs, failures
from nnunet_losses.report.figures.rows import against
from nnunet_losses.report.numbers import (
    count,
    decimals,
    duration,
    enumerate_words,
    interval,
    memory,
    p_value,
    percent,
)
from nnunet_losses.report.study import View

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Verdict:
    """A headline, and the sentences that say how sure it is and what it costs."""

    headline: str
    detail: str


def verdict(view: View) -> Verdict:
    """The answer for one view; it says so when nothing can be told apart, and why."""
    ranking = view.statistic("ranking")
    if ranking is None or not ranking["rank"].notna().any():
        return Verdict("There is no ranking.", f"No loss has a {view.metric.long_name} that could be ranked.")
    ranking = ranking.set_index(ranking["trainer"].astype(str))
    best = view.trainers[0]
    rivals = against(view.statistic("pairwise"), best)
    rivals = rivals[rivals["p_holm"].notna()] if len(rivals) else rivals
    beaten = [t for t in rivals.index if rivals.loc[t, "p_holm"] < SIGNIFICANT and _worse(view, rivals.loc[t])]
    level = [t for t in view.trainers[1:] if t in rivals.index and t not in beaten]
    sentences = [
        _leader(view, ranking, best, beaten, level), _against_baseline(view, best), _cost(view, best),
        _failures(view), _power(view, ranking),
    ]  # fmt: skip
    return Verdict(_headline(view, best, beaten, level), " ".join(s for s in sentences if s))


def _worse(view: View, pair: pd.Series) -> bool:
    return bool((pair["difference"] < 0) == view.metric.higher_is_better)


def _headline(view: View, best: str, beaten: list[str], level: list[str]) -> str:
    name = view.name(best)
    if len(view.trainers) == 1:
        return f"{name} is the only loss here: nothing to compare."
    if not beaten and not level:
        return f"{name} ranks first, untested."
    if not level:
        return f"{name} is best."
    pairs = view.statistic("pairwise")
    if pairs is not None and not (pairs["p_holm"] < SIGNIFICANT).any():
        return "No two losses can be told apart."
    if not beaten:
        return f"{name} ranks first, but cannot be told from {_others(len(level))}."
    return f"{name} leads; {len(level)} of {_others(len(level) + len(beaten))} cannot be told from it."


def _others(n: int) -> str:
    return "the other loss" if n == 1 else f"the other {n} losses"


def _leader(view: View, ranking: pd.DataFrame, best: str, beaten: list[str], level: list[str]) -> str:
    row, name = ranking.loc[best], view.metric.long_name
    value = interval(row["mean"], row["mean_low"], row["mean_high"], decimals(view.metric.unit))
    unit = "" if view.metric.unit in ("1", "count") else f" {view.metric.unit}"
    extreme = "highest" if view.metric.higher_is_better else "lowest"
    text = f"{view.name(best)} has the {extreme} mean {name}, {value}{unit} over {count(int(row['n']), 'case')}"
    first = row.get("p_first", np.nan)
    if len(view.trainers) > 1 and not pd.isna(first):
        text += f", and ranks first in {percent(first)} of bootstrap samples"
    text += "."
    if beaten:
        text += (
            f" It is better than {enumerate_words([view.name(t) for t in beaten])} (Wilcoxon signed-rank, Holm, "
            f"p < {SIGNIFICANT})"
        )
        text += f", but not demonstrably than {enumerate_words([view.name(t) for t in level])}." if level else "."
    return text


def _against_baseline(view: View, best: str) -> str:
    if view.baseline is None or len(view.trainers) == 1:
        return ""
    if best == view.baseline:
        return "It is the baseline itself."
    pairs = against(view.statistic("pairwise"), view.baseline)
    if best not in pairs.index or pd.isna(pairs.loc[best, "difference"]):
        return ""
    row = pairs.loc[best]
    gap = interval(row["difference"], row["low"], row["high"], decimals(view.metric.unit), signed=True)
    p = p_value(row["p_holm"])
    return f"Its paired difference from the baseline, {view.name(view.baseline)}, is {gap} (p {p if p[0] == '<' else '= ' + p})."


def _cost(view: View, best: str) -> str:
    spent = costs(view)
    if spent is None or best not in spent.index:
        return "What it costs is not known: there is no record of its runs."
    row = spent.loc[best]
    known = [text for text, value in ((duration(row["seconds"]), row["seconds"]),
                                      (memory(row["peak_memory_mb"]), row["peak_memory_mb"])) if not pd.isna(value)]  # fmt: skip
    if not known:
        return "What it costs was not measured."
    text = f"One training took {' and '.join(known)}"
    base = view.baseline
    if base is not None and base != best and base in spent.index and spent.loc[base, "seconds"] > 0:
        text += f", {row['seconds'] / spent.loc[base, 'seconds']:.2f} times the baseline's time"
    return text + "."


def _failures(view: View) -> str:
    failed, jobs = failures(view), view.table("jobs")
    if failed is None or jobs is None or failed.empty:
        return ""
    by_trainer = failed.groupby("trainer", sort=False).size()
    who = enumerate_words([f"{view.name(str(t))} {n}" for t, n in by_trainer.items()])
    return f"{len(failed)} of {count(len(jobs), 'run')} did not complete ({who}): see Failures."


def _power(view: View, ranking: pd.DataFrame) -> str:
    """With few cases no test can become significant: say so, lest "not separable" be read as "equal"."""
    pairs = view.statistic("pairwise")
    if pairs is None or pairs.empty:
        return ""
    n, tests = int(pairs["n"].max()), len(pairs)
    smallest = min(1.0, 2.0 ** (1 - n) * tests) if n > 0 else 1.0
    if smallest < SIGNIFICANT:
        return ""
    return (
        f"With {count(n, 'case')} and {count(tests, 'pair')}, no difference, however large, could have become "
        f"significant (smallest possible p {smallest:.2g})."
    )
