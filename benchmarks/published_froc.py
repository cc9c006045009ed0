"""Average recall as published with inverse weighting (MICCAI 2020), and by the corrected definitions, from its records.

    python benchmarks/published_froc.py FOLDER

FOLDER holds one LOSS.json per loss: the per-object records of `neuro-ml/inverse_weighting`, which `nnunet-losses froc`
reads. Writes benchmarks/results/published_froc.json and prints
the table of docs/froc.md.
"""

import argparse
import json
from pathlib import Path

from nnunet_losses.comparison.records import read_records
from nnunet_losses.statistics import Results
from nnunet_losses.statistics.detection.as_published import published_froc
from nnunet_losses.statistics.detection.froc import froc_tables

RESULTS = Path(__file__).parent / "results" / "published_froc.json"
BASELINE = "dl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small-below", type=float, default=12.0, help="Diameter in voxels; 12 for LiTS.")
    options = parser.parse_args()
    tables = read_records([options.folder])
    lesions = tables["lesions"]
    published = published_froc(lesions, small_below_mm=options.small_below).set_index(["trainer", "size"])
    images = set(tables["cases"]["case"])
    found = froc_tables(Results.of(tables["cases"], baseline=BASELINE, lesions=lesions).rosters)
    ours = found["froc"].set_index(["trainer", "measure"])
    pairs = found["froc_pairwise"].query("measure == 'average_recall'").set_index(["trainer_a", "trainer_b"])
    rows = {}
    for trainer in published.index.unique("trainer"):
        old, new = published.loc[(trainer, "total")], ours.loc[(trainer, "average_recall")]
        rows[trainer] = {
            "images_with_records": int(old["n_images"]), "published": old["avg_recall_boot"],
            "published_sd": old["avg_recall_boot_std"], "without_subsampling": old["avg_recall_full"],
            "corrected": new["value"], "low": new["low"], "high": new["high"],
        }  # fmt: skip
        if trainer != BASELINE:
            pair = pairs.loc[(trainer, BASELINE)]
            rows[trainer] |= {f"minus_{BASELINE}": pair["difference"], "d_low": pair["low"], "d_high": pair["high"]}
    rows = {
        t: {k: v if k == "images_with_records" else round(float(v), 4) for k, v in r.items()} for t, r in rows.items()
    }
    RESULTS.write_text(json.dumps({"images": len(images), "losses": rows}, indent=2) + "\n")
    print(f"{len(images)} images")
    for trainer, r in rows.items():
        gap = f"{r['minus_dl']:+.3f} [{r['d_low']:.3f}, {r['d_high']:.3f}]" if "d_low" in r else ""
        print(
            f"| {trainer} | {r['images_with_records']} | {r['published']:.3f} ± {r['published_sd']:.3f} "
            f"| {r['without_subsampling']:.3f} | {r['corrected']:.3f} [{r['low']:.3f}, {r['high']:.3f}] | {gap} |"
        )


if __name__ == "__main__":
    main()
