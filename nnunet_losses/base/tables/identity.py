"""The columns that say what a row is about, as every table describes them."""

from collections.abc import Iterable

from pandera.pandas import Column

from nnunet_losses.base.tables.schema import integer, text

_COLUMNS = {
    "dataset": text("Name of the data set, `DatasetXXX_Name`."),
    "configuration": text("nnU-Net's configuration."),
    "trainer": text("Name of the trainer, without its seed."),
    "fold": integer("The fold that was held out."),
    "seed": integer("The seed; 0 if unseeded. Seeds are repeats of one experiment."),
    "case": text("Name of the case."),
    "label": text("Name of the label or region."),
    "metric": text("Name of the metric."),
}


def identity_columns(names: Iterable[str]) -> dict[str, Column]:
    """These columns, such as those that a tuple of `nnunet_losses.base.identity` names, in their order.

    Raises:
        KeyError: there is no such column.
    """
    return {name: _COLUMNS[name] for name in names}
