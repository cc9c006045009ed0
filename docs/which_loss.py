"""Write docs/which-loss.md from the tables of the page across studies: ``make which-loss``.

Every number on the page comes from these tables (reports/across/data) or from config/published; where there is none,
the page says "not measured".
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

import pandas as pd
import yaml
from scipy.stats import kendalltau

from nnunet_losses.base.files import write_atomically
from nnunet_losses.base.metrics import metric_named
from nnunet_losses.base.states import Question, Verdict, Word
from nnunet_losses.report.names import short_names
from nnunet_losses.report.numbers import enumerate_words, interval, number, percent
from nnunet_losses.study.published import read_published

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("which-loss.md")
EVIDENCE = ROOT / "reports" / "across" / "data"
NOT_MEASURED = "not measured"
SAMPLING = "_lesionsampling"
"""In the names of trainers whose patches are drawn by lesion."""
ROWS = (Question.OVERLAP, Question.OWN_THRESHOLD, Question.LESIONS, Question.SMALL_LESIONS, Question.FALSE_ALARMS)
SIGNS = {
    Word.BETTER: "better", Word.WORSE: "worse", Word.EQUIVALENT: "equivalent", Word.NOT_WORSE: "not worse",
    Word.NOT_BETTER: "not better", Word.UNDECIDED: "undecided",
}  # fmt: skip
WHERE = ["study", "dataset", "configuration", "label"]

HEAD = """# Which loss?

<!-- Made by `make which-loss` from reports/across and config/published; do not edit. -->

For somebody with a data set: what the studies in this repository found, what papers found, how large the effect of the
loss is beside others, and how to find out for your own data. Words are those of [the decision](decision.md); every
difference is one from the baseline, in the direction of benefit, with an interval that holds for all pairs of its table
at once. Italics: of the trained models only, because each loss was trained once.
"""
ADVICE = """## What to run for your own data

```bash
nnunet-losses init /path/to/data        # a data-set file, a pilot and a full study, with reasons and costs
nnunet-losses run --configfile config/studies/NAME-pilot.yaml
```

1. Run the pilot that `init` proposes, with at least two seeds: with one training for each loss, the luck of training
   cannot be told from the loss.
2. Read the row of the question that matters to you: overlap, small lesions or false alarms. Look at the own threshold,
   too: what a loss gains in recall, another may gain by a lower threshold
   ([operating points](howto/operating-point.md)).
3. Take to the full study the losses that the pilot could not tell from the best, and declare the decision before it
   starts (key `decision` of a study).
"""
WEAK = """## What is weak about this evidence

- Networks are small and trainings short, made to fit a processor. One study has nnU-Net's own plans, with few losses
  and one seed. Its trainings are short, too: its numbers say how soon a loss begins to learn, not what it reaches.
- There are few cases and few data sets; the painted MS lesions are semi-synthetic.
- On the hippocampus, all folds of a seed began with equal weights, so that seeds are counted as trainings, not folds.
- A word rests on the trainings that have finished; the number of them stands beside each data set.
- A lesion counts as found if the prediction touches it. A loss that marks the whole brain as one component, as Dice
  with inverse weighting does on the painted MS lesions, therefore finds nearly all of them with few false alarms.
- Published numbers come from other networks and preprocessing, often from one training for each loss and without an
  interval.
"""


def evidence(folder: Path = EVIDENCE) -> dict[str, pd.DataFrame]:
    """The tables of the page across studies, by name, their rows by study; empty if it was not made."""
    tables = {file.stem: pd.read_csv(file, keep_default_na=True) for file in sorted(folder.glob("*.csv"))}
    return {name: table.sort_values("study", kind="stable") for name, table in tables.items()}


def page(tables: dict[str, pd.DataFrame], studies: Sequence[str], published: pd.DataFrame) -> str:
    """The whole page."""
    parts = [
        HEAD,
        in_short(tables, published),
        decisions(tables, studies),
        effects(tables),
        claims(tables),
        pilot(tables),
        networks(tables),
        papers(published),
        ADVICE,
        WEAK,
    ]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def places_of(
    tables: dict[str, pd.DataFrame], study: dict[str, object]
) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Each label of a study's data set, the answers there, and the decisions between a loss and the baseline."""
    answers, decided = tables["answers"], tables["decisions"]
    own = answers[(answers["study"] == study["study"]) & (answers["dataset"] == study["dataset"])]
    for label, here in own.groupby("label", sort=False):
        beside = decided[
            (decided["trainer_b"] == study["baseline"]) & (decided[WHERE] == here.iloc[0][WHERE]).all(axis=1)
        ]
        yield str(label), here, beside


