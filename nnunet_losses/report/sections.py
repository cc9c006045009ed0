"""The contents of the report, in reading order."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nnunet_losses.report import bibliography, gallery, methods
from nnunet_losses.report.blocks import (
    Block,
    Cell,
    Code,
    Column,
    Definitions,
    Figure,
    Link,
    References,
    Section,
    Table,
    Text,
)
from nnunet_losses.report.comparison import Comparison, View
from nnunet_losses.report.costs import DONE
from nnunet_losses.report.figures import (
    consensus,
    cost,
    critical_difference,
    detection,
    differences,
    distribution,
    folds,
    lesion_size,
    noise,
    pairwise,
    podium,
    posterior,
    ranking,
    recall_precision,
    reliability,
    significance,
    stability,
    thresholds,
    training,
)  # fmt: skip
from nnunet_losses.report.numbers import enumerate_words
from nnunet_losses.report.tables import comparison as tables
from nnunet_losses.report.tables import statistics as statistic_tables
from nnunet_losses.report.verdict import verdict

Maker = Callable[[View], Figure | Table | Text | None]

MOST_VERDICTS = 3  # told in full on the first screen; beyond, a table of headlines


@dataclass(frozen=True)
class Part:
    """A sub-section: its title, what makes its blocks, and what is missing if they make nothing."""

    title: str
    makers: tuple[Maker, ...]
    needs: str


RESULTS = (
    Part("Ranking", (tables.ranking_table, statistic_tables.power), "a ranking"),
    Part("Distribution", (distribution.draw,), "values of the cases"),
    Part(
        "Differences from the baseline",
        (differences.draw, posterior.baseline_bars, posterior.triangle),
        "the baseline and another loss",
    ),
    Part(
        "Every pair of losses",
        (pairwise.draw, significance.draw, tables.pairwise_table, posterior.heat_map, critical_difference.draw,
         statistic_tables.mixed),
        "a comparison of pairs",
    ),
    Part(
        "Stability of the ranking",
        (stability.blob, stability.stacked, stability.kendall, stability.over_methods, stability.by_cases,
         folds.leave_one_out, folds.test_on_folds, statistic_tables.sensitivity),
        "rankings of bootstrap samples",
    ),
    Part("Case by case", (podium.podium, podium.rank_map), "two losses with values in the same cases"),
    Part("Recall and precision", (recall_precision.draw,), "recall and precision per case"),
    Part("Threshold", (thresholds.draw,), "counts at several thresholds"),
    Part(
        "Detection",
        (detection.draw, statistic_tables.detection, detection.differences, statistic_tables.negatives),
        "scored lesion candidates",
    ),
    Part("Lesions by size", (lesion_size.draw, statistic_tables.lesion_model), "the table of lesions"),
    Part("Calibration", (reliability.draw,), "the table of calibration"),
    Part("Effect and noise", (noise.draw,), "a loss repeated with another seed"),
)  # fmt: skip
RUNS = (
    Part("Training", (training.pseudo_dice, training.losses), "the table of training curves"),
    Part("Time and memory", (tables.cost_table, cost.draw), "the table of jobs with a completed run"),
)


def first_screen(comparison: Comparison) -> list[Block]:
    """The verdict of the first view in full; of further views, their verdicts in words."""
    first = comparison.views[0]
    blocks: list[Block] = []
    if len(comparison.views) > MOST_VERDICTS:
        blocks.append(overview(comparison))
    for view in comparison.views if len(comparison.views) <= MOST_VERDICTS else [first]:
        told = verdict(view)
        if len(comparison.views) > 1:
            blocks.append(Text(view.title, "kicker"))
        blocks += [Text(told.headline, "headline"), Text(told.detail, "lead")]
    blocks += [block for maker in (tables.verdict_table, ranking.draw) if (block := maker(first)) is not None]
    return blocks


def overview(comparison: Comparison) -> Table:
    """One row per data set, configuration and label: who leads there, and how surely."""
    columns = [Column("Data set · configuration · label", numeric=False), Column("Verdict", numeric=False)]
    rows = [[Cell(view.title), Cell(verdict(view).headline)] for view in comparison.views]
    return Table("The answer on each data set; the first one in full below", columns, rows)


def contents(comparison: Comparison, *, with_viewer: bool = False) -> list[Section]:
    """All sections after the first screen; those without contents say what is missing."""
    found = [
        _consensus(comparison),
        *(_results(view, first=i == 0) for i, view in enumerate(comparison.views)),
        *_runs(comparison),
        _gallery(comparison, with_viewer),
        _failures(comparison),
        _methods(comparison),
        _provenance(comparison),
        _references(comparison),
    ]
    return [section for section in found if not section.empty]


def slug(*words: str) -> str:
    """An anchor made of plain letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-") or "part"


def _results(view: View, *, first: bool) -> Section:
    number = view.comparison.views.index(view) + 1
    section = Section(f"results-{number}", f"Results: {view.title}")
    if not first:
        told = verdict(view)
        section.blocks += [Text(f"{told.headline} {told.detail}", "lead")]
        section.blocks += [
            block for maker in (tables.verdict_table, ranking.draw) if (block := maker(view)) is not None
        ]
    section.parts, missing = _parts(view, RESULTS, section.anchor)
    if missing:
        section.blocks.append(_missing(missing))
    others = [m for m in view.comparison.metrics if m != view.metric_name and not view.of_metric(m).values.empty]
    if others:
        section.parts.append(_other_metrics(view, others, section.anchor))
    return section


