"""Tables that hold published evidence against our own."""

from nnunet_losses.base.states import Verdict
from nnunet_losses.base.tables.published import MARKS
from nnunet_losses.base.tables.schema import Table, integer, real, text, truth
from nnunet_losses.statistics.tables.decision import SUBJECTS
from nnunet_losses.statistics.tables.identity import LABEL, REASON

_VARIANT = {"variant": text("What else the trainers' names say, such as the training length; empty if nothing.")}
_MEASURE = {
    "data": text("The data of the publication, as it calls them."),
    "published_label": text("Its label; empty for a mean over labels."),
    "measure": text("The metric, by our name if we have it; or a measure of FROC."),
    "procedure": text("The published way of computing it, where ours is another and both are computed; else empty."),
}

REPRODUCTION = Table(
    "reproduction",
    "a published number beside what was reproduced",
    {
        **LABEL,
        **_VARIANT,
        **_MEASURE,
        "same_data": truth("Whether the data set is that of the publication; if not, only the order can be compared."),
        "loss": text("The loss, as the publication calls it."),
        "trainer": text("The trainer that reproduces it; empty if there is none."),
        "published": real("The published number."),
        "spread": real("What stands behind ±."),
        "spread_kind": text("What that is."),
        "n": real("How many were averaged."),
        "n_of": text("What was averaged."),
        "reproduced": real("Our value, by our definition: mean over cases, or the measure of FROC."),
        "low": real("Low end of its 95 % interval over cases."),
        "high": real("High end."),
        "by_procedure": real("Our value by the published procedure; NaN where we have none."),
        "difference": real("Reproduced − published, by the published procedure where we have it; NaN for other data."),
        "definition": text("The published definition."),
        "differs": text("Where it differs from ours, and what else stands in the way of a comparison."),
        "source": text("Where the number stands."),
        "mark": text("How it was read", words=MARKS),
        **REASON,
    },
)
AGREEMENT = Table(
    "agreement",
    "a published measure of several losses: does the order agree?",
    {
        **LABEL,
        **_VARIANT,
        **_MEASURE,
        "same_data": truth("Whether the data set is that of the publication."),
        "n_losses": integer("Losses with a published and a reproduced value."),
        "tau": real("Kendall's τ_b of published and reproduced values."),
        "subject": text("What varies: trainings and cases (losses), or the cases alone (models)", words=SUBJECTS),
        "low": real("Low end of its 95 % interval, over our cases, and over trainings where there are several."),
        "high": real("High end."),
        **REASON,
    },
    key=(*LABEL, "variant", "data", "published_label", "measure", "procedure"),
)
CLAIMS = Table(
    "claims",
    "a paper's conclusion, judged by one data set and label",
    {
        **LABEL,
        **_VARIANT,
        "paper": text("The file of claims."),
        "claim": text("The claim's short name."),
        "says": text("What the paper concludes."),
        "measure": text("The metric that it is about."),
        "direction": text("What is claimed of the contrast's value."),
        "verdict": text("What the claim comes to", words=Verdict),
        "contrast": text("The contrast in words; of several, the weakest."),
        "difference": real("Its value, in the metric's unit: above 0, the first is higher."),
        "low": real("Low end of its interval (95 %), which holds for all contrasts of the metric at once."),
        "high": real("High end."),
        "low_90": real("Low end of the interval for equivalence (90 %)."),
        "high_90": real("High end."),
        "margin": real("The smallest difference that would matter."),
        "size": real("The published size of the (first) contrast; NaN if none was published."),
        "subject": text("What the verdict is about: the losses, or only the models that were trained", words=SUBJECTS),
        "n": integer("Cases."),
        "trainings": integer("Trainings of each loss side by side: folds, or seeds of one fold."),
        "source": text("Where the claim stands."),
        "mark": text("How it was read", words=MARKS),
        **REASON,
    },
    key=(*LABEL, "variant", "paper", "claim"),
)
RESPONSES = Table(
    "responses",
    "a point of a response curve: a metric at a value of a hyper-parameter",
    {
        **LABEL,
        "measure": text("The metric."),
        "family": text("What the trainers of the curve have in common."),
        "parameter": text("The hyper-parameter, by its short name in trainers' names."),
        "kind": text("Found here, or published", words=("found", "published")),
        "trainer": text("The trainer; of a published point, as published numbers name it."),
        "data": text("The data of a published point."),
        "x": real("Value of the hyper-parameter."),
        "value": real("Mean over cases, or the published number."),
        "low": real("Low end of its 95 % interval over cases."),
        "high": real("High end."),
        "training_low": real("Low end of its 95 % interval over new trainings on the same cases."),
        "training_high": real("High end."),
        "n": integer("Cases; 0 for a published point."),
        "trainings": integer("Trainings: folds, or seeds of one fold; 0 for a published point."),
        "reason": text("Why a band is missing; of a published point, its source."),
    },
)
PILOT = Table(
    "pilot",
    "a kind of pilot: does it order the losses as the whole study does?",
    {
        **LABEL,
        "pilot": text("What the pilot would have been."),
        "measure": text("What orders the losses."),
        "n_losses": integer("Losses."),
        "trainings": integer("Trainings of each, side by side: folds and seeds."),
        "tau": real("Kendall's τ_b between the order of the pilot and that of the whole."),
        "low": real("Low end of its 95 % interval over resampled trainings."),
        "high": real("High end."),
        "same_best": real("1 if both have the same best loss, else 0."),
        **REASON,
    },
)
STUDIES = Table(
    "studies",
    "a data set of a study on the page across studies",
    {
        "study": text("The study."),
        "title": text("Its title."),
        "dataset": text("The data set."),
        "baseline": text("The trainer that all others are compared with."),
        "primary_metric": text("The metric that its answer rests on."),
        "cases": integer("Cases."),
        "trainers": integer("Losses and weightings."),
        "trainings": integer("Trainings that have finished."),
        "asked": integer("Trainings that were asked for."),
    },
    key=("study", "dataset"),
)
