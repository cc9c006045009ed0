"""How often is a word false, and how often is a difference found? Studies of known truth, by the code of reports.

    python benchmarks/decision_simulation.py [--repeats 1000] [--processes 2]

Writes benchmarks/results/decision_simulation.json, a setting at a time, and goes on where it stopped.

A value is that of a case (beta distributed), plus the loss's own shift, plus what loss and case make of each other,
plus what this training is worth, plus noise; clipped to 0 and 1; a share of the cases is missed (0). No loss differs
from another in the settings for errors; in those for power the first is better than all others by a given difference.

Training noise: an SD of 0.01 Dice makes two identical trainings differ by up to 3 points, which is what users of
nnU-Net report (issues 1906 and 2624 of MIC-DKFZ/nnUNet); settings with 0.02, and with none, stand beside.
"""

import argparse
import json
import os
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from nnunet_losses.base.files import write_json
from nnunet_losses.base.metrics import METRICS
from nnunet_losses.base.states import Word
from nnunet_losses.statistics.estimators.multiplicity import holm
from nnunet_losses.statistics.estimators.signed_rank import signed_rank
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.ranking.decision import decisions_table, failed_trainings

RESULTS = Path(__file__).parent / "results" / "decision_simulation.json"
MARGIN = METRICS["dice"].margin


@dataclass(frozen=True)
class Setting:
    """A study of known truth."""

    losses: int
    folds: int
    seeds: int
    cases: int
    difference: float = 0.0  # of the first loss from all others
    training_sd: float = 0.01
    interaction_sd: float = 0.029  # of two losses' difference on a case: 0.041
    seed_sd: float = 0.0  # of what a seed is worth to a loss in all folds, as where they begin with the same weights
    erratic: float = 1.0  # the last loss has so many times the training noise
    collapse: float = 0.0  # probability that a training of the last loss collapses
    shared_sd: float = (
        0.0  # what folds share, as their training sets overlap: SD of an effect of the loss over all folds
    )
    skewed: bool = False  # many cases at the upper bound, one in eight missed

    @property
    def name(self) -> str:
        """Its parameters, those left at their defaults left out."""
        usual = Setting(0, 0, 0, 0)
        more = {k: v for k, v in asdict(self).items() if k not in ("losses", "folds", "seeds", "cases")}
        changed = [f"{k}={v}" for k, v in more.items() if v != getattr(usual, k)]
        return " ".join([f"L{self.losses} F{self.folds} S{self.seeds} n{self.cases}", *changed])


def draw(setting: Setting, rng: np.random.Generator) -> Panel:
    """One study as a panel."""
    n, losses, folds, seeds = setting.cases, setting.losses, setting.folds, setting.seeds
    fold = np.arange(n) % folds
    base = rng.beta(12, 1.5, n) if setting.skewed else rng.beta(6, 2, n)
    scale = np.ones(losses)
    scale[-1] = setting.erratic
    training = rng.normal(0, setting.training_sd, (folds, losses, seeds)) * scale[:, None]
    training += rng.normal(0, setting.seed_sd, (losses, seeds)) * scale[:, None] if setting.seed_sd else 0.0
    training += rng.normal(0, setting.shared_sd, (losses, 1)) if setting.shared_sd else 0.0
    shift = np.where(np.arange(losses) == 0, setting.difference, 0.0)
    values = base[:, None, None] + shift[:, None] + rng.normal(0, setting.interaction_sd, (n, losses, 1))
    values = np.clip(values + training[fold] + rng.normal(0, 0.02, (n, losses, seeds)), 0, 1)
    values[rng.random((n, losses)) < (0.125 if setting.skewed else 0.04)] = 0
    collapsed = np.zeros((folds, losses, seeds), bool)
    collapsed[:, -1] = rng.random((folds, seeds)) < setting.collapse
    values[collapsed[fold]] = 0
    trainers = [f"T{i}" for i in range(losses)]
    cases = [f"c{i}" for i in range(n)]
    single = folds == 1 or seeds > 1 or setting.collapse
    shape = values.shape if single else (0, 0, 0)  # else nothing asks for single trainings
    case, trainer, seed = (axis.ravel() for axis in np.indices(shape))
    repeats = pd.DataFrame(
        {
            "case": np.array(cases, dtype=object)[case], "trainer": np.array(trainers, dtype=object)[trainer],
            "fold": fold[case], "seed": seed + 1,
            "value": values[case, trainer, seed],
        }
    )  # fmt: skip
    return Panel(
        "Dataset001_Toy", "3d_fullres", "lesion", METRICS["dice"],
        baseline=trainers[-1],
        trainers=trainers,
        cases=cases,
        folds=fold,
        values=values.mean(axis=2),
        resolved=np.full((n, losses), "", dtype=object),
        coverage=pd.DataFrame({"trainer": trainers, "reason": ""}),
        undefined=pd.DataFrame(),
        repeats=repeats,
        units=pd.Series(cases, index=cases),
    )  # fmt: skip