def _consensus(comparison: Comparison) -> Section:
    """One ranking over the data sets, per configuration; empty for one data set."""
    section = Section("consensus", "Across data sets")
    first: dict[str, View] = {}
    for view in comparison.views:
        first.setdefault(view.configuration, view)
    drawn = [(view, figure) for view in first.values() if (figure := consensus.draw(view)) is not None]
    for view, figure in drawn:
        if len(drawn) > 1:
            section.blocks.append(Text(view.configuration, "kicker"))
        section.blocks.append(figure)
    return section


def _parts(view: View, parts: Sequence[Part], anchor: str) -> tuple[list[Section], list[str]]:
    """The sub-sections that have something to show, and the others with what they would have needed."""
    made, missing = [], []
    for part in parts:
        blocks: list[Block] = [block for maker in part.makers if (block := maker(view)) is not None]
        if blocks:
            made.append(Section(f"{anchor}-{slug(part.title)}", part.title, blocks))
        else:
            missing.append(f"{part.title} (needs {part.needs})")
    return made, missing


def _missing(parts: list[str]) -> Text:
    return Text(f"Not shown: {enumerate_words(parts, 20)}.", "note")


def _other_metrics(view: View, metrics: Sequence[str], anchor: str) -> Section:
    section = Section(f"{anchor}-metrics", "Other metrics")
    section.blocks.append(
        Text("These metrics are exploratory: their p-values are corrected within a metric, not across metrics.", "note")
    )
    for name in metrics:
        other = view.of_metric(name)
        part = Section(f"{anchor}-metric-{slug(name)}", other.metric.long_name, folded=True)
        makers = (tables.ranking_table, ranking.draw, distribution.draw, pairwise.draw)
        part.blocks = [Text(other.metric.description, "note")]
        if other.values.notna().any(axis=None):
            part.blocks += [block for maker in makers if (block := maker(other)) is not None]
        else:
            part.blocks.append(Text("No case has a value: there is nothing to compare.", "note"))
        section.parts.append(part)
    return section


def _runs(comparison: Comparison) -> list[Section]:
    """Training and cost, once per data set and configuration."""
    made = []
    for i, view in enumerate(comparison.run_views, 1):
        where = f": {view.dataset} · {view.configuration}" if len(comparison.run_views) > 1 else ""
        section = Section(f"runs-{i}", f"Training and cost{where}")
        section.parts, missing = _parts(view, RUNS, section.anchor)
        if missing:
            section.blocks.append(_missing(missing))
        made.append(section)
    return made


def _gallery(comparison: Comparison, with_viewer: bool) -> Section:
    section = Section("gallery", "Gallery")
    if comparison.gallery is None or comparison.gallery.empty:
        section.blocks.append(Text("Not shown: no images were given.", "note"))
        return section
    section.blocks.append(Text(gallery.KEY, "key"))
    if with_viewer:
        section.blocks.append(Link("Leaf through all slices of these cases (viewer.html)", "viewer.html"))
    for i, view in enumerate(comparison.run_views, 1):
        rows = gallery.tiles(view, gallery.MOST_BYTES // len(comparison.run_views))
        if len(comparison.run_views) == 1:
            section.blocks += rows
        elif rows:
            section.parts.append(Section(f"gallery-{i}", f"{view.dataset} · {view.configuration}", list(rows)))
    return section


def _failures(comparison: Comparison) -> Section:
    section = Section("failures", "Failures")
    if "jobs" not in comparison.tables:
        section.blocks.append(Text("Whether runs failed is not known: there is no table of jobs.", "note"))
    elif (comparison.tables["jobs"]["status"] == DONE).all():
        section.blocks.append(Text("Every run completed: none collapsed, diverged or is missing."))
    else:
        section.blocks.append(
            Text("Runs that collapsed, diverged or are missing count as outcomes; no mean hides them.")
        )
    section.blocks += [table for view in comparison.run_views if (table := tables.failure_table(view)) is not None]
    section.blocks += [table for view in comparison.views if (table := tables.undefined_table(view)) is not None]
    return section


def _methods(comparison: Comparison) -> Section:
    text = "\n\n".join(methods.methods(comparison))
    return Section("methods", "Methods", [Code(text, "Methods text for a paper", prose=True)])


def _provenance(comparison: Comparison) -> Section:
    facts, blocks = methods.provenance({k: v for k, v in comparison.provenance.items() if k != "losses"})
    facts = [
        ("Report made", comparison.created),
        ("Baseline", comparison.baseline),
        ("Seed of the figures", str(comparison.seed)),
        *facts,
    ]
    section = Section("provenance", "How this was made", [Definitions(facts)])
    section.blocks += [Code(text, label) for label, text in blocks]
    losses = comparison.provenance.get("losses") or {}
    if losses:
        section.blocks.append(tables.loss_table(comparison, losses))
    return section


def _references(comparison: Comparison) -> Section:
    found = bibliography.references(comparison.provenance.get("losses") or {})
    return Section(
        "references",
        "References",
        [References([bibliography.linked(text) for text in found]), Code(bibliography.bibtex(found), "BibTeX")],
    )
