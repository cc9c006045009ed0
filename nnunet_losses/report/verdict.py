"""Which loss, how certain, at what cost: the answer in words, made from the numbers alone."""

import math
from dataclasses import dataclass

import pandas as pd

from nnunet_losses.base.states import Word
from nnunet_losses.base.tables.results import COLLAPSED
from nnunet_losses.report.comparison import Row, View
from nnunet_losses.report.names import in_sentence
from nnunet_losses.report.numbers import (
    SIGNIFICANT,
    count,
    decimals,
    duration,
    enumerate_words,
    equals,
    interval,
    memory,
    percent,
    unit_suffix,
)

# What the leader is, by the word that the other loss has against it.
_FROM_THE_OTHER = {
    Word.WORSE: "better than",
    Word.EQUIVALENT: "equivalent to",
    Word.NOT_BETTER: "not worse than",
    Word.UNDECIDED: "undecided against",
    Word.NOT_WORSE: "not better than",
    Word.BETTER: "worse than",
}


@dataclass(frozen=True)
class Verdict:
    """A headline, and the sentences that say how certain it is and what it costs."""

    headline: str
    detail: str


@dataclass(frozen=True)
class Standing:
    """The loss with the best mean, and what the paired tests say about the others."""

    best: str
    beaten: list[str]  # significantly worse
    level: list[str]  # not distinguishable
    above: list[str]  # significantly better case by case, though their mean is not


def verdict(view: View) -> Verdict:
    """The answer for one view; if no losses can be told apart, it says so and why."""
    ranking = {t: row for t, row in view.by_trainer("ranking").items() if not pd.isna(row["rank"])}
    if not ranking:
        metric = in_sentence(view.metric.long_name)
        return Verdict("There is no ranking.", f"No loss has a {metric} that could be ranked.")
    best = view.trainers[0]
    rivals = {t: pair for t, pair in view.against(best).items() if not pd.isna(pair["p_holm"])}
    apart = [t for t in view.trainers[1:] if t in rivals and rivals[t]["p_holm"] < SIGNIFICANT]
    standing = Standing(
        best,
        beaten=[t for t in apart if _worse(view, rivals[t])],
        level=[t for t in view.trainers[1:] if t in rivals and t not in apart],
        above=[t for t in apart if not _worse(view, rivals[t])],
    )
    sentences = [
        _leader(view, ranking[best], standing),
        _trained_again(view, best),
        _against_baseline(view, best),
        _cost(view, best),
        _failures(view),
        _power(view),
    ]
    return Verdict(_headline(view, standing), " ".join(sentence for sentence in sentences if sentence))


def _worse(view: View, pair: Row) -> bool:
    return bool((pair["difference"] < 0) == view.metric.higher_is_better)


def _headline(view: View, standing: Standing) -> str:
    name, level = view.name(standing.best), len(standing.level)
    tested = level + len(standing.beaten) + len(standing.above)
    pairs = view.statistic("pairwise")
    if len(view.trainers) == 1:
        return f"{name} is the only loss: there is nothing to compare."
    if not tested or pairs is None:
        return f"{name} ranks first, but no test was possible."
    if not (pairs["p_holm"] < SIGNIFICANT).any():
        return "No two losses can be told apart."
    if standing.above:
        others = enumerate_words([view.name(t) for t in standing.above])
        return f"{name} has the best mean, but case by case {others} did better."
    if not level:
        return f"{name} is best."
    if not standing.beaten:
        return f"{name} ranks first, but cannot be distinguished from {_others(level)}."
    return f"{name} leads, but cannot be distinguished from {level} of {_others(tested)}."


def _others(n: int) -> str:
    return "the other loss" if n == 1 else f"the other {n} losses"


