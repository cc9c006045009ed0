"""Published numbers beside ours: values, differences, and whether the order of the losses agrees."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.base.identity import LABEL
from nnunet_losses.statistics.detection.as_published import published_froc
from nnunet_losses.statistics.detection.curves import curves, measures
from nnunet_losses.statistics.detection.froc import THRESHOLDS_RESAMPLED, detections_of
from nnunet_losses.statistics.estimators.bootstrap import FEW_CASES, bootstrap_means
from nnunet_losses.statistics.estimators.means import mean_interval
from nnunet_losses.statistics.estimators.ranks import kendall_tau_b
from nnunet_losses.statistics.panels.panel import Panel
from nnunet_losses.statistics.panels.roster import Roster
from nnunet_losses.statistics.ranking.decision import training_spread
from nnunet_losses.statistics.tables.detection import MEASURES
from nnunet_losses.statistics.tables.papers import AGREEMENT, REPRODUCTION

RESAMPLES = 1_000
FEWEST_LOSSES = 3
PROCEDURES: Mapping[tuple[str, str], str] = {
    **{
        ("shirokikh2020", measure): column
        for measure, column in {
            "average_recall": "avg_recall_boot",
            "lesion_dice_found": "object_dice",
            "cpm": "cpm_luna7",
            "recall@0.5": "recall@0.5FP",
            "recall@1": "recall@1FP",
            "recall@4": "recall@4FP",
            "max_recall": "max_recall",
            "false_positives_per_case": "fp_per_image_at_max",
        }.items()
    },
    ("shirokikh2020_full", "average_recall"): "avg_recall_full",
}
"""Published procedures that we have: the column of `published_froc`, by procedure and measure."""

LossNames = Mapping[str, tuple[str, str]]
"""By trainer: the trainer with the same loss and nothing else, and what else its name says."""

Key = tuple[str, ...]
_GROUP = ["data", "label", "metric", "procedure"]


@dataclass
class Ours:
    """What was measured here, by data set, configuration and label, then by measure.

    values: rows (trainer: value, low, high). samples: trainers and their values in resampled cases. of_losses: where
    these vary as new trainings would, too. by_procedure: columns of `published_froc` by trainer.
    """

    values: dict[Key, dict[str, pd.DataFrame]] = field(default_factory=dict)
    samples: dict[Key, dict[str, pd.DataFrame]] = field(default_factory=dict)
    by_procedure: dict[Key, pd.DataFrame] = field(default_factory=dict)
    of_losses: set[tuple[Key, str]] = field(default_factory=set)

    @classmethod
    def of(
        cls,
        panels: Sequence[Panel],
        rosters: Sequence[Roster],
        froc: pd.DataFrame | None,
        published: pd.DataFrame,
        *,
        seed: int,
        confidence: float,
    ) -> "Ours":
        """Measure and resample what the published numbers are about.

        panels: at least those of the published metrics that were measured. froc: the table of that name.
        """
        ours, wanted = cls(), set(published["metric"])
        for panel in panels:
            label, metric = panel.key[:3], panel.metric.name
            measured = ours.values.setdefault(label, {})
            if metric not in wanted or not panel.cases:
                continue
            low, high, *_ = mean_interval(panel.values, confidence=confidence, bounds=panel.metric.bounds)
            columns = {"value": panel.values.mean(axis=0), "low": low, "high": high}
            measured[metric] = pd.DataFrame(columns, index=panel.trainers)
            if len(panel.cases) >= FEW_CASES:
                drawn, retrained = _redrawn(panel, seed)
                ours.samples.setdefault(label, {})[metric] = pd.DataFrame(drawn, columns=panel.trainers)
                if retrained:
                    ours.of_losses.add((label, metric))
        if froc is not None and wanted & set(MEASURES):
            for key, rows in froc.groupby([*LABEL], sort=False):
                for measure, own in rows.groupby("measure", sort=False):
                    named = own.set_index("trainer")[["value", "low", "high"]]
                    ours.values.setdefault(tuple(map(str, key)), {})[str(measure)] = named
            for roster in rosters:
                ours._add_detection(roster, published, seed)
        return ours

    def _add_detection(self, roster: Roster, published: pd.DataFrame, seed: int) -> None:
        key = (roster.dataset, roster.configuration, roster.label)
        if roster.n_units >= FEW_CASES:
            counts, sampled = roster.draws(RESAMPLES, seed), {}
            for trainer in roster.trainers:
                rows = roster.lesions[roster.lesions["trainer"] == trainer]
                found = detections_of(rows, len(roster.cases), "score_max")
                if not isinstance(found, str):
                    sampled[trainer] = measures(curves(found.thinned(THRESHOLDS_RESAMPLED), counts))
            for k, measure in enumerate(MEASURES):
                columns = {trainer: values[:, k] for trainer, values in sampled.items()}
                self.samples.setdefault(key, {})[measure] = pd.DataFrame(columns)
        procedures = set(zip(published["procedure"], published["metric"], strict=True)) & set(PROCEDURES)
        if procedures and not roster.lesions.empty and "dice" in roster.lesions:
            seeds = [published_froc(own) for _, own in roster.lesions.groupby("seed", sort=False)]
            self.by_procedure[key] = pd.concat(seeds).groupby("trainer", sort=False).mean(numeric_only=True)


def _redrawn(panel: Panel, seed: int) -> tuple[np.ndarray, bool]:
    """Means of resampled cases, (resamples, trainers), and whether they vary as new trainings would, too.

    What a training is worth varies by the spread between folds, or between seeds where one fold was trained.
    """
    means = bootstrap_means(panel.values, resamples=RESAMPLES, seed=seed)
    spread, _ = training_spread(panel)
    if not np.isfinite(spread).all():
        return means, False
    noise = np.random.default_rng([seed, 11]).standard_normal(means.shape)
    return means + noise * spread / np.sqrt(panel.side_by_side), True


def reproduction_tables(ours: Ours, published: pd.DataFrame, losses: LossNames) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(reproduction, agreement): every published number with ours beside it, and Kendall's τ of each measure.

    A data set is compared with the numbers that were published of it or, if there are none, with those of every other,
    of which only the order can agree. A loss is found by its trainer, whatever the training length, or by its name in
    the authors' published records.
    """
    rows, taus = [], []
    for key, measured in ours.values.items():
        for group, numbers in _groups(key, published):
            same = bool(_of(numbers, key[0]).any())
            measure, procedure = str(group[2]), str(group[3])
            values = measured.get(measure)
            identity: dict[str, Any] = dict(zip(LABEL, key, strict=True)) | {
                "data": group[0], "published_label": group[1], "measure": measure, "procedure": procedure,
                "same_data": same,
            }  # fmt: skip
            for variant in dict.fromkeys(variant for _, variant in losses.values()):
                trainers = {loss: trainer for trainer, (loss, v) in losses.items() if v == variant}
                found = [_trainer(row, trainers) for row in numbers.to_dict("records")]
                if not any(found):
                    continue
                table = numbers.assign(trainer=found, **identity, variant=variant)
                rows.append(_beside(table, values, ours.by_procedure.get(key), measure, procedure, same))
                subject = "losses" if (key, measure) in ours.of_losses else "models"
                taus.append(_agreement(rows[-1], ours.samples.get(key, {}).get(measure), subject))
    return REPRODUCTION.concat(rows), AGREEMENT.concat(taus)


