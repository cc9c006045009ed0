"""Tables of calibration, before and after scaling by a temperature."""

from nnunet_losses.base.tables.schema import Table, integer, real, text
from nnunet_losses.statistics.tables.identity import LABEL, REASON, SET, TRAINER

SCORES = {"nll": "negative log-likelihood", "brier": "Brier score", "ece": "expected calibration error"}
BEFORE, AFTER = "before", "after"

TEMPERATURES = Table(
    "temperatures",
    "a training: the temperature that was fitted on the other folds",
    {
        **SET,
        **TRAINER,
        "fold": integer("The fold that the temperature is for."),
        "seed": integer("The seed."),
        "label": text("Name of the label or region."),
        "temperature": real("The temperature; above 1, the probabilities become less certain."),
        "n": integer("Cases that it was fitted on."),
        **REASON,
    },
    key=(*SET, "trainer", "fold", "seed", "label"),
)
TEMPERATURE_SCALING = Table(
    "temperature_scaling",
    "a trainer: calibration near the lesions before and after scaling by the temperatures of the other folds",
    {
        **LABEL,
        **TRAINER,
        "n": integer("Cases with lesions."),
        "temperature": real("Mean of the temperatures of its trainings."),
        **{
            f"{score}_{when}": real(f"{words.capitalize()} {when} scaling, mean over cases.")
            for score, words in SCORES.items()
            for when in (BEFORE, AFTER)
        },
        "gain": real("Mean fall of the negative log-likelihood by the scaling."),
        "gain_low": real("Low end of its 95 % interval."),
        "gain_high": real("High end."),
        **REASON,
    },
    key=(*LABEL, "trainer"),
)
RELIABILITY = Table(
    "reliability",
    "a bin of a trainer's predicted probability, voxels near the lesions of all cases pooled",
    {
        **LABEL,
        **TRAINER,
        "scaling": text("Before or after scaling", words=(BEFORE, AFTER)),
        "bin": integer("Number of the bin, from 0; 15 of equal width."),
        "count": real("Voxels, averaged over seeds."),
        "confidence": real("Their mean probability."),
        "accuracy": real("Share of them that is foreground."),
    },
    key=(*LABEL, "trainer", "scaling", "bin"),
)