def in_short(tables: dict[str, pd.DataFrame], published: pd.DataFrame) -> str:
    """The decision table: for each data set and label, and for what papers published, the best losses by question."""
    rows = []
    for study in tables["studies"].to_dict("records") if "studies" in tables else []:
        for label, answers, pairs in places_of(tables, study):
            names, _ = short_names(list(dict.fromkeys(answers["trainer"])))
            everything = _at(tables["decisions"], answers.iloc[0][WHERE].tolist())
            cells = [_best(answers[answers["question"] == str(q)], everything, pairs, names) for q in ROWS]
            title = study["title"].removeprefix("Which loss? ").partition(",")[0]
            where = _link(study["study"], f"{title} · {label}")
            rows.append([f"{where}, {study['trainings']} trainings of {study['trainers']} losses", *cells])
    shown = {Question.OVERLAP: "dice", Question.LESIONS: "average_recall"}
    of_papers = [_best_published(published, shown[q]) if q in shown else "–" for q in ROWS]
    note = (
        "The losses that no other loss beats beyond doubt, the highest first. **Bold**: better beyond doubt than "
        "nnU-Net's own loss, as far as [so few seeds](#what-is-weak-about-this-evidence) tell. *None*: nothing tells "
        "the losses apart. Few false alarms are worth something only where lesions are found, and lesions found only "
        "where overlap is kept: one component over a whole organ finds them all. The last row gives the loss with the "
        "highest number in each published comparison, however small its lead, in the authors' words.\n\n"
    )
    head = ["data set · label", *map(str, ROWS)]
    return "## In short\n\n" + note + table(head, [*rows, ["[papers](#what-papers-found)", *of_papers]]) + "\n"


def _best(answers: pd.DataFrame, everything: pd.DataFrame, pairs: pd.DataFrame, names: dict[str, str]) -> str:
    """The best losses of one question; none of them is known by single models alone."""
    if answers.empty:
        return NOT_MEASURED
    metric = str(answers["metric"].iloc[0])
    own = everything[(everything["metric"] == metric) & (everything["word"] != str(Word.NOT_COMPARABLE))]
    if set(own["subject"]) == {"models"}:
        return "one training for each loss"
    if len(own) and set(own["word"]) == {str(Word.EQUIVALENT)}:
        return "all equivalent"
    best = answers[answers["best"]].sort_values("value", ascending=not metric_named(metric).higher_is_better)
    beside = pairs[(pairs["metric"] == metric) & (pairs["word"] == str(Word.BETTER)) & (pairs["subject"] != "models")]
    better = set(beside["trainer_a"])
    told = [f"**{names[trainer]}**" if trainer in better else names[trainer] for trainer in best["trainer"]]
    return enumerate_words(told, 6) if told else "*none*"


def _best_published(published: pd.DataFrame, metric: str) -> str:
    """The highest published number of each comparison of three losses or more by a metric."""
    best = [
        f"{own.loc[own['value'].idxmax(), 'loss']} ({data.partition(',')[0].partition(' (')[0]})"
        for (data, _, _), own in compared(published[published["metric"] == metric])
    ]
    return enumerate_words(list(dict.fromkeys(best)), 8) if best else NOT_MEASURED


def decisions(tables: dict[str, pd.DataFrame], studies: Sequence[str]) -> str:
    """A table for each data set and label: what each loss is, beside the baseline."""
    parts = ["## What was found here"]
    done = set(tables["studies"]["study"]) if "studies" in tables else set()
    for study in studies:
        if study not in done:
            parts.append(f"### {study}\n\n{NOT_MEASURED[0].upper()}{NOT_MEASURED[1:]} yet.")
            continue
        for row in tables["studies"].query("study == @study").to_dict("records"):
            told = f"{row['trainings']} of {row['asked']} trainings, {row['cases']} cases."
            parts.append(f"### {row['title']}\n\n{_link(study, study)}: {told}{_headlines(study)}")
            for label, answers, pairs in places_of(tables, row):
                parts.append(f"**{label}**\n\n{_card(pairs, answers, str(row['baseline']))}")
    return "\n\n".join(parts) + "\n"


