"""Tables of subgroups: does the difference from the baseline depend on what is known of the cases?"""

from nnunet_losses.base.tables.schema import Table, integer, real, text
from nnunet_losses.statistics.tables.identity import PANEL, REASON, TRAINER

_COVARIATE = {"covariate": text("The covariate."), **TRAINER, "baseline": text("The baseline.")}

SUBGROUPS = Table(
    "subgroups",
    "a trainer against the baseline in the cases of one group",
    {
        **PANEL,
        **_COVARIATE,
        "level": text("The group."),
        "position": integer("Its place in the order of the groups, from 0."),
        "n": integer("Cases; clusters where these are the unit of analysis."),
        "difference": real("Trainer − baseline, Hodges-Lehmann estimate."),
        "low": real("Low end of its 95 % interval."),
        "high": real("High end."),
        **REASON,
    },
    key=(*PANEL, "covariate", "trainer", "level"),
)
INTERACTIONS = Table(
    "interactions",
    "a trainer and a covariate: the test that the difference from the baseline is the same in all groups",
    {
        **PANEL,
        **_COVARIATE,
        "rule": text("How a numeric covariate was cut; empty for words."),
        "levels": integer("Groups that were compared."),
        "n": integer("Cases in them, or clusters."),
        "unknown": integer("Cases, or clusters, of which the covariate is not known or not one."),
        "p": real("Permutation test of ranks."),
        "p_holm": real("The same, Holm over all covariates and trainers of the panel."),
        **REASON,
    },
    key=(*PANEL, "covariate", "trainer"),
)
