"""Whether more of a metric is better."""

from collections.abc import Mapping

from nnunet_losses.base.metrics import metric_named


def is_higher_better(metric: str, higher_is_better: Mapping[str, bool] | None = None) -> bool:
    """True if higher values of `metric` are better, from the argument or from `nnunet_losses.base.metrics`.

    Raises ValueError for a metric that neither knows.
    """
    if higher_is_better is not None and metric in higher_is_better:
        return bool(higher_is_better[metric])
    try:
        return metric_named(metric).higher_is_better
    except KeyError:
        raise ValueError(
            f"Unknown metric {metric!r}: say whether higher is better with "
            f"higher_is_better={{{metric!r}: True or False}}."
        ) from None
