"""Tables of lesions found and invented, and of thresholds."""

from nnunet_losses.base.tables.schema import Column, Table, integer, real, text
from nnunet_losses.statistics.tables.identity import LABEL, REASON, SET, TRAINER

MEASURES = {
    "cpm": "mean recall at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives per case (LUNA16)",
    "average_recall": "mean recall over 0 to 5 false positives per case",
    "ap": "average precision",
    "recall@0.5": "recall at half a false positive a case",
    "recall@1": "recall at one",
    "recall@4": "recall at four",
    "max_recall": "recall at the lowest threshold",
    "false_positives_per_case": "false positives per case at the lowest threshold",
}
TERMS = ("trainer", "doubling of diameter", "trainer × doubling")

FROC = Table(
    "froc",
    "a trainer and a measure of detection",
    {
        **LABEL,
        **TRAINER,
        "measure": text("The measure", words=MEASURES),
        "value": real("Its value over all cases."),
        "low": real("Low end of its 95 % bootstrap interval."),
        "high": real("High end."),
        "n_cases": integer("Cases."),
        "n_lesions": real("Reference lesions, averaged over seeds."),
        **REASON,
    },
    key=(*LABEL, "trainer", "measure"),
)
FROC_CURVE = Table(
    "froc_curve",
    "a point of a trainer's FROC curve",
    {
        **LABEL,
        **TRAINER,
        "fp_per_case": real("False positives per case."),
        "recall": real("Share of reference lesions found."),
        "low": real("Low end of the 95 % bootstrap band."),
        "high": real("High end."),
    },
)
PR_CURVE = Table(
    "pr_curve",
    "a point of a trainer's precision-recall curve of lesions",
    {
        **LABEL,
        **TRAINER,
        "recall": real("Share of reference lesions found."),
        "precision": real("Share of predicted components that are true."),
        "low": real("Low end of the 95 % bootstrap band."),
        "high": real("High end."),
    },
)
STRATA = Table(
    "strata",
    "a trainer and a stratum of lesion size that contains lesions",
    {
        **LABEL,
        **TRAINER,
        "scheme": text("Fixed limits, or quartiles of this data set", words=("fixed", "quartile")),
        "stratum": text("The stratum in words."),
        "low_mm": real("Its lower limit of the diameter, in mm or, without spacing, in px."),
        "high_mm": real("Its upper limit, excluded."),
        "n": real("Reference lesions, averaged over seeds."),
        "hits": real("Of these, found."),
        "n_cases": integer("Cases with such lesions."),
        "recall": real("Share found."),
        "wilson_low": real("Low end of Wilson's 95 % interval, which treats lesions as independent."),
        "wilson_high": real("High end."),
        "low": real("Low end of the 95 % interval that resamples cases: the one to trust."),
        "high": real("High end."),
        "difference": real("Recall minus that of the baseline."),
        "difference_low": real("Low end of its 95 % interval, paired by case."),
        "difference_high": real("High end."),
        **REASON,
    },
)
LESION_MODEL = Table(
    "lesion_model",
    "a term of the logistic model hit ~ trainer · log₂ diameter, against the baseline",
    {
        **LABEL,
        **TRAINER,
        "n_lesions": integer("Lesions of trainer and baseline."),
        "n_cases": integer("Cases, the clusters."),
        "term": text("The term", words=TERMS),
        "odds_ratio": real("Odds ratio."),
        "low": real("Low end of its 95 % interval."),
        "high": real("High end."),
        "p": real("p-value."),
        **REASON,
    },
)
NEGATIVES = Table(
    "negatives",
    "a trainer on the cases without any reference lesion",
    {
        **LABEL,
        **TRAINER,
        "n_cases": integer("All cases."),
        "n_negative": integer("Cases without a reference lesion."),
        "with_false_positives": real("Of these, with a false positive, averaged over seeds."),
        "share_low": real("Low end of Wilson's 95 % interval of their share."),
        "share_high": real("High end."),
        "false_positives_per_case": real("False positives per negative case."),
    },
)
SCORES = ("dice", "recall", "precision")


def _scored(what: str) -> dict[str, Column]:
    return {
        f"{score}_{when}": real(f"{score.capitalize()} of the voxels at {threshold}{what}.")
        for score in SCORES
        for when, threshold in (("default", "threshold 0.5"), ("tuned", "the threshold chosen"))
    }


THRESHOLDS = Table(
    "thresholds",
    "a trainer: Dice at threshold 0.5 and at the threshold chosen on the other folds",
    {
        **LABEL,
        **TRAINER,
        "n": integer("Cases with a reference."),
        "threshold": real("Mean of the thresholds chosen."),
        "dice_default": real("Mean Dice at threshold 0.5."),
        "dice_default_low": real("Low end of its 95 % interval."),
        "dice_default_high": real("High end."),
        "dice_tuned": real("Mean Dice at the thresholds chosen."),
        "dice_tuned_low": real("Low end of its 95 % interval."),
        "dice_tuned_high": real("High end."),
        **{name: column for name, column in _scored(", mean over cases").items() if not name.startswith("dice")},
        "gain": real("Mean difference of the two Dice."),
        "gain_low": real("Low end of its 95 % interval."),
        "gain_high": real("High end."),
        "rank_default": real("Rank at threshold 0.5."),
        "rank_tuned": real("Rank at the thresholds chosen."),
        **REASON,
    },
    key=(*LABEL, "trainer"),
)
THRESHOLD_CASES = Table(
    "threshold_cases",
    "a case of a training at threshold 0.5 and at the threshold chosen on the other folds",
    {
        **SET,
        **TRAINER,
        "fold": integer("The fold."),
        "seed": integer("The seed."),
        "case": text("Name of the case."),
        "label": text("Name of the label or region."),
        "default_threshold": real("The threshold nearest to 0.5."),
        "threshold": real("The threshold chosen."),
        **_scored(""),
    },
)
