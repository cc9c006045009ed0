"""Linear mixed models of the panels, within a data set and across all."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nnunet_losses.statistics.estimators.mixed import SCALES, mixed_model, rescaled
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.tables.pairwise import MIXED


def mixed_table(panels: Sequence[Panel], *, confidence: float = 0.95) -> pd.DataFrame:
    """Differences trainer − baseline from metric ~ trainer + (1 | case), per panel and across data sets.

    Across data sets the model is metric ~ trainer·dataset + (1 | dataset:case): every data set weighs the same, and
    several labels are averaged per case first. As a check, shares are also modelled as logits and every metric as
    ranks. See `nnunet_losses.statistics.estimators.mixed`.
    """
    parts = []
    for panel in panels:
        for scale, columns in _models([panel.values], panel, panel.trainers, confidence):
            parts.append(panel.table(MIXED, scope="within", scale=scale, **columns))
    across: dict[tuple[str, str], list[Panel]] = {}
    for panel in panels:
        across.setdefault((panel.configuration, panel.metric.name), []).append(panel)
    for (configuration, metric), members in across.items():
        datasets = list(dict.fromkeys(panel.dataset for panel in members))
        if len(datasets) < 2:
            continue
        trainers = [t for t in members[0].trainers if all(t in panel.trainers for panel in members)]
        groups = [_label_means([p for p in members if p.dataset == d], trainers) for d in datasets]
        everywhere = {"dataset": "all", "configuration": configuration, "label": "all", "metric": metric}
        for scale, columns in _models(groups, members[0], trainers, confidence):
            frame = pd.DataFrame({"scope": "across", "scale": scale, **columns})
            parts.append(MIXED.build(frame.assign(**everywhere)))
    return MIXED.concat(parts)


def _label_means(panels: Sequence[Panel], trainers: Sequence[str]) -> np.ndarray:
    """Values (cases × trainers) of one data set, averaged over labels where a case has them all."""
    frames = [pd.DataFrame(p.values, index=p.cases, columns=p.trainers)[list(trainers)] for p in panels]
    common = frames[0].index
    for frame in frames[1:]:
        common = common.intersection(frame.index)
    return np.mean([frame.loc[common].to_numpy() for frame in frames], axis=0)


def _models(
    groups: list[np.ndarray], panel: Panel, trainers: Sequence[str], confidence: float
) -> list[tuple[str, dict[str, object]]]:
    """The scales that apply, and the columns of each one's rows."""
    if panel.baseline not in trainers or len(trainers) < 2:
        return []
    sizes = sum(len(group) for group in groups)
    scales = [scale for scale in SCALES if scale != "logit" or (panel.metric.is_share and sizes)]
    base = list(trainers).index(panel.baseline)
    common = {"trainer": [t for t in trainers if t != panel.baseline], "baseline": panel.baseline, "n": sizes}
    return [
        (scale, {**common, **mixed_model(rescaled(groups, scale), base, confidence=confidence)}) for scale in scales
    ]
