"""The columns that tables of statistics begin with."""

from nnunet_losses.base import identity
from nnunet_losses.base.tables.identity import identity_columns
from nnunet_losses.base.tables.schema import text

SET = identity_columns(identity.STUDY)
LABEL = identity_columns(identity.LABEL)
PANEL = identity_columns(identity.PANEL)
TRAINER = identity_columns(("trainer",))
PAIR = {
    "trainer_a": text("The first trainer of the pair."),
    "trainer_b": text("The second; the baseline is always second."),
}
REASON = {"reason": text("Why numbers are missing or weak; empty if there is no reservation.")}
