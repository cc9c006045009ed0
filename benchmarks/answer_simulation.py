"""Does a report say what is true? Studies of known truth, by the code that writes the headline.

    python benchmarks/answer_simulation.py [--repeats 200] [--processes 2]

Writes benchmarks/results/answer_simulation.json, a truth at a time, and goes on where it stopped. Values are made as in
benchmarks/decision_simulation.py: a case (beta distributed), plus the shift of the loss, plus what loss and case make
of each other, plus what a training is worth, plus noise of the seed; 4 % of the cases are missed.
"""

import argparse
import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from nnunet_losses.base.files import write_json
from nnunet_losses.report.comparison import Comparison
from nnunet_losses.report.verdict import Verdict, verdict
from nnunet_losses.statistics.answer.questions import Asker
from nnunet_losses.statistics.panels.results import Results

RESULTS = Path(__file__).parent / "results" / "answer_simulation.json"
WHERE = {"dataset": "Dataset001_Toy", "configuration": "3d_fullres"}
LESIONS_A_CASE, SMALL = 16, 8


@dataclass(frozen=True)
class Truth:
    """A study of known truth, and what its report has to say.

    shifts: of each loss; training_sd: of what a training is worth; interaction_sd: of what a loss and a case
    make of each other; small: what the first loss loses in
    recall of small lesions (lesions are simulated if it is not None).
    lacks: the share of folds that the last loss lacks; collapsed: folds in which the one before it collapsed.
    expected: rules that fit the truth, by number; least: the share of studies in which one of them must be met.
    """

    name: str
    shifts: tuple[float, ...]
    folds: int
    seeds: int
    cases: int
    expected: tuple[int, ...]
    least: float
    training_sd: float = 0.01
    interaction_sd: float = 0.029
    seed_sd: float = 0.02
    small: float | None = None
    lacks: float = 0.0
    collapsed: int = 0
    identical: bool = False
    must_say: tuple[str, ...] = field(default=())


EQUAL, ONE, TWO = (0.0,) * 5, (0.03, 0.0, 0.0, 0.0, 0.0), (0.03, 0.03, 0.0, 0.0, 0.0)
TRUTHS = (
    Truth("five equal losses, 100 cases", EQUAL, 5, 1, 100, (6, 8), 0.95),
    Truth("five equal losses, 300 cases", EQUAL, 5, 1, 300, (6, 8), 0.95),
    Truth("five equal losses, one training each", EQUAL, 1, 1, 300, (2,), 1.0),
    Truth("five equal and steady losses", EQUAL, 5, 3, 300, (7,), 0.8, training_sd=0.002, interaction_sd=0.006),
    Truth("one better by .03", ONE, 5, 3, 100, (3,), 0.8, training_sd=0.005),
    Truth("one better by .03, little interaction", ONE, 5, 3, 100, (3,), 0.8, training_sd=0.005, interaction_sd=0.012),
    Truth("one better by .03, worse by .10 in small lesions", ONE, 5, 3, 100, (4,), 0.8, training_sd=0.005, small=0.1),
    Truth("two equal and better by .03", TWO, 5, 3, 300, (5,), 0.8, training_sd=0.002, interaction_sd=0.006),
    Truth(
        "one of three better by .002, 1,450 cases", (0.002, 0.0, 0.0), 5, 1, 1450, (7,), 0.95, training_sd=0.0005,
        interaction_sd=0.012,
    ),
    Truth(
        "half the folds missing, two trainings collapsed", (0.0,) * 4, 5, 1, 60, (3, 4, 5, 6, 7, 8), 1.0, lacks=0.5,
        collapsed=2, must_say=("T3 is left out: ", "T2 collapsed in 2 of 5 trainings"),
    ),
    Truth("five identical columns", EQUAL, 5, 1, 60, (7,), 1.0, identical=True, must_say=("All tie for first.",)),
)  # fmt: skip

