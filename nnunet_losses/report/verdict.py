"""The answer in words: the headline, who was left out, and what the answer rests on."""

from dataclasses import dataclass

from nnunet_losses.base.states import Question
from nnunet_losses.report.card import Card, Line, card_of
from nnunet_losses.report.ceiling import agreement_of_raters
from nnunet_losses.report.comparison import View, records
from nnunet_losses.report.coverage import left_out
from nnunet_losses.report.headline import headline
from nnunet_losses.report.names import in_sentence
from nnunet_losses.report.numbers import count, enumerate_words, percent

FEW_CASES = 6  # with fewer, no interval of a pair reaches 95 %


@dataclass(frozen=True)
class Verdict:
    """The first sentences of a report.

    headline: the answer.
    left_out: who was compared if anything is missing, and why; empty if nothing is.
    detail: what the answer rests on, and what would change it.
    """

    headline: str
    left_out: str
    detail: str


def verdict(view: View) -> Verdict:
    """The answer for one view."""
    card = card_of(view)
    line = card.line(Question.OVERLAP)
    sentences = (
        []
        if line is None or len(line.compared) < 2
        else [
            _basis(card, line),
            _what_would_change(view),
            _variance(view),
            _few(view),
            _in_several_folds(view),
            agreement_of_raters(view),
        ]
    )
    return Verdict(headline(card), left_out(card), " ".join(sentence for sentence in sentences if sentence))


def _basis(card: Card, line: Line) -> str:
    decision = card.view.comparison.decision
    metric = in_sentence(line.view.metric.long_name)
    varies = "new cases alone" if line.of_models else "new trainings on these data and new cases"
    text = f"The words rest on {metric}, a margin of {line.margin_text} and intervals for {varies} that hold for all "
    text += f"pairs at once ({100 * (1 - decision.alpha):g}\u00a0%)"
    return text + (f"; {decision.declared}." if decision.declared else ".")


def _what_would_change(view: View) -> str:
    found = view.statistic("sensitivity")
    if found is None:
        return ""
    variants = [row for row in records(found) if row["variant"]]
    if not variants:
        return ""
    changes = [row for row in variants if row["changes"]]
    kinds = "metric, aggregation, threshold, rule for empty cases or fold left out"
    if not changes:
        return (
            f"No other {view.noun} has the best mean under another {kinds} ({count(len(variants), 'variant')} tried)."
        )
    by_winner: dict[str, list[str]] = {}
    for row in changes:
        by_winner.setdefault(view.name(str(row["winner"])), []).append(_variant(row))
    told = enumerate_words([f"{who} ({enumerate_words(why, 2)})" for who, why in by_winner.items()], 3)
    return f"Another {view.noun} has the best mean in {len(changes)} of {len(variants)} variants of {kinds}: {told}."


def _variant(row: dict[str, object]) -> str:
    choice, variant = str(row["choice"]), str(row["variant"]).replace("_", " ")
    return f"without fold {variant}" if choice == "fold left out" else variant


def _variance(view: View) -> str:
    """How much of all variance the choice of the loss explains at all."""
    found = view.statistic("variance")
    if found is None:
        return ""
    share = dict(zip(found["source"], found["share"], strict=True))
    others = [f"the {source} {percent(share[source])}" for source in ("case", "training", "fold") if share[source] > 0]
    metric = in_sentence(view.metric.long_name)
    text = f"The choice of the {view.noun} explains {percent(share['loss'])} of the variance of {metric}"
    return text + (f", {enumerate_words(others)}." if others else ".")


def _few(view: View) -> str:
    n = len(view.values)
    return f"Ranks of {count(n, 'case')} say nothing of others." if n < FEW_CASES else ""


def _in_several_folds(view: View) -> str:
    """That networks have seen other cases of what they predict, where patients, or other clusters, are the units."""
    several, clusters = view.comparison.clusters_in_several_folds
    if not several:
        return ""
    cluster = view.comparison.cluster
    have = "has" if several == 1 else "have"
    return (
        f"{several} of {count(clusters, cluster)} {have} cases in several folds: the networks have seen other cases of "
        f"a {cluster} that they predict, and all values may be too good."
    )
