"""Average recall as published with inverse weighting (MICCAI 2020), and by the corrected definitions, from its records.

    python benchmarks/published_froc.py FOLDER

FOLDER holds one LOSS.json per loss: the per-object records of `neuro-ml/inverse_weighting` (image → list of obj,
is_tum, diameter, hit_obj, hit_dice, hit_logit, self_logit). Writes benchmarks/results/published_froc.json and prints
the table of docs/froc.md.
"""

import argparse
import json
from pathlib import Path

import pandas as pd
from froc_as_published import published_froc

from nnunet_losses.statistics import Results
from nnunet_losses.statistics.detection.froc import froc_tables

RESULTS = Path(__file__).parent / "results" / "published_froc.json"
BASELINE = "dl"


def lesions_table(file: Path) -> pd.DataFrame:
    """The records of one loss as a table of lesions; diameters are in voxels."""
    rows = []
    for image, records in json.loads(file.read_text(encoding="utf-8")).items():
        for record in records:
            reference = bool(record["is_tum"])
            rows.append(
                {
                    "trainer": file.stem, "case": image, "side": "reference" if reference else "prediction",
                    "component": int(str(record["obj"]).split("_")[1]), "diameter_mm": record["diameter"],
                    "partner": int(str(record["hit_obj"]).split("_")[1].replace("None", "0")),
                    "matched": float(record["hit_dice"]) > 0, "dice": record["hit_dice"],
                    "score_max": record["hit_logit"] if reference else record["self_logit"],
                }
            )  # fmt: skip
    return pd.DataFrame(rows).assign(dataset="D", configuration="published", label="tumour", fold=0, seed=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--small-below", type=float, default=12.0, help="Diameter in voxels; 12 for LiTS.")
    options = parser.parse_args()
    lesions = pd.concat([lesions_table(file) for file in sorted(options.folder.glob("*.json"))], ignore_index=True)
    published = published_froc(lesions, small_below_mm=options.small_below).set_index(["trainer", "size"])
    images = sorted(set(lesions["case"]))
    key = {"dataset": "D", "configuration": "published", "label": "tumour", "fold": 0, "seed": 0}
    cases = pd.DataFrame({"trainer": sorted(set(lesions["trainer"]))}).merge(
        pd.DataFrame({"case": images}), how="cross"
    )
    cases = cases.assign(**key, metric="dice", value=0.5, unit="1", status="ok")
    tables = froc_tables(Results.of(cases, baseline=BASELINE, lesions=lesions).rosters)
    ours = tables["froc"].set_index(["trainer", "measure"])
    pairs = tables["froc_pairwise"].query("measure == 'average_recall'").set_index(["trainer_a", "trainer_b"])
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
