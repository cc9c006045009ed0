"""FROC by the definitions that the inverse-weighting paper was published with, to reproduce its figures.

Kept apart because three of these definitions are faults that the corrected ones in `froc.py` avoid: images with no
record vanish from the denominator; the "bootstrap" draws 80 % of the images without replacement but divides their
false positives by the number of all images, so recall comes out too high; its spread is not a confidence interval.
Source: Shirokikh et al., Universal loss reweighting to balance lesion size inequality, MICCAI 2020, and the authors'
notebook `build_froc.ipynb`.
"""

import numpy as np
import pandas as pd

AVERAGE_OVER = np.linspace(0, 5, 501)  # false positives per image
LUNA_POINTS = np.array([1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8])


def published_froc(
    lesions: pd.DataFrame, *, small_below_mm: float | None = None, n_images: int | None = None
) -> pd.DataFrame:
    """One row per trainer and size ("total", "small", "large") with the numbers as published; no row without records.

    Columns: trainer, size, n_images, n_lesions, object_dice, object_dice_std (over hit lesions), avg_recall_boot,
    avg_recall_boot_std, avg_recall_full, recall@0.5FP, recall@1FP, recall@4FP, cpm_luna7, max_recall,
    fp_per_image_at_max.

    `lesions` needs trainer, case, side, component, diameter_mm, matched, dice and score_max (log-odds); a column
    `partner` (component of the other side with the best Dice) is used for the thresholds of the size strata, as the
    authors do. small_below_mm: 12 for LiTS, 8 for LUNA16, 5 for metastases, there in voxels; without it, only "total".
    """
    rows = []
    for trainer, own in lesions.groupby("trainer", sort=False):
        images = own["case"].nunique() if n_images is None else n_images
        strata = {"total": pd.Series(True, index=own.index)}
        if small_below_mm is not None:
            small = own["diameter_mm"] < small_below_mm
            strata |= {"small": small, "large": ~small}
        for size, chosen in strata.items():
            stratum = own[chosen]
            if stratum.empty:
                continue
            top = _highest_score(own, stratum)
            rows.append({"trainer": trainer, "size": size, "n_images": images, **_measures(stratum, top)})
    return pd.DataFrame(rows)


def _highest_score(own: pd.DataFrame, stratum: pd.DataFrame) -> float:
    """The highest finite score of the stratum's predictions and of those that hit the stratum's lesions."""
    predictions = stratum[stratum["side"] == "prediction"]
    if "partner" in own:
        lesions = stratum.loc[stratum["side"] == "reference", ["case", "component"]]
        hits = own[(own["side"] == "prediction") & own["matched"]]
        linked = hits.merge(lesions, left_on=["case", "partner"], right_on=["case", "component"])
        predictions = pd.concat([predictions, linked])
    scores = predictions["score_max"]
    return float(scores[np.isfinite(scores)].max()) if np.isfinite(scores).any() else 10.0


def _measures(stratum: pd.DataFrame, highest_score: float) -> dict[str, float]:
    thresholds = np.concatenate([np.linspace(-0.1, 10, 101), np.linspace(10, highest_score + 1, 100)])
    images = np.unique(stratum["case"])
    false_positives, recall = _curve(stratum, thresholds)
    per_image = false_positives / len(images)
    random = np.random.RandomState(42)  # the published numbers were drawn with this generator
    averages = []
    shuffled = images.copy()
    for _ in range(50):
        random.shuffle(shuffled)
        sample = stratum[stratum["case"].isin(shuffled[: int(0.8 * len(images))])]
        sampled_fp, sampled_recall = _curve(sample, thresholds)
        averages.append(_recall_at(AVERAGE_OVER, sampled_fp / len(images), sampled_recall).mean())
    reference = stratum[stratum["side"] == "reference"]
    dice = reference.loc[reference["matched"] & (reference["score_max"] >= thresholds[0]), "dice"]
    at = _recall_at(np.array([0.5, 1, 4]), per_image, recall)
    return {
        "n_lesions": len(reference),
        "object_dice": float(dice.mean()),
        "object_dice_std": float(dice.std(ddof=0)),
        "avg_recall_boot": float(np.mean(averages)),
        "avg_recall_boot_std": float(np.std(averages)),
        "avg_recall_full": float(_recall_at(AVERAGE_OVER, per_image, recall).mean()),
        "recall@0.5FP": float(at[0]),
        "recall@1FP": float(at[1]),
        "recall@4FP": float(at[2]),
        "cpm_luna7": float(_recall_at(LUNA_POINTS, per_image, recall).mean()),
        "max_recall": float(recall[0]),
        "fp_per_image_at_max": float(per_image[0]),
    }


def _curve(stratum: pd.DataFrame, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(false positives, recall) at each threshold: a lesion is hit at score ≥ t, a false positive has score > t."""
    reference = stratum["side"] == "reference"
    hit = np.sort(stratum.loc[reference & stratum["matched"], "score_max"])
    invented = np.sort(stratum.loc[~reference & ~stratum["matched"], "score_max"])
    recall = (len(hit) - np.searchsorted(hit, thresholds, side="left")) / max(int(reference.sum()), 1)
    return len(invented) - np.searchsorted(invented, thresholds, side="right"), recall


def _recall_at(x: np.ndarray, per_image: np.ndarray, recall: np.ndarray) -> np.ndarray:
    return np.interp(x, np.r_[0.0, per_image[::-1]], np.r_[0.0, recall[::-1]])