def _leader(view: View, row: Row, standing: Standing) -> str:
    name, metric = view.name(standing.best), view.metric
    value = interval(row["mean"], row["mean_low"], row["mean_high"], decimals(metric.unit))
    extreme = "highest" if metric.higher_is_better else "lowest"
    text = f"{name} has the {extreme} mean {in_sentence(metric.long_name)}, {value}{unit_suffix(metric.unit)}, "
    text += f"over {count(int(row['n']), 'case')}"
    first = row.get("p_first", math.nan)
    if len(view.trainers) > 1 and not pd.isna(first):
        text += f", and ranks first in {percent(first)} of bootstrap samples"
    if not standing.beaten:
        return text + "."
    text += f". It is better than {_names(view, standing.beaten)} "
    text += f"(Wilcoxon signed-rank test with Holm's correction, p < {SIGNIFICANT})"
    return text + (f", but not demonstrably better than {_names(view, standing.level)}." if standing.level else ".")


def _names(view: View, trainers: list[str]) -> str:
    return enumerate_words([view.name(t) for t in trainers])


def _trained_again(view: View, best: str) -> str:
    """What holds for the losses and not only for the models that were trained: the words of the leader's pairs."""
    decisions = view.statistic("decisions")
    if decisions is None:
        return ""
    pairs = view.against(best, decisions)
    pairs = {t: pair for t, pair in pairs.items() if pair["word"] != Word.NOT_COMPARABLE}
    if not pairs:
        return ""
    if {pair["subject"] for pair in pairs.values()} == {"models"}:
        return "Without two trainings of every loss, all this is about the trained models: new trainings may differ."
    parts = []
    for word, phrase in _FROM_THE_OTHER.items():
        others = [trainer for trainer in view.trainers if trainer in pairs and pairs[trainer]["word"] == word]
        parts += [f"{phrase} {_names(view, others)}"] if others else []
    return f"With new trainings as well as new cases, it is {'; '.join(parts)}."


def _against_baseline(view: View, best: str) -> str:
    if view.baseline is None or len(view.trainers) == 1:
        return ""
    if best == view.baseline:
        return "It is the baseline."
    row = view.against(view.baseline).get(best)
    if row is None or pd.isna(row["difference"]):
        return ""
    gap = interval(row["difference"], row["low"], row["high"], decimals(view.metric.unit), signed=True)
    tested = "untested" if pd.isna(row["p_holm"]) else f"p {equals(row['p_holm'])}"
    return f"Its paired difference from the baseline, {view.name(view.baseline)}, is {gap} ({tested})."


def _cost(view: View, best: str) -> str:
    spent = view.by_trainer("costs")
    if best not in spent:
        return "Its cost is unknown: no completed training is on record."
    seconds, peak = spent[best]["seconds"], spent[best]["peak_memory_mb"]
    written = ((duration(seconds), seconds), (memory(peak), peak))
    known = [text for text, value in written if not pd.isna(value)]
    if not known:
        return "Its cost was not measured."
    text = f"One training took {' and '.join(known)}"
    base = spent.get(view.baseline or "", {}).get("seconds", 0)
    if best != view.baseline and base > 0 and not pd.isna(seconds):
        text += f", {seconds / base:.2f} times the baseline's time"
    return text + "."


def _failures(view: View) -> str:
    failed, jobs = view.failures, view.table("jobs")
    if failed is None or jobs is None or failed.empty:
        return ""
    parts: list[str] = []
    for fate, own in (("did not complete", failed[~failed[COLLAPSED]]), ("collapsed", failed[failed[COLLAPSED]])):
        if len(own):
            who = [f"{view.name(str(t))} {n}" for t, n in own.groupby("trainer", sort=False).size().items()]
            of_all = "" if parts else f" of {count(len(jobs), 'training')}"
            parts.append(f"{len(own)}{of_all} {fate} ({enumerate_words(who)})")
    return f"{' and '.join(parts)}: see Failures."


def _power(view: View) -> str:
    """With few cases no test can be significant: say so, lest "not distinguishable" be read as "equal"."""
    pairs = view.statistic("pairwise")
    if pairs is None or pairs.empty:
        return ""
    n, tests = int(pairs["n"].max()), len(pairs)
    smallest = min(1.0, 2.0 ** (1 - n) * tests) if n > 0 else 1.0
    if smallest < SIGNIFICANT:
        return ""
    return (
        f"With {count(n, 'case')} and {count(tests, 'pair')} of losses, no difference, however large, could have been "
        f"significant (smallest possible p {smallest:.2g})."
    )