def _headlines(study: str) -> str:
    """What the committed report of a study says first, as it says it."""
    file = ROOT / "reports" / study / "data" / "verdict.json"
    told = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    several = len(told) > 1
    return "".join(f"\n\n> {view['view'] + ': ' if several else ''}{view['headline']}" for view in told)


def _card(pairs: pd.DataFrame, answers: pd.DataFrame, base: str) -> str:
    trainers = list(dict.fromkeys(answers["trainer"]))
    names, _ = short_names(trainers)
    asked = [q for q in ROWS if (answers["question"] == str(q)).any()]
    rows = []
    for trainer in sorted(trainers, key=lambda t: (t != base, -_value(answers, Question.OVERLAP, t))):
        cells = [_cell(pairs, answers[answers["question"] == str(q)], trainer, base) for q in asked]
        rows.append([f"{names[trainer]}{' (baseline)' if trainer == base else ''}", *cells])
    return table(["loss", *map(str, asked)], rows)


def _value(answers: pd.DataFrame, question: Question, trainer: str) -> float:
    own = answers[(answers["question"] == str(question)) & (answers["trainer"] == trainer)]["value"]
    return float(own.iloc[0]) if len(own) and pd.notna(own.iloc[0]) else float("-inf")


def _cell(pairs: pd.DataFrame, answers: pd.DataFrame, trainer: str, base: str) -> str:
    own = answers[answers["trainer"] == trainer]
    if own.empty:
        return NOT_MEASURED
    row = own.iloc[0]
    digits = 1 if row["metric"] == "false_positive_count" else 3
    if trainer == base:
        return number(row["value"], digits)
    pairs = pairs[(pairs["metric"] == row["metric"]) & (pairs["trainer_a"] == trainer)]
    if pairs.empty or pairs.iloc[0]["word"] == Word.NOT_COMPARABLE:
        return "not comparable"
    pair = pairs.iloc[0]
    told = f"{SIGNS[Word(pair['word'])]} {interval(pair['difference'], pair['low'], pair['high'], digits, signed=True)}"
    return f"*{told}*" if pair["subject"] == "models" else told


def effects(tables: dict[str, pd.DataFrame]) -> str:
    """How large the effect of the loss is, beside threshold, patch sampling, cases and seeds."""
    head = "## How large is the effect of the loss?\n\n"
    if "variance" not in tables:
        return f"{head}{NOT_MEASURED[0].upper()}{NOT_MEASURED[1:]} yet.\n"
    rows = []
    for place, own in tables["variance"].groupby(WHERE, sort=False):
        shares = dict(zip(own["source"], own["share"], strict=True))
        answers, thresholds = (_at(tables[name], place) for name in ("answers", "thresholds"))
        by_loss = answers[~answers["trainer"].str.contains(SAMPLING)]
        values = by_loss.loc[by_loss["question"] == str(Question.OVERLAP), "value"]
        spread = answers.loc[answers["question"] == str(Question.STABILITY), "value"]
        gain = thresholds["gain"] if len(thresholds) else pd.Series(dtype=float)
        rows.append(
            [
                _link(place[0], f"{place[1]} · {place[3]}"),
                _told(values.max() - values.median()),
                _told(gain.median()),
                _told(spread.median()),
                _told(_of_sampling(answers)),
                *(percent(shares.get(source, float("nan"))) for source in ("loss", "training", "case")),
            ]
        )
    columns = [
        "data set · label", "best loss − median loss", "own threshold (median gain)", "trainings (median SD)",
        "patches by lesion (median gain)", "variance: loss", "training", "case",
    ]  # fmt: skip
    note = (
        "Of the primary metric. The first columns are differences of it; the last three are shares of all variance "
        "over losses, trainings and cases, collapsed trainings included. Patches by lesion (`lesionsampling`) are "
        "compared with nnU-Net's own, by the same losses; they count as losses of their own in the variance.\n\n"
    )
    return head + note + table(columns, rows) + "\n"


