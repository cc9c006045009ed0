"""The contents of the report, in reading order."""

import re
from collections.abc import Callable, Sequence

from nnunet_losses.report import bibliography, gallery, methods, tables
from nnunet_losses.report.blocks import Block, Code, Definitions, Figure, References, Section, Table, Text
from nnunet_losses.report.figures import (
    cost,
    differences,
    distribution,
    lesion_size,
    pairwise,
    ranking,
    recall_precision,
    training,
)
from nnunet_losses.report.numbers import enumerate_words
from nnunet_losses.report.study import Study, View
from nnunet_losses.report.verdict import verdict

Maker = Callable[[View], Figure | Table | None]

# Title, what makes it, and what is missing if it makes nothing.
PARTS: tuple[tuple[str, tuple[Maker, ...], str], ...] = (
    ("Ranking", (tables.ranking_table,), "a ranking"),
    ("Distribution", (distribution.draw,), "values of the cases"),
    ("Differences from the baseline", (differences.draw,), "the baseline beside another loss"),
    ("Every pair of losses", (pairwise.draw, tables.pairwise_table), "a comparison of pairs"),
    ("Recall and precision", (recall_precision.draw,), "recall and precision per case"),
    ("Lesions by size", (lesion_size.draw,), "the table of lesions"),
)
RUN_PARTS: tuple[tuple[str, tuple[Maker, ...], str], ...] = (
    ("Training", (training.pseudo_dice, training.losses), "the table of training curves"),
    ("Time and memory", (tables.cost_table, cost.draw), "the table of jobs with a completed run"),
)


def first_screen(study: Study) -> list[Block]:
    """The verdict of the first view in full; of further views, their verdicts in words."""
    first, *others = study.views
    blocks: list[Block] = []
    for view in study.views:
        told = verdict(view)
        if others:
            blocks.append(Text(view.title, "kicker"))
        blocks += [Text(told.headline, "headline"), Text(told.detail, "lead")]
    blocks += [block for maker in (tables.verdict_table, ranking.draw) if (block := maker(first)) is not None]
    return blocks


def contents(study: Study) -> list[Section]:
    """All sections after the first screen; those without contents say what is missing."""
    found = [_results(view, first=i == 0) for i, view in enumerate(study.views)]
    found += _runs(study)
    found += [_gallery(study), _failures(study), _methods(study), _provenance(study), _references(study)]
    return [section for section in found if not section.empty]


def slug(*words: str) -> str:
    """An anchor made of plain letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-") or "part"


def _results(view: View, *, first: bool) -> Section:
    number = view.study.views.index(view) + 1
    section = Section(f"results-{number}", f"Results: {view.title}")
    if not first:
        told = verdict(view)
        section.blocks += [Text(f"{told.headline} {told.detail}", "lead")]
        section.blocks += [
            block for maker in (tables.verdict_table, ranking.draw) if (block := maker(view)) is not None
        ]
    section.parts, missing = _parts(view, PARTS, section.anchor)
    if missing:
        section.blocks.append(Text(f"Not shown, for want of {enumerate_words(missing, 20)}.", "note"))
    others = [m for m in view.study.metrics if m != view.metric_name and not view.of_metric(m).values.empty]
    if others:
        section.parts.append(_other_metrics(view, others, section.anchor))
    return section


def _parts(
    view: View, parts: Sequence[tuple[str, tuple[Maker, ...], str]], anchor: str
) -> tuple[list[Section], list[str]]:
    made, missing = [], []
    for title, makers, needs in parts:
        blocks: list[Block] = [block for maker in makers if (block := maker(view)) is not None]
        if blocks:
            made.append(Section(f"{anchor}-{slug(title)}", title, blocks))
        else:
            missing.append(needs)
    return made, missing


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
        part.blocks += [block for maker in makers if (block := maker(other)) is not None]
        section.parts.append(part)
    return section


def _runs(study: Study) -> list[Section]:
    """Training and cost, once per data set and configuration."""
    seen: dict[tuple[str, str], View] = {}
    for view in study.views:
        seen.setdefault((view.dataset, view.configuration), view)
    made = []
    for i, view in enumerate(seen.values(), 1):
        where = f": {view.dataset} · {view.configuration}" if len(seen) > 1 else ""
        section = Section(f"runs-{i}", f"Training and cost{where}")
        section.parts, missing = _parts(view, RUN_PARTS, section.anchor)
        if missing:
            section.blocks.append(Text(f"Not shown, for want of {enumerate_words(missing)}.", "note"))
        made.append(section)
    return made


def _gallery(study: Study) -> Section:
    section = Section("gallery", "Gallery")
    if study.gallery is None or study.gallery.empty:
        section.blocks.append(Text("Not shown: no images were given.", "note"))
        return section
    section.blocks.append(Text(gallery.KEY, "key"))
    shown: set[tuple[str, str]] = set()
    views = [v for v in study.views if (v.dataset, v.configuration) not in shown and not shown.add((v.dataset, v.configuration))]  # type: ignore[func-returns-value]  # fmt: skip
    for view in views:
        rows = gallery.tiles(view, gallery.MOST_BYTES // len(views))
        if len(views) == 1:
            section.blocks += rows
        elif rows:
            section.parts.append(Section(f"gallery-{slug(view.dataset, view.configuration)}",
                                         f"{view.dataset} · {view.configuration}", list(rows)))  # fmt: skip
    return section


def _failures(study: Study) -> Section:
    section = Section("failures", "Failures")
    seen: set[tuple[str, str]] = set()
    for view in study.views:
        makers: tuple[Maker, ...] = (tables.undefined_table,)
        if (view.dataset, view.configuration) not in seen:
            makers = (tables.failure_table, tables.undefined_table)
        seen.add((view.dataset, view.configuration))
        section.blocks += [block for maker in makers if (block := maker(view)) is not None]
    if "jobs" not in study.tables:
        section.blocks.insert(0, Text("Whether runs failed is not known: there is no table of jobs.", "note"))
    elif (study.tables["jobs"]["status"] == "completed").all():
        section.blocks.insert(0, Text("Every run completed: none collapsed, diverged or is missing."))
    else:
        section.blocks.insert(
            0, Text("Runs that collapsed, diverged or are missing count as outcomes; no mean hides them.")
        )
    return section


def _methods(study: Study) -> Section:
    text = "\n\n".join(methods.methods(study))
    return Section("methods", "Methods", [Code(text, "Methods text for a paper")])


def _provenance(study: Study) -> Section:
    facts, blocks = methods.provenance({k: v for k, v in study.runs.items() if k != "losses"})
    facts = [("Report made", study.created), ("Baseline", study.baseline), ("Random seed of the statistics", str(study.seed)),
             *facts]  # fmt: skip
    section = Section("provenance", "How this was made", [Definitions(facts)])
    section.blocks += [Code(text, label) for label, text in blocks]
    losses = study.runs.get("losses") or {}
    if losses:
        section.blocks.append(tables.loss_table(study, losses))
    return section


def _references(study: Study) -> Section:
    found = bibliography.references(study.runs.get("losses") or {})
    return Section(
        "references",
        "References",
        [References([bibliography.linked(text) for text in found]), Code(bibliography.bibtex(found), "BibTeX")],
    )
