"""What mkdocs adds to the pages: tables made from the code, so that there is no second copy of any fact.

Below the function of a loss (``::: nnunet_losses.losses.tversky_loss``) comes the table of its hyper-parameters. A line
``{{ metrics }}`` becomes the table of that name, see ``TABLES``.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

from nnunet_losses.base.metrics import METRICS, Metric
from nnunet_losses.base.metrics.challenges import CHALLENGE_METRICS, CHALLENGES, Challenge
from nnunet_losses.base.tables.results import RESULTS
from nnunet_losses.base.tables.schema import Table
from nnunet_losses.losses import CATALOGUE, Loss, Parameter
from nnunet_losses.nnunet.names.changes import CHANGES
from nnunet_losses.nnunet.training.changes import choices_of
from nnunet_losses.statistics import TABLES as STATISTICS

RESULTS_FOLDER = Path(__file__).parents[1] / "benchmarks" / "results"


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
    head = ("preset", "what", "read in", "left out", "ranking")
    rows = [
        (f"`{c.name}`", c.title, c.source, c.leaves_out or "nothing", rule_of_ranking(c)) for c in CHALLENGES.values()
    ]
    return markdown_table(head, rows)


def rule_of_ranking(challenge: Challenge) -> str:
    """How a challenge ranks, in words; a dash if that is not known."""
    rule = challenge.ranking
    if rule is None:
        return "–"
    weighted = len(set(rule.weights.values())) > 1
    scores = ", ".join(f"`{name}`" + (f" ({weight:g})" if weighted else "") for name, weight in rule.weights.items())
    how = "ranks in every case, averaged" if rule.by_case else "ranks of the means, averaged"
    tie = f"; ties by `{rule.tie}`" if rule.tie else ""
    lacks = f"; without {rule.leaves_out}" if rule.leaves_out else ""
    return f"{how}: {scores}{tie}{lacks} ({rule.source})"


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


def datasets() -> str:
    """The table of all described data sets, and what is to know of each."""
    # Paths of data sets hold variables, which need not be set to read the page.
    files = sorted((Path(__file__).parents[1] / "config" / "datasets").glob("*.yaml"))
    known = [(file.stem, yaml.safe_load(file.read_text(encoding="utf-8"))) for file in files]
    known = [(name, content) for name, content in known if "about" in content]
    head = ("file", "data set", "access", "images", "patients", "licence", "paper")
    rows, texts = [], []
    for name, content in known:
        about = content["about"]
        rows.append(
            (
                f"`{name}`",
                content["description"],
                f"[{about['access']}]({about['page']})" if "page" in about else about["access"],
                ", ".join(about.get("modalities", [])),
                str(about.get("patients", "–")),
                content["licence"],
                about.get("paper", "–"),
            )
        )
        texts.append("\n\n".join([f"## {content['description']}", *_about(content)]))
    return "\n\n".join([markdown_table(head, rows), *texts])


def _about(content: dict[str, Any]) -> list[str]:
    """What is to know of a data set, a paragraph each."""
    about, source = content["about"], content["source"]
    original = source.get("original", {})
    labels = ", ".join(f"{name} {value}" for name, value in content["labels"].items())
    known = source.get("download", {}).get("checksum") or next(
        (file["checksum"] for file in original.get("files", []) if "checksum" in file), None
    )
    checksum = f"`{known}`" if known else "recorded at the first download" if original.get("files") else "none"
    lines = [
        f"`{content['name']}`; labels: {labels}; size: {about.get('size', 'not known')}; checksum: {checksum}.",
        f"Cite: {content.get('citation', 'nothing')}.",
    ]
    if original.get("wanted"):
        lines.append("To download by hand:\n\n" + "\n".join(f"- {line}" for line in original["wanted"]))
    excluded = original.get("exclude", {})
    reasons = Counter(excluded.values())
    left_out = [f"{number} cases: {reason}" for reason, number in reasons.items() if number > 5]
    left_out += [f"{case}: {reason}" for case, reason in excluded.items() if reasons[reason] <= 5]
    lines.append(f"Left out: {'; '.join(left_out) or 'no case'}.")
    if about.get("notes"):
        lines.append("\n".join(f"- {note}" for note in about["notes"]))
    return lines


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
    file = RESULTS_FOLDER / "kills.json"
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


def _simulated(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((RESULTS_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def decision_errors() -> str:
    """How often a word is false where no loss differs."""
    head = ("losses, folds, seeds, cases", "false \"better\" or \"worse\"", "the same, folds alone",
            "the same, test over cases", "all intervals hold")  # fmt: skip
    keys = ("false word", "false word, folds alone", "false word over cases", "all intervals hold")
    rows = [
        (name, *(_percent(row.get(key)) for key in keys))
        for name, row in _simulated("decision_simulation").items()
        if "found" not in row
    ]
    return markdown_table(head, [tuple(row) for row in rows])


def decision_power() -> str:
    """How often a difference is found."""
    head = ("losses, folds, seeds, cases, difference", "found, a pair", "at least one pair", "the same by Holm",
            "false word", "\"equivalent\", falsely")  # fmt: skip
    keys = ("found", "one found", "one found, Holm", "false word", "equivalent, falsely")
    rows = [
        (name, *(_percent(row.get(key)) for key in keys))
        for name, row in _simulated("decision_simulation").items()
        if "found" in row
    ]
    return markdown_table(head, [tuple(row) for row in rows])


def worked_cases() -> str:
    """Which headline studies of known truth end in."""
    head = ("truth", "headline by rule", "fits the truth", "required", "a false winner")
    rows = [
        (
            name,
            ", ".join(f"{rule}: {n}" for rule, n in row["rules"].items()),
            _percent(row["fits"]),
            f"{100 * row['least']:.0f}",
            _percent(row["false winner"]),
        )
        for name, row in _simulated("answer_simulation").items()
    ]
    return markdown_table(head, rows)


def pieces() -> str:
    """The table of the pieces."""
    found = [change for change in CHANGES.values() if change.kind != "recipe"]
    return markdown_table(("word", "changes", "what"), [(f"`{c.word}`", c.kind, c.help) for c in found])


def recipes() -> str:
    """The choices of each piece and recipe, a table each."""
    head = ("what", "choice", "known from", "source, or reason", "set by")
    texts = []
    for word, change in CHANGES.items():
        rows = [(c.what, c.value, c.mark, c.source, c.by) for c in choices_of(word)]
        length = f" {change.epochs} epochs of {change.iterations} iterations." if change.kind == "recipe" else ""
        texts.append(f"## `{word}`\n\n{change.help}.{length}\n\n{markdown_table(head, rows)}")
    return "\n\n".join(texts)


def fusion() -> str:
    """What benchmarks/fusion.py measured."""
    found = json.loads((RESULTS_FOLDER / "fusion.json").read_text(encoding="utf-8"))
    rows = [
        (name, f"{row['nnunet_s']:.2f} s", f"{row['bspline_s']:.2f} s", f"{row['ratio']:.2f}")
        for name, row in found.items()
        if isinstance(row, dict)
    ]
    sizes = " x ".join(map(str, found["image"][1:])), " x ".join(map(str, found["patch"]))
    told = f"An image of {sizes[0]} voxels, windows of {sizes[1]}, {found['threads']} threads ({found['hardware']})."
    return f"{told}\n\n{markdown_table(('', 'nnU-Net', 'B-spline soft voting', 'ratio'), rows)}"


TABLES: dict[str, Callable[[], str]] = {
    "metrics": metrics,
    "datasets": datasets,
    "challenges": challenges,
    "challenge_metrics": challenge_metrics,
    "results": lambda: schemas(RESULTS.values()),
    "statistics": lambda: schemas(STATISTICS.values()),
    "security": security,
    "decision_errors": decision_errors,
    "decision_power": decision_power,
    "worked_cases": worked_cases,
    "kills": kills,
    "pieces": pieces,
    "recipes": recipes,
    "fusion": fusion,
}
