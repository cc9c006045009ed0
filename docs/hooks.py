"""What mkdocs adds to the pages: tables made from the code, so that there is no second copy of any fact.

Below the function of a loss (``::: nnunet_losses.losses.tversky_loss``) comes the table of its hyper-parameters. A line
``{{ metrics }}`` becomes the table of that name, see ``TABLES``.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from nnunet_losses.base.metrics import METRICS, Metric
from nnunet_losses.base.metrics.challenges import CHALLENGE_METRICS, CHALLENGES
from nnunet_losses.base.tables.results import RESULTS
from nnunet_losses.base.tables.schema import Table
from nnunet_losses.losses import CATALOGUE, Loss, Parameter
from nnunet_losses.statistics import TABLES as STATISTICS


def on_page_markdown(markdown: str, **_: object) -> str:
    """Called by mkdocs with the text of each page."""
    markdown = re.sub(r"^::: nnunet_losses\.losses\.\w+_loss$", _with_hyper_parameters, markdown, flags=re.MULTILINE)
    return re.sub(r"^\{\{ (\w+) \}\}$", lambda found: TABLES[found[1]](), markdown, flags=re.MULTILINE)


def _with_hyper_parameters(found: re.Match[str]) -> str:
    of_function = {loss.functional.__name__: loss for loss in CATALOGUE.values()}
    return f"{found[0]}\n\n{hyper_parameters(of_function[found[0].rpartition('.')[2]])}"


def hyper_parameters(loss: type[Loss]) -> str:
    """The table of the hyper-parameters of a loss; empty if it has none."""
    if not loss.hyper_parameters:
        return ""
    head = (
        "in a trainer's name",
        "keyword",
        "default",
        "values",
        "letter in the paper",
        "what it is",
        "a larger value",
    )
    rows = [_hyper_parameter(p, loss.defaults()[p.keyword]) for p in loss.hyper_parameters]
    return markdown_table(head, rows)


def _hyper_parameter(parameter: Parameter, default: object) -> tuple[str, ...]:
    if parameter.keyword == "base":
        spelling, values = "`<loss>`", "a loss"
    elif parameter.choices:
        spelling, values = ", ".join(f"`{choice}`" for choice in parameter.choices if choice != default), "a choice"
    elif parameter.type is bool:
        spelling, values = f"`{parameter.option}`", "on or off"
    else:
        spelling = f"`{parameter.option}<{'n' if parameter.type is int else 'x'}>`"
        values = parameter.range.removeprefix("a finite number").strip() or "any number"
    if parameter.none:
        spelling, values = f"{spelling}, `{parameter.none}`", f"{values}, or None"
    effect = f"on: {parameter.effect}" if parameter.type is bool else parameter.effect
    return spelling, f"`{parameter.keyword}`", _shown(default), values, parameter.letter or "–", parameter.help, effect


def _shown(default: object) -> str:
    """A default value as one would write it."""
    if isinstance(default, bool):
        return "on" if default else "off"
    return f"{default:g}" if isinstance(default, float) else str(default)


def metrics() -> str:
    """The table of all metrics."""
    head = ("metric", "name in reports", "unit", "better", "values", "margin", "without a reference", "definition")
    return markdown_table(head, [_metric(metric) for metric in METRICS.values()])


def challenges() -> str:
    """The table of all presets."""
    head = ("preset", "what", "read in", "left out")
    rows = [(f"`{c.name}`", c.title, c.source, c.leaves_out or "nothing") for c in CHALLENGES.values()]
    return markdown_table(head, rows)


def challenge_metrics() -> str:
    """The table of the scores of all presets."""
    head = ("metric", "name in reports", "unit", "better", "values", "margin", "without a reference", "definition")
    return markdown_table(head, [_metric(metric) for metric in CHALLENGE_METRICS.values()])


def _metric(metric: Metric) -> tuple[str, ...]:
    low, high = metric.bounds
    return (
        f"`{metric.name}`",
        metric.long_name,
        metric.unit,
        "higher" if metric.higher_is_better else "lower",
        f"{low:g} to {high:g}" if metric.is_share else f"≥ {low:g}",
        f"{metric.margin:g}" if metric.margin else "–",
        "undefined" if metric.needs_reference else "counts",
        metric.description,
    )


def markdown_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def schemas(tables: Iterable[Table]) -> str:
    """What each of several tables holds."""
    return "\n\n".join(table.describe() for table in tables)


def security() -> str:
    """The file that GitHub shows, with its links as from here."""
    root = Path(__file__).parents[1]
    return (root / "SECURITY.md").read_text(encoding="utf-8").replace("](docs/", "](")


def kills() -> str:
    """What benchmarks/kills.py has found so far, and in which steps it killed the study."""
    file = Path(__file__).parents[1] / "benchmarks" / "results" / "kills.json"
    results = json.loads(file.read_text(encoding="utf-8"))
    done, runs = results["kills"], results["runs"]
    same = sum(run["came_to_its_end"] and run["nothing_left_to_do"] and not run["differing"] for run in runs)
    steps = Counter(
        step for kill in done for step in [f"`{name}`" for name in kill["steps"]] or ["no step of the study"]
    )
    rows = [
        ("kills", f"{len(done)}"),
        ("of these, with two concurrent starts", f"{sum(kill['starts'] == 2 for kill in done)}"),
        ("repetitions of the study that were killed and then finished", f"{len(runs)}"),
        ("of these, with the same results as the undisturbed study", f"{same}"),
        ("files compared in each", f"{len(results['reference']['fingerprints'])}"),
        *((f"kills during {step}", f"{number}") for step, number in steps.most_common()),
    ]
    return markdown_table(("", "number"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "metrics": metrics,
    "challenges": challenges,
    "challenge_metrics": challenge_metrics,
    "results": lambda: schemas(RESULTS.values()),
    "statistics": lambda: schemas(STATISTICS.values()),
    "security": security,
    "kills": kills,
}