def study(setting: Setting, seed: int) -> dict[str, float]:
    """One study: false and true words, coverage, and what the test over cases says."""
    rng = np.random.default_rng([seed, zlib.crc32(setting.name.encode())])
    panel = draw(setting, rng)
    unsteady = failed_trainings(None, panel) if setting.collapse else ()
    table = decisions_table(panel, margin=MARGIN, unsteady=unsteady)
    by_holm = holm(2 * stats.t.sf(np.abs(table["difference"] / table["se"]), table["df"])) < 0.05
    over_cases = holm(signed_rank(panel.differences()).p) < 0.05
    first = (table["trainer_a"] == "T0").to_numpy()
    # A loss that collapses by chance differs from the others in truth.
    fair = (
        (table["trainer_b"] != f"T{setting.losses - 1}").to_numpy() if setting.collapse else np.ones(len(table), bool)
    )
    truth = np.where(first, setting.difference, 0.0)
    word = table["word"].to_numpy()
    decided = np.isin(word, [Word.BETTER, Word.WORSE])
    equal = (truth == 0) & fair
    covered = (table["low"].to_numpy() <= truth) & (truth <= table["high"].to_numpy())
    different = (truth != 0) & fair
    by_folds = {}
    if setting.seed_sd:  # what is said if nobody knows which training has which seed
        alone = decisions_table(replace(panel, repeats=panel.repeats.iloc[:0]), margin=MARGIN, unsteady=unsteady)
        by_folds["false word, folds alone"] = float((alone["word"].isin([Word.BETTER, Word.WORSE]) & equal).any())
    return {
        **by_folds,
        "false word": float((decided & equal).any() or ((word == Word.WORSE) & different).any()),
        "false word over cases": float((over_cases & equal).any()),
        "equivalent, falsely": float(((word == Word.EQUIVALENT) & (np.abs(truth) >= MARGIN) & fair).any()),
        "equivalent": float((word == Word.EQUIVALENT)[equal].mean()) if equal.any() else np.nan,
        "found": float((word == Word.BETTER)[different].mean()) if different.any() else np.nan,
        "one found": float((word == Word.BETTER)[different].any()) if different.any() else np.nan,
        "one found, Holm": float((by_holm & (table["difference"] > 0))[different].any()) if different.any() else np.nan,
        "all intervals hold": float(covered[fair].all()),
        "an interval holds": float(covered[fair].mean()),
        "about losses": float((table["subject"] == "losses").all()),
    }


def settings() -> list[Setting]:
    """Errors for all designs, then what may break the level, then power."""
    errors = [Setting(*design) for design in product((2, 3, 5, 12), (3, 5), (1, 3), (30, 100, 300))]
    errors += [Setting(losses, folds, 1, 10) for losses, folds in ((2, 3), (5, 5))]
    errors += [Setting(losses, 1, 3, n) for losses, n in ((2, 100), (5, 30), (5, 300))]
    hard = []
    for losses, folds, seeds in ((3, 3, 1), (5, 5, 1), (5, 5, 3), (12, 5, 1), (12, 3, 3)):
        hard += [
            Setting(losses, folds, seeds, 300, erratic=3),
            Setting(losses, folds, seeds, 100, skewed=True),
            Setting(losses, folds, seeds, 300, collapse=0.3),
            Setting(losses, folds, seeds, 300, shared_sd=0.003),
            Setting(losses, folds, seeds, 300, training_sd=0.0),
            Setting(losses, folds, seeds, 300, training_sd=0.02),
            Setting(losses, folds, seeds, 300, training_sd=0.002, interaction_sd=0.006),
        ]
    for losses, folds, seeds in ((2, 3, 2), (5, 3, 2), (5, 5, 3), (12, 3, 2)):
        hard += [Setting(losses, folds, seeds, 100, seed_sd=sd) for sd in (0.01, 0.03)]
    hard += [Setting(12, 3, 2, 100, seed_sd=0.01, erratic=10)]
    power = [
        Setting(losses, folds, seeds, n, difference=d)
        for (losses, folds, seeds), n, d in product(
            ((2, 5, 1), (3, 5, 1), (5, 3, 1), (5, 5, 1), (5, 5, 3), (12, 5, 1)), (100, 300), (0.01, 0.02, 0.03)
        )
    ]
    power += [Setting(5, folds, 2, 100, difference=0.03) for folds in (3, 5)]
    power += [Setting(5, 5, seeds, 300, difference=0.02, erratic=3) for seeds in (1, 3)]
    power += [Setting(5, folds, 1, 300, difference=d, erratic=10) for folds in (3, 5) for d in (0.0, 0.02)]
    return errors + hard + power


def _run(job: tuple[Setting, int, int]) -> list[dict[str, float]]:
    setting, start, stop = job
    return [study(setting, seed) for seed in range(start, stop)]


def main() -> None:
    """Run what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    chosen = parser.parse_args()
    done = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with ProcessPoolExecutor(chosen.processes) as pool:
        for setting in settings():
            if done.get(setting.name, {}).get("repeats", 0) >= chosen.repeats:
                continue
            bounds = np.linspace(0, chosen.repeats, 21).astype(int)
            jobs = [(setting, int(a), int(b)) for a, b in pairwise(bounds)]
            found = pd.DataFrame([one for part in pool.map(_run, jobs) for one in part])
            done[setting.name] = {"repeats": chosen.repeats, **found.mean().round(4).dropna().to_dict()}
            write_json(RESULTS, {one.name: done[one.name] for one in settings() if one.name in done})
            print(setting.name, done[setting.name], flush=True)


if __name__ == "__main__":
    main()
