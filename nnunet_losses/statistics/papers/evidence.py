"""What one study says to questions that several studies are asked: claims, effects against the baseline, pilots."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from nnunet_losses.base.tables.results import RESULTS
from nnunet_losses.statistics.answer.questions import Asker
from nnunet_losses.statistics.detection.thresholds import threshold_tables
from nnunet_losses.statistics.panels.derived import with_derived
from nnunet_losses.statistics.panels.results import Results
from nnunet_losses.statistics.papers.claims import Claim, claims_table
from nnunet_losses.statistics.papers.pilot import pilot_table
from nnunet_losses.statistics.papers.reproduction import LossNames
from nnunet_losses.statistics.ranking.variance import variance_table


def evidence_tables(
    tables: Mapping[str, pd.DataFrame],
    *,
    baseline: str,
    primary_metric: str,
    margins: Mapping[str, float],
    alpha: float,
    claims: Sequence[Claim],
    loss_names: LossNames,
    seed: int = 0,
    cluster: str | None = None,
) -> dict[str, pd.DataFrame]:
    """The tables answers, decisions, claims, variance, pilot and thresholds; quick, for it resamples no ranks.

    tables: as for `compare`; they hold cases at least.
    """
    known: dict[str, Any] = {
        name: tables[name] for name in RESULTS if name in tables and name not in ("cases", "calibration")
    }
    wanted = frozenset(claim.metric for claim in claims)
    results = Results.of(with_derived(tables["cases"], wanted), baseline=baseline, cluster=cluster, **known)
    panels = results.panels([primary_metric])
    found = {} if results.thresholds is None else threshold_tables(results.thresholds, results.rosters, confidence=0.95)
    asker = Asker(results, primary_metric, margins, alpha, seed, wanted)
    answers, decisions = asker.tables(panels, found.get("threshold_cases"))
    return {
        "answers": answers,
        "decisions": decisions,
        "claims": claims_table(decisions, claims, loss_names),
        "variance": pd.concat([variance_table(panel) for panel in panels], ignore_index=True),
        "pilot": pilot_table(results.training, panels, seed=seed),
        "thresholds": found.get("thresholds", pd.DataFrame()),
    }
