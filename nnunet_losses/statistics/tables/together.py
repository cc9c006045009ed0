"""Tables of pairs of losses used together: how alike their errors are, and what both miss."""

from nnunet_losses.base.tables.schema import Table, integer, real
from nnunet_losses.statistics.tables.identity import LABEL, PAIR, PANEL, REASON

TOGETHER = Table(
    "together",
    "a pair of trainers in one panel, as if the better of both could be known for every case",
    {
        **PANEL,
        **PAIR,
        "n": integer("Cases."),
        "correlation": real("Correlation of their values over cases; much of it is that some cases are hard for all."),
        "better_of_both": real("Mean over cases of the better value."),
        "gain": real("How much better that is than the better of both trainers alone; never negative."),
        "gain_low": real("Low end of its 95 % interval."),
        "gain_high": real("High end."),
    },
    key=(*PANEL, "trainer_a", "trainer_b"),
)
MISSED = Table(
    "missed",
    "a pair of trainers: the reference lesions that neither finds",
    {
        **LABEL,
        **PAIR,
        "n_lesions": integer("Reference lesions."),
        "missed_a": real("Of these, missed by a, averaged over seeds."),
        "missed_b": real("Missed by b."),
        "missed_both": real("Missed by both."),
        "share": real("Share of the lesions that both miss."),
        "share_low": real("Low end of its 95 % interval, which resamples cases."),
        "share_high": real("High end."),
        "overlap": real("Lesions that both miss, of those that either misses; 1: they miss the same."),
        **REASON,
    },
    key=(*LABEL, "trainer_a", "trainer_b"),
)