def _of_sampling(answers: pd.DataFrame) -> float:
    """By how much overlap is higher with patches by lesion, the median over the losses that were trained both ways."""
    found = answers[answers["question"] == str(Question.OVERLAP)].set_index("trainer")["value"]
    pairs = ((name, name.replace(SAMPLING, "")) for name in found.index if SAMPLING in name)
    return pd.Series([found[name] - found[plain] for name, plain in pairs if plain in found], dtype=float).median()


def _at(frame: pd.DataFrame, place: Sequence[object]) -> pd.DataFrame:
    return frame[(frame[WHERE] == pd.Series(dict(zip(WHERE, place, strict=True)))).all(axis=1)] if len(frame) else frame


def _told(value: float) -> str:
    return NOT_MEASURED if pd.isna(value) else number(value, 3)


def claims(tables: dict[str, pd.DataFrame]) -> str:
    """How many claims of each paper hold, over data sets and labels."""
    head = "## Do the papers' conclusions hold?\n\n"
    found = tables.get("claims", pd.DataFrame())
    tested = found[found["verdict"] != str(Verdict.NOT_TESTABLE)] if len(found) else found
    if tested.empty:
        return f"{head}{NOT_MEASURED[0].upper()}{NOT_MEASURED[1:]} yet.\n"
    words = [Verdict.HOLDS, Verdict.DOES_NOT_HOLD, Verdict.UNDECIDED]
    rows = []
    for (paper, says), own in tested.groupby(["paper", "says"], sort=False):
        where = enumerate_words(list(dict.fromkeys(own["dataset"].str.partition("_")[2])))
        rows.append([paper, says, *(_counted(own[own["verdict"] == str(word)]) for word in words), where])
    link = (
        '<a href="../reports/across/index.html">Every claim by every data set</a>, with differences and intervals. '
        "A claim about several losses is judged by those that were trained; that page says which were not. "
        "Italics: all of these are of the trained models only.\n\n"
    )
    return head + link + table(["paper", "claim", *map(str, words), "judged on"], rows) + "\n"


def _counted(judged: pd.DataFrame) -> str:
    """How many there are, in italics if all are of the trained models only."""
    of_models = len(judged) > 0 and bool((judged["subject"] == "models").all())
    return f"*{len(judged)}*" if of_models else str(len(judged))


def pilot(tables: dict[str, pd.DataFrame]) -> str:
    """Rank agreement of shorter and cheaper studies with the whole."""
    head = "## How short may a pilot be?\n\n"
    found = tables.get("pilot", pd.DataFrame())
    if found.empty:
        return f"{head}{NOT_MEASURED[0].upper()}{NOT_MEASURED[1:]} yet.\n"
    rows = [
        [
            _link(row["study"], f"{row['dataset']} · {row['label']}"), row["pilot"], str(row["n_losses"]),
            interval(row["tau"], row["low"], row["high"], 2, signed=True),
            "–" if pd.isna(row["same_best"]) else "yes" if row["same_best"] else "no",
            "" if pd.isna(row["reason"]) else str(row["reason"]),
        ]
        for row in found.to_dict("records")
    ]  # fmt: skip
    note = (
        "Kendall's τ between the order of the losses in the pilot and in the whole study; the interval resamples "
        "trainings. Lengths are of one training, cut short: its learning rate had not yet fallen. One seed is part of "
        "the whole that it is held against.\n\n"
    )
    return (
        head
        + note
        + table(["data set · label", "pilot", "losses", "τ [95 %]", "same best loss", "reservation"], rows)
        + "\n"
    )