RULES = {
    2: r"^Of these trained models, ",
    3: r"^\S+ is best: ",
    4: r"^\S+ for overlap; ",
    5: r" lead and are equivalent within ",
    6: r" (lead; which is (better|best) is undecided|is shown to be better than another: )",
    7: r"^The loss does not matter here",
    8: r"^Nothing can be told yet",
}
"""How the headline of a rule is known."""


def tables_of(truth: Truth, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """The tables of one study."""
    n, losses, folds, seeds = truth.cases, len(truth.shifts), truth.folds, truth.seeds
    fold = np.arange(n) % folds
    base = rng.beta(6, 2, n)
    training = rng.normal(0, truth.training_sd, (folds, losses, seeds))
    values = base[:, None, None] + np.array(truth.shifts)[:, None]
    values = values + rng.normal(0, truth.interaction_sd, (n, losses, 1)) + training[fold]
    values = np.clip(values + rng.normal(0, truth.seed_sd, (n, losses, seeds)), 0, 1)
    values[rng.random((n, losses)) < 0.04] = 0
    if truth.identical:
        values[:] = values[:, :1]
    collapsed = np.zeros((folds, losses, seeds), bool)
    collapsed[: truth.collapsed, losses - 2] = True
    values[collapsed[fold]] = 0
    case, trainer, seed = (axis.ravel() for axis in np.indices(values.shape))
    names = np.array([f"T{i}" for i in range(losses)], dtype=object)
    number = seed + 1 if seeds > 1 else seed
    runs = {
        **WHERE, "trainer": [_named(t, s) for t, s in zip(names[trainer], number, strict=True)], "seed": number,
        "fold": fold[case],
    }  # fmt: skip
    cases = pd.DataFrame(
        {**runs, "case": np.array([f"c{i}" for i in range(n)], dtype=object)[case], "label": "lesion",
         "metric": "dice", "value": values.ravel(), "unit": "1", "status": "ok"}
    )  # fmt: skip
    if truth.lacks:
        cases = cases[(cases["trainer"] != names[-1]) | (cases["fold"] >= truth.lacks * folds)]
    tables = {"cases": cases}
    if truth.collapsed:
        jobs = cases[[*WHERE, "trainer", "seed", "fold"]].drop_duplicates()
        lost = (jobs["trainer"] == names[-2]) & (jobs["fold"] < truth.collapsed)
        tables["jobs"] = jobs.assign(seconds=600.0, peak_memory_mb=1.0, status="completed", collapsed=lost)
    if truth.small is not None:
        tables["lesions"] = _lesions(truth, rng, cases)
    return tables


def _named(trainer: str, seed: int) -> str:
    return f"{trainer}_seed{seed}" if seed else trainer


def _lesions(truth: Truth, rng: np.random.Generator, cases: pd.DataFrame) -> pd.DataFrame:
    """Sixteen lesions a case, eight of them small, hard to find and harder for the first loss; one false positive."""
    runs = cases[[*WHERE, "trainer", "seed", "fold", "case", "label"]].drop_duplicates()
    count = LESIONS_A_CASE + 1
    rows = runs.loc[runs.index.repeat(count)].reset_index(drop=True)
    j = np.tile(np.arange(count), len(runs))
    small, invented = j < SMALL, j == LESIONS_A_CASE
    first = rows["trainer"].str.startswith("T0").to_numpy()
    # lesions are hard or easy for everybody, by case
    hard = dict(zip(runs["case"].unique(), rng.normal(0, 0.1, truth.cases), strict=True))
    chance = np.where(small, 0.5, 0.8) + rows["case"].map(hard).to_numpy()
    found = rng.random(len(rows)) < chance - np.where(small & first, truth.small, 0.0)
    return rows.assign(
        side=np.where(invented, "prediction", "reference"),
        component=j + 1,
        diameter_mm=np.where(small, 2.0, 8.0),
        unit="mm",
        matched=found & ~invented,
        score_max=np.where(invented, 0.0, np.where(found, 1.0, np.nan)),
        touches_border=False,
    )


def answered(tables: Mapping[str, pd.DataFrame]) -> Comparison:
    """The comparison of these tables, as far as the first screen needs it."""
    results = Results.of(
        tables["cases"], baseline=_baseline(tables), lesions=tables.get("lesions"), jobs=tables.get("jobs")
    )
    panels = results.panels(["dice"])
    answers, decisions = Asker(results, "dice").tables(panels, None)
    ranking = pd.concat(
        [pd.DataFrame({"trainer": p.trainers, "mean": p.values.mean(axis=0)}).assign(**p.identity) for p in panels]
    )
    ranking = ranking.assign(rank=ranking["mean"].rank(ascending=False))
    statistics = {
        "answers": answers, "decisions": decisions, "ranking": ranking,
        "values": pd.concat([p.values_table() for p in panels]),
    }  # fmt: skip
    return Comparison(tables=tables, statistics=statistics, title="Simulated", baseline=_baseline(tables))


def told(tables: Mapping[str, pd.DataFrame]) -> Verdict:
    """What a report of these tables would say first."""
    return verdict(answered(tables).views[0])


def _baseline(tables: Mapping[str, pd.DataFrame]) -> str:
    return str(tables["cases"]["trainer"].iloc[0])


def rule_of(headline: str) -> int:
    """The number of the rule that a headline follows; 0 if it is none of those above."""
    return next((number for number, pattern in RULES.items() if re.search(pattern, headline)), 0)


def study(truth: Truth, seed: int) -> dict[str, object]:
    """One study: the rule of its headline, whether all is said that must be, and whether it claims something false."""
    comparison = answered(tables_of(truth, np.random.default_rng([seed, *truth.name.encode()])))
    found = verdict(comparison.views[0])
    rule = rule_of(found.headline)
    best = re.match(r"(?:Of these trained models, )?(\S+) is best", found.headline)
    false = best is not None and truth.shifts[int(best[1][1:])] <= sorted(truth.shifts)[-2]
    return {
        "rule": rule,
        "fits": rule in truth.expected and all(text in f"{found.headline} {found.left_out}" for text in truth.must_say),
        "false winner": false and rule != 2,
        **_held(truth, comparison.statistics["decisions"]),
    }


def _held(truth: Truth, decisions: pd.DataFrame) -> dict[str, float]:
    """The share of the intervals on recall of small lesions that hold, and whether all do; nothing without lesions."""
    own = decisions[decisions["metric"] == "small_recall_at_1_fp"]
    if truth.small is None or own.empty:
        return {}
    true = -truth.small * (own["trainer_a"].eq("T0").astype(int) - own["trainer_b"].eq("T0").astype(int))
    holds = (own["low"] <= true) & (true <= own["high"])
    return {"small lesions: an interval holds": float(holds.mean()), "small lesions: all hold": float(holds.all())}


def _run(job: tuple[Truth, int, int]) -> list[dict[str, object]]:
    truth, start, stop = job
    return [study(truth, seed) for seed in range(start, stop)]


def main() -> None:
    """Run what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    chosen = parser.parse_args()
    done = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with ProcessPoolExecutor(chosen.processes) as pool:
        for truth in TRUTHS:
            if done.get(truth.name, {}).get("repeats", 0) >= chosen.repeats:
                continue
            bounds = np.linspace(0, chosen.repeats, 11).astype(int)
            jobs = [(truth, int(a), int(b)) for a, b in pairwise(bounds)]
            found = pd.DataFrame([one for part in pool.map(_run, jobs) for one in part])
            rules = Counter(found["rule"].tolist())
            done[truth.name] = {
                "repeats": chosen.repeats,
                "expected": list(truth.expected),
                "least": truth.least,
                "fits": round(float(found["fits"].mean()), 4),
                "false winner": round(float(found["false winner"].mean()), 4),
                "rules": {str(rule): rules[rule] for rule in sorted(rules)},
                **{
                    name: round(float(found[name].mean()), 4) for name in found if str(name).startswith("small lesions")
                },
            }
            write_json(RESULTS, {one.name: done[one.name] for one in TRUTHS if one.name in done})
            print(truth.name, done[truth.name], flush=True)


if __name__ == "__main__":
    main()