def _groups(key: Key, published: pd.DataFrame) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """The published numbers that a data set and label are compared with, by data, label, metric and procedure."""
    here = published[_of(published, key[0])]
    chosen = here if len(here) else published
    if key[2] in set(chosen["label"]):
        chosen = chosen[chosen["label"] == key[2]]
    for group, numbers in chosen.groupby(_GROUP, sort=False):
        yield tuple(map(str, group)), numbers  # type: ignore[arg-type, unused-ignore]


def _of(published: pd.DataFrame, dataset: str) -> "pd.Series[bool]":
    """Which numbers were published of a data set."""
    return published["dataset"].map(lambda names: dataset in str(names).split("|")).astype(bool)


def _trainer(row: Mapping[Any, Any], trainers: Mapping[str, str]) -> str:
    """The trainer of a published number, the preferred one first; empty if there is none."""
    names = [name for name in (*str(row["trainer"]).split("|"), str(row["record"])) if name]
    return next((trainers[name] for name in names if name in trainers), "")


def _beside(
    table: pd.DataFrame,
    values: pd.DataFrame | None,
    as_published: pd.DataFrame | None,
    measure: str,
    procedure: str,
    same: bool,
) -> pd.DataFrame:
    trainers, nothing = table["trainer"], np.full(len(table), np.nan)
    column = PROCEDURES.get((procedure, measure))
    table = table.rename(columns={"value": "published"})
    for name, source in (("reproduced", "value"), ("low", "low"), ("high", "high")):
        table[name] = nothing if values is None else trainers.map(values[source]).astype(float)
    known = column is not None and as_published is not None
    table["by_procedure"] = trainers.map(as_published[column]).astype(float) if known else nothing  # type: ignore[index]
    table["difference"] = _value(table) - table["published"] if same else nothing
    reason = np.where(trainers == "", "not trained here", "" if values is not None or known else "not measured here")
    return REPRODUCTION.build(table.assign(reason=reason).drop(columns=["record", "metric"]))


def _value(table: pd.DataFrame) -> "pd.Series[float]":
    return table["by_procedure"].fillna(table["reproduced"])


def _agreement(table: pd.DataFrame, samples: pd.DataFrame | None, subject: str) -> pd.DataFrame:
    own = table[(table["trainer"] != "") & _value(table).notna()].drop_duplicates("trainer")
    first = table.iloc[0]
    tau = low = high = np.nan
    reason = ""
    if len(own) < FEWEST_LOSSES:
        reason = f"{len(own)} losses in common: an order needs {FEWEST_LOSSES}"
    else:
        published = own["published"].to_numpy(dtype=float)
        tau = float(kendall_tau_b(published, _value(own).to_numpy(dtype=float)[None])[0])
        if samples is None or not set(own["trainer"]) <= set(samples):
            reason = "no interval: too few cases, or no scores of candidates"
        else:
            drawn = kendall_tau_b(published, samples[list(own["trainer"])].to_numpy())
            low, high = np.nanquantile(drawn, [0.025, 0.975]) if np.isfinite(drawn).any() else (np.nan, np.nan)
    names = (*LABEL, "variant", "data", "published_label", "measure", "procedure", "same_data")
    return AGREEMENT.build(
        [{name: first[name] for name in names} | {
            "n_losses": len(own), "subject": subject, "tau": tau, "low": low, "high": high, "reason": reason}]
    )  # fmt: skip
