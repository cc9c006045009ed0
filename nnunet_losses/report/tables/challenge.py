"""The ranking that a challenge would make of these losses, beside the report's own."""

from nnunet_losses.base.metrics.challenges import CHALLENGES
from nnunet_losses.report.blocks import Column, Table
from nnunet_losses.report.comparison import View, rows_by
from nnunet_losses.report.numbers import enumerate_words, number, place
from nnunet_losses.report.tables.cells import head, numeric


def table(view: View) -> Table | None:
    """One row per loss, best first, of the first challenge of which all scores were measured."""
    found = view.statistic("challenge_ranking")
    if found is None:
        return None
    challenge = CHALLENGES[str(found["challenge"].iloc[0])]
    rule = challenge.ranking
    if rule is None:
        return None
    own = rows_by(found[found["challenge"] == challenge.name], "trainer")
    scores = [next(metric for metric in challenge.metrics if metric.name == name) for name in rule.weights]
    equal = len(set(rule.weights.values())) == 1
    weights = "" if equal else f" (weights {enumerate_words([f'{rule.weights[m.name]:g}' for m in scores])})"
    of = "the ranks in every case" if rule.by_case else "the ranks of the means"
    columns = [
        Column(view.noun.capitalize(), numeric=False),
        Column("Place"),
        Column("Mean rank", f"Mean of {of} by {enumerate_words([m.long_name for m in scores])}{weights}"),
    ]
    rows = []
    for trainer, row in own.items():
        mean_rank = numeric(row["mean_rank"], number(row["mean_rank"], 2))
        rows.append([head(view, trainer), numeric(row["rank"], place(row["rank"])), mean_rank])
    lacks = f", without {rule.leaves_out}" if rule.leaves_out else ""
    return Table(
        f"Ranked as {challenge.title.partition(':')[0]} does{lacks}: a place says nothing of chance",
        columns, rows, "statistics_challenge_ranking",
    )  # fmt: skip
