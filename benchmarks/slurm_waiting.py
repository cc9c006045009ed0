"""How long after the end of a Slurm job Snakemake notices it: what the workflow adds to Slurm's own queueing.

    python benchmarks/slurm_waiting.py          # writes benchmarks/results/slurm_waiting.json, in minutes

A study of stubs runs through profiles/slurm on a Slurm of four nodes on this machine (`local_slurm`), each training,
with its prediction and evaluation, a job on a GPU. Slurm knows when a job ended, Snakemake's log when it was noticed.
"""

import argparse
import json
import os
import re
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

from local_slurm import local_slurm
from stub_study import make_stub_study

RESULTS = Path(__file__).parent / "results" / "slurm_waiting.json"


def main() -> None:
    """Run the study, and compare the two clocks, which are one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", type=int, default=10, help="of two losses, a job each")
    parser.add_argument("--seconds", type=float, default=1.0, help="an epoch takes; a training has eight")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slurm") as folder:
        place = Path(folder)
        with local_slurm(place / "s", nodes=4) as slurm:
            environment = slurm.environment | {"STUB_EPOCHS": "8", "STUB_EPOCH_S": str(options.seconds)}
            study = make_stub_study(place / "study", {"folds": {"number": options.folds}}, environment)
            log = place / "snakemake.log"
            start = time.time()
            if code := study.start("--workflow-profile", "profiles/slurm", log=log).wait():
                raise SystemExit(f"Snakemake ended with {code}:\n{log.read_text()[-3000:]}")
            seconds = time.time() - start
            jobs = {job["id"]: job for job in slurm.jobs("completed") if "train" in job["comment"]}
        text = log.read_text()
    ended = sorted(datetime.fromisoformat(job["end"]).timestamp() for job in jobs.values())
    queued = [
        datetime.fromisoformat(job["start"]).timestamp() - datetime.fromisoformat(job["submit"]).timestamp()
        for job in jobs.values()
    ]
    said = re.findall(r"^\[(.*)\]\nFinished jobid: \d+ \(Rule: train\)", text, re.MULTILINE)
    noticed = sorted(datetime.strptime(when, "%a %b %d %H:%M:%S %Y").timestamp() for when in said)
    # the first noticed need not be the first that ended, but the mean is the same
    lags = [late - early for late, early in zip(noticed, ended, strict=True)]
    result = {
        "machine": {"cores": os.cpu_count(), "load": os.getloadavg()[0]},
        "jobs": len(jobs),
        "seconds": seconds,
        "noticed_after_s": {"mean": statistics.mean(lags), "median": statistics.median(lags), "longest": max(lags)},
        "queued_by_slurm_s": {"mean": statistics.mean(queued), "longest": max(queued)},
    }
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result), lags)


if __name__ == "__main__":
    main()
