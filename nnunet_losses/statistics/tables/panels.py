"""What every comparison is made of: the values, and what became of undefined ones."""

from nnunet_losses.base.states import CaseStatus, Resolution
from nnunet_losses.base.tables.schema import Table, integer, real, text
from nnunet_losses.statistics.tables.identity import PANEL, TRAINER

VALUES = Table(
    "values",
    "the value of one case and trainer as all statistics and figures use it",
    {
        **PANEL,
        **TRAINER,
        "case": text("Name of the case; every trainer of a panel has the same cases."),
        "fold": integer("The fold that the case was held out in."),
        "value": real("The metric, averaged over seeds, undefined values resolved."),
        "resolved": text("What an undefined value was counted as", words=("", Resolution.PERFECT, Resolution.WORST)),
    },
    key=(*PANEL, "trainer", "case"),
)
UNDEFINED = Table(
    "undefined",
    "a kind of undefined value of one trainer, and what it was counted as",
    {
        **PANEL,
        **TRAINER,
        "status": text("Which side of the case holds something", words=CaseStatus),
        "resolved": text(
            "What the value was counted as; a case left out is left out for all trainers", words=Resolution
        ),
        "n": integer("Number of such values, over all seeds."),
    },
    key=(*PANEL, "trainer", "status", "resolved"),
)
