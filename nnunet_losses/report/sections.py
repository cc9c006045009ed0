"""The sections of the report, each with its blocks, or with a sentence that says what is missing."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pandas as pd

from nnunet_losses.base.names import slug
from nnunet_losses.base.states import RunStatus
from nnunet_losses.base.tables.results import COLLAPSED
from nnunet_losses.report import bibliography, gallery, methods, tables
from nnunet_losses.report.blocks import (
    Block,
    Cell,
    Code,
    Column,
    Definitions,
    Figure,
    Folded,
    Link,
    References,
    Section,
    Table,
    Text,
)
from nnunet_losses.report.comparison import Comparison, View
from nnunet_losses.report.contents import APPENDIX, OTHER_METRICS, PAPERS, QUESTIONS, RUNS, Maker, Part
from nnunet_losses.report.figures import consensus
from nnunet_losses.report.numbers import count, enumerate_words
from nnunet_losses.report.verdict import verdict

MOST_VERDICTS = 3  # in full on the first screen; beyond, a table of headlines


def first_screen(comparison: Comparison) -> list[Block]:
    """The answer of the first view in full, with its card; those of further views in words."""
    first = comparison.views[0]
    blocks: list[Block] = []
    if len(comparison.views) > MOST_VERDICTS:
        blocks.append(overview(comparison))
    for view in comparison.views if len(comparison.views) <= MOST_VERDICTS else [first]:
        if len(comparison.views) > 1:
            blocks.append(Text(view.title, "kicker"))
        blocks += _answer(view, with_card=view is first)
    return blocks


def _answer(view: View, *, with_card: bool) -> list[Block]:
    """Headline, who was compared, the card, and what the answer rests on."""
    told = verdict(view)
    blocks: list[Block] = [Text(told.headline, "headline")]
    if told.left_out:
        blocks.append(Text(told.left_out, "lead"))
    if with_card:
        blocks += _cards(view)
    return blocks + ([Text(told.detail, "note")] if told.detail else [])


def _cards(view: View) -> list[Block]:
    blocks: list[Block] = []
    if (shown := tables.card.table(view)) is not None:
        blocks.append(_linked(shown, view))
    if (rest := tables.card.rest(view)) is not None:
        further = count(len(view.trainers) - tables.card.MOST_LOSSES, f"further {view.noun}", f"further {view.nouns}")
        blocks.append(Folded(f"The card of {further}", _linked(rest, view)))
    return blocks


def _linked(table: Table, view: View) -> Table:
    """The table with anchors in place of the titles of parts that its cells lead to."""
    comparison = view.comparison
    result = f"results-{comparison.views.index(view) + 1}"
    studies = [(run.dataset, run.configuration) for run in comparison.run_views]
    run = f"runs-{studies.index((view.dataset, view.configuration)) + 1}"
    of_runs = {part.title for part in RUNS}

    def anchor(title: str) -> str:
        return f"{run if title in of_runs else result}-{slug(title)}" if title else ""

    return replace(table, rows=[[replace(cell, link=anchor(cell.link)) for cell in row] for row in table.rows])


def without_dead_links(blocks: Sequence[Block], sections: Sequence[Section]) -> list[Block]:
    """The blocks, and those of the sections in place, without links to parts that have nothing to show."""
    there: set[str] = set()

    def gather(section: Section) -> None:
        there.add(section.anchor)
        for part in section.parts:
            gather(part)

    def living(block: Block) -> Block:
        if isinstance(block, Folded):
            return replace(block, block=living(block.block))  # type: ignore[arg-type]
        if not isinstance(block, Table) or block.kind != "card":
            return block
        return replace(block, rows=[[c if c.link in there else replace(c, link="") for c in row] for row in block.rows])

    for section in sections:
        gather(section)
    for section in sections:
        section.blocks = [living(block) for block in section.blocks]
    return [living(block) for block in blocks]


def overview(comparison: Comparison) -> Table:
    """One row per data set, configuration and label: which loss leads there, and how certain that is."""
    columns = [Column("Data set · configuration · label", numeric=False), Column("Verdict", numeric=False)]
    rows = [[Cell(view.title), Cell(verdict(view).headline)] for view in comparison.views]
    return Table("The answer for each data set; the first is given in full below", columns, rows)


def all_sections(comparison: Comparison, *, with_viewer: bool = False) -> list[Section]:
    """All sections after the first screen; those without contents say what is missing."""
    found = [
        _consensus(comparison),
        *(_results(view, number) for number, view in enumerate(comparison.views, 1)),
        *(_papers(view, number) for number, view in enumerate(comparison.views, 1)),
        *_runs(comparison),
        _gallery(comparison, with_viewer),
        _failures(comparison),
        *(_appendix(view, number) for number, view in enumerate(comparison.views, 1)),
        _methods(comparison),
        _provenance(comparison),
        _references(comparison),
    ]
    return [section for section in found if not section.empty]


def _made(makers: Iterable[Maker], view: View) -> list[Block]:
    """The blocks of those makers that have something to show, and may show it."""
    withheld = view.comparison.withheld
    return [block for block in _drawn(makers, view) if isinstance(block, Text) or block.source not in withheld]


def _drawn(makers: Iterable[Maker], view: View) -> list[Figure | Table | Text]:
    return [block for maker in makers if (block := maker(view)) is not None]


def _results(view: View, number: int) -> Section:
    section = Section(f"results-{number}", f"Results: {view.title}")
    if number > 1:  # the first screen has told the first one
        section.blocks += _answer(view, with_card=True)
    _add_parts(section, view, QUESTIONS)
    return section


def _papers(view: View, number: int) -> Section:
    """What papers say, beside what was found here; empty if the study names no paper."""
    where = f": {view.title}" if len(view.comparison.views) > 1 else ""
    section = Section(f"papers-{number}", f"The papers{where}")
    for part in PAPERS:
        if blocks := _made(part.makers, view):
            section.parts.append(Section(f"{section.anchor}-{slug(part.title)}", part.title, blocks))
    if told := " ".join(filter(None, (tables.claims.in_words(view), tables.published.in_words(view)))):
        section.blocks.append(Text(told))
    return section


def _appendix(view: View, number: int) -> Section:
    """The statistics in detail, and further metrics; each opens on demand."""
    where = f": {view.title}" if len(view.comparison.views) > 1 else ""
    section = Section(f"appendix-{number}", f"Statistics in detail{where}")
    _add_parts(section, view, APPENDIX, folded=True)
    others = [
        m for m in view.comparison.metrics if m != view.metric_name and view.of_metric(m).table("cases") is not None
    ]
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


def _add_parts(section: Section, view: View, parts: Sequence[Part], *, folded: bool = False) -> None:
    """Add the sub-sections that have something to show, and name the others with what they would need."""
    missing = []
    for part in parts:
        if blocks := _made(part.makers, view):
            section.parts.append(Section(f"{section.anchor}-{slug(part.title)}", part.title, blocks, folded=folded))
        else:
            why = "shows single cases" if _drawn(part.makers, view) else f"needs {part.needs}"
            missing.append(f"{part.title} ({why})")
    if missing:
        section.blocks.append(Text(f"Not shown: {enumerate_words(missing, 20)}.", "note"))


def _other_metrics(view: View, metrics: Sequence[str], anchor: str) -> Section:
    section = Section(f"{anchor}-metrics", "Other metrics")
    section.blocks.append(
        Text("These metrics are exploratory: their p-values are corrected within a metric, not across metrics.", "note")
    )
    for name in metrics:
        other = view.of_metric(name)
        part = Section(f"{anchor}-metric-{slug(name)}", other.metric.long_name, folded=True)
        part.blocks = [Text(other.metric.description, "note")]
        if other.values.empty:
            part.blocks.append(
                Text(f"There is no case in which every {view.noun} has a value: nothing to compare.", "note")
            )
        else:
            part.blocks += _made(OTHER_METRICS, other)
        section.parts.append(part)
    return section


def _runs(comparison: Comparison) -> list[Section]:
    """Training and cost, once per data set and configuration."""
    made = []
    for i, view in enumerate(comparison.run_views, 1):
        where = f": {view.dataset} · {view.configuration}" if len(comparison.run_views) > 1 else ""
        section = Section(f"runs-{i}", f"Training and cost{where}")
        _add_parts(section, view, RUNS)
        made.append(section)
    return made


def _gallery(comparison: Comparison, with_viewer: bool) -> Section:
    section = Section("gallery", "Gallery")
    if comparison.gallery is None or comparison.gallery.empty:
        why = "shows single cases" if comparison.aggregated else "no images were given"
        section.blocks.append(Text(f"Not shown: {why}.", "note"))
        return section
    section.blocks.append(Text(gallery.KEY.format(nouns=comparison.nouns), "key"))
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
        section.blocks.append(Text("It is not known whether trainings failed: there is no table of jobs.", "note"))
    else:
        section.blocks.append(Text(_fates(comparison.tables["jobs"])))
    section.blocks += [block for view in comparison.run_views for block in _made([tables.failures.runs], view)]
    section.blocks += [
        block for view in comparison.views for block in _made([tables.failures.broken, tables.failures.undefined], view)
    ]
    return section


def _fates(jobs: pd.DataFrame) -> str:
    """How many trainings completed, and how many of these collapsed."""
    completed, collapsed = jobs["status"] == RunStatus.COMPLETED, int(jobs[COLLAPSED].sum())
    ended = "Every training completed: none diverged, stopped early or is missing."
    if not completed.all():
        trainings = count(len(jobs), "training")
        ended = f"{completed.sum()} of {trainings} completed; the others diverged, stopped early or are missing."
    return f"{ended} {collapsed or 'None'} of the completed ones collapsed, that is, predicted background only."


def _methods(comparison: Comparison) -> Section:
    text = Code("\n\n".join(methods.methods(comparison)), "Methods for a paper", prose=True)
    files = {
        "With citations, in Markdown": "methods.md",
        "With citations, in LaTeX": "methods.tex",
        "With a list of references, as text": "methods.txt",
        "The references for BibTeX": "references.bib",
    }
    links = [Link(words, f"paper/{name}") for words, name in files.items()]
    return Section("methods", "Methods", [text, *links])


def _provenance(comparison: Comparison) -> Section:
    facts, blocks = methods.provenance({k: v for k, v in comparison.provenance.items() if k != "losses"})
    withheld = [("Aggregated results only", "rows, marks and pictures of single cases are withheld")]
    facts = [
        ("Report made", comparison.created),
        *(withheld if comparison.aggregated else []),
        ("Baseline", comparison.baseline),
        ("Seed of the statistics", str(comparison.seed)),
        *facts,
    ]
    section = Section("provenance", "How this report was made", [Definitions(facts)])
    section.blocks += [Code(text, label) for label, text in blocks]
    if (losses := tables.losses.table(comparison)) is not None:
        section.blocks.append(losses)
    return section


def _references(comparison: Comparison) -> Section:
    found = bibliography.of(comparison)
    return Section(
        "references",
        "References",
        [References([bibliography.linked(text) for text in found]), Code(bibliography.bibtex(found), "BibTeX")],
    )
