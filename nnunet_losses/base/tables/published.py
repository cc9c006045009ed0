"""The table of published numbers: what a paper reports of a loss, and how it was measured."""

from nnunet_losses.base.tables.schema import Table, real, text

MARKS = {
    "primary": "read in the paper",
    "code": "read in the authors' code, notebook or repository",
    "secondary": "read in another paper",
    "derived": "recomputed from what the authors published",
}
"""How far a number can be trusted to be the paper's own."""

PUBLISHED = Table(
    "published",
    "one published number",
    {
        "data": text("The data, as the paper calls them."),
        "dataset": text(
            "The same data set of this package, such as `Dataset043_LiTS`; several, prepared differently, separated by "
            "`|`; empty if there is none."
        ),
        "label": text("The label; empty for a mean over labels."),
        "loss": text("The loss, as the paper calls it."),
        "trainer": text("The trainer with this loss; several in order of preference, separated by `|`; empty if none."),
        "record": text("Name of the model in the authors' published records; empty if there are none."),
        "metric": text("The metric, by our name if we have it; or a measure of FROC."),
        "procedure": text("The published way of computing it, if we have that too; else empty."),
        "value": real("The number; a share, not a percentage."),
        "spread": real("What stands behind ±; empty if nothing."),
        "spread_kind": text("What that is, such as an SD over patients."),
        "n": real("How many were averaged; empty if that is not known."),
        "n_of": text("What was averaged, such as patients."),
        "definition": text("The published definition of the metric."),
        "differs": text("Where it differs from ours, and what else stands in the way of a comparison; else empty."),
        "source": text("Where the number stands."),
        "mark": text("How it was read", words=MARKS),
    },
    key=("data", "label", "loss", "metric", "procedure", "source"),
)
