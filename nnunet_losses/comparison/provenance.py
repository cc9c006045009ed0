"""How the results of a comparison came about."""

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnunet_losses.base.files import file_sha256
from nnunet_losses.base.names import SPLITS_JSON
from nnunet_losses.base.versions import software_versions
from nnunet_losses.study.record import StudyRecord

EVALUATING = ("numpy", "scipy", "pandas", "statsmodels", "connected-components-3d")
"""Packages that measured and compared."""
TRAINING = ("nnunetv2", "torch", "snakemake")
"""Packages that trained. Of trainings that were found, today's environment does not know their versions."""


def provenance_of_study(record: StudyRecord, folder: Path) -> dict[str, Any]:
    """How the results of a study came about: versions, commit, splits, config and losses.

    Args:
        record: the record of the study.
        folder: the checkout it ran in: its commit, and the splits in its ``results/datasets``.
    """
    datasets = dict.fromkeys(run.dataset for run in record.runs)
    splits = {dataset: folder / "results/datasets" / dataset / SPLITS_JSON for dataset in datasets}
    cluster = record.config.statistics.cluster
    facts = {"commit": checked_out_commit(folder), **({} if cluster is None else {"cluster": cluster})}
    return _provenance(record, (*TRAINING, *EVALUATING), facts, splits)


def provenance_of_found(
    record: StudyRecord,
    places: Iterable[Path],
    *,
    remarks: Sequence[str] = (),
    splits: Mapping[str, Path] | None = None,
) -> dict[str, Any]:
    """How results of unknown origin came about, as far as they tell.

    Args:
        record: what they are compared by.
        places: the folders they were found in.
        remarks: what a reader has to know of them, a sentence each.
        splits: the present ``splits_final.json`` by data set.
    """
    facts = {"found_in": "\n".join(map(str, places)), **({"remarks": "\n".join(remarks)} if remarks else {})}
    return _provenance(record, EVALUATING, facts, splits or {})


def provenance_of_table(record: StudyRecord, files: Sequence[Path], decisions: Sequence[str]) -> dict[str, Any]:
    """How results came about that were given as a table: the files, and how they were read.

    Args:
        record: what they are compared by.
        files: the table, and the table of covariates if there is one.
        decisions: how the table was understood, a sentence each.
    """
    return {
        "versions": software_versions(EVALUATING),
        "table": "\n".join(f"{file}, SHA-256 {file_sha256(file)}" for file in files),
        "decisions": "\n".join(decisions),
        "config": record.config.plain(),
    }


def _provenance(
    record: StudyRecord, packages: Iterable[str], facts: Mapping[str, Any], splits: Mapping[str, Path]
) -> dict[str, Any]:
    digests = {dataset: file_sha256(path) for dataset, path in splits.items() if path.is_file()}
    return {
        "versions": software_versions(packages),
        **facts,
        **({"splits": digests} if digests else {}),
        "config": record.config.plain(),
        "losses": {trainer: loss for trainer in record.trainers if (loss := _loss(trainer))},
    }


def _loss(trainer: str) -> dict[str, Any] | None:
    """Formula, reference and parameters of the loss of a trainer; None if it is not one of ours."""
    from nnunet_losses.losses import CATALOGUE  # loads torch, which a table of results does not need
    from nnunet_losses.nnunet.names.changes import CHANGES
    from nnunet_losses.nnunet.names.grammar import TrainerNameError, parse_trainer_name

    try:
        name = parse_trainer_name(trainer)
    except TrainerNameError:  # somebody's own, whose name begins like one of ours
        return None
    if name is None:
        return None
    loss = CATALOGUE[name.loss]
    return {
        "formula": loss.formula,
        "reference": loss.reference,
        "parameters": dict(name.parameters),
        "weighting": name.weighting,
        **({"changes": {word: CHANGES[word].help for word in name.changes}} if name.changes else {}),
        "repr": repr(loss(**name.parameters)),
    }


def checked_out_commit(folder: Path) -> str | None:
    """The checked-out commit, marked if files differ from it; none outside a checkout or without git."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