def networks(tables: dict[str, pd.DataFrame]) -> str:
    """Rank agreement of two configurations of one data set, over the losses that both trained."""
    head = "## Do other networks order the losses in the same way?\n\n"
    answers = tables.get("answers", pd.DataFrame())
    parts = []
    for (dataset, label), own in answers.groupby(["dataset", "label"], sort=False) if len(answers) else ():
        trained = {place: _by_loss(found) for place, found in own.groupby(["study", "configuration"], sort=False)}
        for (first, small), (second, large) in combinations(trained.items(), 2):
            if first[1] == second[1]:
                continue
            both = small.merge(large, left_index=True, right_index=True, suffixes=("_a", "_b"))
            rows = [row for question in ROWS for row in _agreement(both, question)]
            columns = ["question", "losses", "τ", "best in the first", "best in the second"]
            places = " and ".join(
                f"{_link(study, study)} ({configuration})" for study, configuration in (first, second)
            )
            told = f"**{dataset} · {label}**, {places}"
            parts += [told, table(columns, rows)] if rows else []
    if not parts:
        return f"{head}{NOT_MEASURED[0].upper()}{NOT_MEASURED[1:]} yet.\n"
    note = (
        "Kendall's τ between the orders of the losses by which two networks learned from the same data, no interval. "
        "A loss that predicts nothing is the best in false alarms."
    )
    return head + "\n\n".join([note, *parts]) + "\n"


def _agreement(both: pd.DataFrame, question: Question) -> Iterator[list[str]]:
    """A row for each metric of a question that both have of three losses or more."""
    for metric, pair in both[both.index.get_level_values("question") == str(question)].groupby("metric", sort=False):
        known = pair.dropna(subset=["value_a", "value_b"]).droplevel(["question", "metric"])
        if len(known) > 2:
            values = known if metric_named(str(metric)).higher_is_better else -known
            tau = kendalltau(values["value_a"], values["value_b"]).statistic
            told = NOT_MEASURED if pd.isna(tau) else number(tau, 2, signed=True)
            best = [str(values[column].idxmax()) for column in ("value_a", "value_b")]
            yield [str(question), str(len(known)), told, *best]


def _by_loss(answers: pd.DataFrame) -> pd.DataFrame:
    """The values of a study by question, metric and the short name of the loss."""
    names, _ = short_names(list(dict.fromkeys(answers["trainer"])))
    return answers.assign(loss=answers["trainer"].map(names)).set_index(["question", "metric", "loss"])[["value"]]


def compared(published: pd.DataFrame) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Data, label and metric of every published comparison of three losses or more, with its numbers."""
    shown = published[(published["trainer"] != "") & ~published["procedure"].str.endswith("_full")]
    for (data, label, metric, _), own in shown.groupby(["data", "label", "metric", "procedure"], sort=False):
        if own["loss"].nunique() >= 3:
            yield (data, label, metric), own


def papers(published: pd.DataFrame) -> str:
    """Of every published comparison: the best loss and the worst."""
    rows = []
    shown = published[published["metric"].isin(["dice", "f2", "average_recall", "lesion_recall"])]
    for (data, label, metric), own in compared(shown):
        first, last = own.loc[own["value"].idxmax()], own.loc[own["value"].idxmin()]
        where = " · ".join(filter(None, (data, label)))
        rows.append(
            [where, metric.replace("_", " "), str(own["loss"].nunique()),
             f"{first['loss']} {number(first['value'], 3)}", f"{last['loss']} {number(last['value'], 3)}",
             own["source"].iloc[0], own["mark"].iloc[0]]
        )  # fmt: skip
    columns = ["data", "metric", "losses", "highest", "lowest", "source", "read in"]
    return "## What papers found\n\nNumbers as published, without intervals.\n\n" + table(columns, rows) + "\n"


def _link(study: str, words: str) -> str:
    """A link to the report of a study, else to its kept tables, or to the page across studies if those stay away."""
    target = f"reports/{study}/report.html"
    if not (ROOT / target).is_file():
        target = f"reports/{study}/trainings"
        if f"/{target}/" in (ROOT / ".gitignore").read_text().splitlines():
            target = "reports/across/index.html"
    return f'<a href="../{target}">{words}</a>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(re.sub(r"\s+", " ", cell).replace("|", r"\|") for cell in line) + " |" for line in lines
    )


def which_studies() -> list[str]:
    """The studies that the page is about, whether they have run or not."""
    files = (ROOT / "config" / "studies").glob("which-loss-*.yaml")
    return sorted(yaml.safe_load(file.read_text(encoding="utf-8"))["study"] for file in files)


def made() -> str:
    """The page as it should be."""
    published = read_published(sorted((ROOT / "config" / "published").glob("*.csv")))
    return page(evidence(), which_studies(), published)


if __name__ == "__main__":
    with write_atomically(PAGE) as temporary:
        temporary.write_text(made(), encoding="utf-8")
