"""One ranking of several scores, as a challenge makes it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nnunet_losses.base.metrics.challenges import CHALLENGES, Ranking
from nnunet_losses.statistics.estimators.ranks import best_first, case_ranks
from nnunet_losses.statistics.panels.foreground import FOREGROUND_MEAN
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.tables.ranking import CHALLENGE_RANKING


def challenge_ranking_table(panels: Sequence[Panel]) -> pd.DataFrame:
    """The ranking of each challenge of which a data set has all scores; labels count alike.

    Trainers that lack cases of one score are not ranked. Empty where no challenge's scores were measured, or its rule
    of ranking is not known.
    """
    parts = []
    labelled = [panel for panel in panels if panel.label != FOREGROUND_MEAN]
    for dataset, configuration in dict.fromkeys((panel.dataset, panel.configuration) for panel in labelled):
        here = [panel for panel in labelled if (panel.dataset, panel.configuration) == (dataset, configuration)]
        for name, challenge in CHALLENGES.items():
            if (rule := challenge.ranking) is None:
                continue
            by_score = {score: [panel for panel in here if panel.metric.name == score] for score in rule.weights}
            if not all(by_score.values()):
                continue
            used = [panel for found in by_score.values() for panel in found]
            trainers = [t for t in used[0].trainers if all(t in panel.trainers for panel in used)]
            if len(trainers) < 2 or not all(panel.cases for panel in used):
                continue
            mean_rank = sum(
                weight / sum(rule.weights.values()) * _score_ranks(rule, by_score[score], trainers)
                for score, weight in rule.weights.items()
            )
            tie = _means(by_score[rule.tie][-1:], trainers) if rule.tie else np.zeros(len(trainers))
            part = pd.DataFrame(
                {
                    "dataset": dataset, "configuration": configuration, "challenge": name, "trainer": trainers,
                    "mean_rank": mean_rank, "rank": _places(np.asarray(mean_rank), tie),
                }
            )  # fmt: skip
            parts.append(part.sort_values("rank", kind="stable"))
    return CHALLENGE_RANKING.concat(parts)


def _means(panels: Sequence[Panel], trainers: Sequence[str]) -> np.ndarray:
    """Mean over cases, then labels, of the oriented values, (trainers,)."""
    return np.mean([_of(panel, trainers).mean(axis=0) for panel in panels], axis=0)


def _score_ranks(rule: Ranking, panels: Sequence[Panel], trainers: Sequence[str]) -> np.ndarray:
    if rule.by_case:
        return np.mean([case_ranks(_of(panel, trainers)).mean(axis=0) for panel in panels], axis=0)
    return best_first(_means(panels, trainers))


def _of(panel: Panel, trainers: Sequence[str]) -> np.ndarray:
    return panel.oriented[:, [panel.trainers.index(t) for t in trainers]]


def _places(mean_rank: np.ndarray, tie: np.ndarray) -> np.ndarray:
    """Places by mean rank, then by the score that parts ties; what is equal in both shares the better place."""
    keys = [(round(float(rank), 9), round(-float(score), 9)) for rank, score in zip(mean_rank, tie, strict=True)]
    return np.array([1.0 + sum(other < key for other in keys) for key in keys])
