"""How long and how much memory all statistics and the report take on a large study.

    python benchmarks/statistics_scale.py [--trainers 20] [--cases 500] [--metrics 12] [--lesions 200000]

Writes benchmarks/results/statistics_scale.json (one entry per size, hardware named). On a shared machine only the CPU
time (user and system) means something; the wall time is written beside it.
"""

import argparse
import json
import os
import platform
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from nnunet_losses.report import Comparison, write_report
from nnunet_losses.statistics import compare

RESULTS = Path(__file__).parent / "results" / "statistics_scale.json"
METRICS = {
    "dice": "1", "precision": "1", "recall": "1", "f2": "1", "hd95": "mm", "hd95_pooled": "mm", "assd": "mm",
    "nsd": "1", "lesion_recall": "1", "lesion_precision": "1", "lesion_f1": "1", "volume_difference_ml": "ml",
}  # fmt: skip
GRID = np.linspace(0.05, 0.95, 19)


def cases_table(trainers: int, cases: int, metrics: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """Skewed scores that share their cases' difficulty, with ties and empty masks."""
    names = np.array([f"c{i:05d}" for i in range(cases)])
    parts = []
    for metric in metrics:
        hard = rng.beta(5, 2, cases)
        for t in range(trainers):
            value = np.clip(hard + rng.normal(0.004 * t, 0.06, cases), 0, 1).round(2 if "lesion" in metric else 6)
            status = np.where(rng.random(cases) < 0.02, "prediction_empty", "ok")
            value = np.where(status == "ok", value if METRICS[metric] == "1" else 30 * (1 - value), np.nan)
            part = {"fold": np.arange(cases) % 5, "case": names, "value": value, "status": status}
            parts.append(pd.DataFrame({**part, "trainer": f"T{t:02d}", "metric": metric, "unit": METRICS[metric]}))
    return pd.concat(parts, ignore_index=True).assign(dataset="D", configuration="3d_fullres", seed=0, label="lesion")


def lesions_table(trainers: int, cases: int, lesions: int, rng: np.random.Generator) -> pd.DataFrame:
    """Half reference lesions (the same for all trainers), half predicted components, scores as log-odds."""
    per_trainer = lesions // trainers
    reference = per_trainer // 2
    owner, diameter = rng.integers(cases, size=reference), rng.lognormal(1.6, 0.7, reference)
    parts = []
    for t in range(trainers):
        matched = rng.random(reference) < 1 / (1 + np.exp(1.2 - np.log2(diameter) + 0.5 - 0.03 * t))
        invented = per_trainer - reference
        false = rng.random(invented) < 0.4
        score = rng.normal(np.where(false, 1, 4), 2)
        parts.append(
            pd.DataFrame(
                {
                    "trainer": f"T{t:02d}",
                    "case": [f"c{i:05d}" for i in np.r_[owner, rng.integers(cases, size=invented)]],
                    "side": np.repeat(["reference", "prediction"], [reference, invented]),
                    "component": np.arange(per_trainer),
                    "diameter_mm": np.r_[diameter, rng.lognormal(1.6, 0.7, invented)],
                    "matched": np.r_[matched, ~false],
                    "score_max": np.r_[np.where(matched, rng.normal(4, 2, reference), -np.inf), score],
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    return table.assign(dataset="D", configuration="3d_fullres", fold=0, seed=0, label="lesion")


def thresholds_table(cases: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    own = cases.loc[cases["metric"] == "dice", ["dataset", "configuration", "trainer", "fold", "seed", "case", "label"]]
    table = own.merge(pd.DataFrame({"threshold": GRID.round(2)}), how="cross")
    reference = 1000
    table["tp"] = (reference * np.clip(1 - table["threshold"] ** 2 + rng.normal(0, 0.05, len(table)), 0, 1)).round()
    table["fn"] = reference - table["tp"]
    table["fp"] = (reference * np.clip(0.8 - table["threshold"], 0, 1)).round()
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trainers", type=int, default=20)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--metrics", type=int, default=12, choices=range(1, len(METRICS) + 1))
    parser.add_argument("--lesions", type=int, default=200_000)
    parser.add_argument("--resamples", type=int, default=10_000)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    cases = cases_table(options.trainers, options.cases, list(METRICS)[: options.metrics], rng)
    lesions = lesions_table(options.trainers, options.cases, options.lesions, rng)
    thresholds = thresholds_table(cases, rng)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, cpu = time.perf_counter(), time.process_time()
    tables = compare(cases, baseline="T00", lesions=lesions, thresholds=thresholds, resamples=options.resamples)
    compared = time.process_time() - cpu
    print(f"statistics: {compared:.1f} s of CPU time", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(
            tables={"cases": cases, "lesions": lesions, "thresholds": thresholds},
            statistics=tables,
            title="Scale",
            baseline="T00",
        )
        page = write_report(folder, comparison)
        size = page.stat().st_size
    entry = {
        **vars(options),
        "wall_seconds": round(time.perf_counter() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "cpu_seconds_statistics": round(compared, 1),
        "cpu_seconds_report": round(time.process_time() - cpu - compared, 1),
        "report_mb": round(size / 1e6, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "memory_before_mb": round(before),
        "rows": {name: len(table) for name, table in tables.items()},
        "hardware": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "load_average": round(os.getloadavg()[0], 1),
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pandas": pd.__version__,
    }
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    results[f"{options.trainers} trainers × {options.cases} cases × {options.metrics} metrics"] = entry
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps({k: v for k, v in entry.items() if k != "rows"}, indent=2))


if __name__ == "__main__":
    main()
