"""The columns that tables of statistics begin with."""

from nnunet_losses.base.tables.schema import text

SET = {
    "dataset": text("Name of the data set."),
    "configuration": text("nnU-Net's configuration."),
}
LABEL = {**SET, "label": text("Name of the label or region.")}
PANEL = {**LABEL, "metric": text("Name of the metric.")}
TRAINER = {"trainer": text("Name of the trainer, without its seed.")}
PAIR = {
    "trainer_a": text("The first trainer of the pair."),
    "trainer_b": text("The second; the baseline is always second."),
}
REASON = {"reason": text("Why numbers are missing or weak; empty if nothing stands against reading the row.")}
