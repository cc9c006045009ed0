"""Models outside of nnU-Net's results: which training they are from, and whether they are as they were written."""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import file_sha256, write_atomically, write_json
from nnunet_losses.base.identity import RUN
from nnunet_losses.base.names import FINAL_CHECKPOINT, MODEL_JSON, PLANS_JSON, split_model_name, table_name
from nnunet_losses.base.tables.results import JOBS, TRAINING
from nnunet_losses.nnunet.names.identity import identity
from nnunet_losses.nnunet.results.trainings import Training
from nnunet_losses.nnunet.training.checkpoint import (
    DamagedCheckpointError,
    origin_of,
    read_checkpoint,
    require_whole,
)
from nnunet_losses.nnunet.training.origin import ForeignModelError, Origin


@dataclass(frozen=True)
class ModelRecord:
    """What ``model.json`` says of the model beside it.

    origin: the training that it is from.
    sha256: of the checkpoint's file.
    weights_sha256: of the tensors of its network, see `weights_sha256`; an exported model keeps it.
    """

    origin: Origin
    sha256: str
    weights_sha256: str


def read_model(checkpoint: Path, expected: Origin | None) -> tuple[dict[str, Any], Origin]:
    """Read a checkpoint, in nnU-Net's results or published, and make sure that it is what it ought to be.

    Args:
        checkpoint: the file.
        expected: the training that it must be from; None for any.

    Returns:
        Its content, with the tensors left on the disk, and its origin.

    Raises:
        DamagedCheckpointError: it is damaged.
        ForeignModelError: it is from another training.
        UserError: it is not the file that its record describes, or not safe to load.
    """
    record = read_record(checkpoint.parent)
    if record is not None:
        _require_recorded(checkpoint, record)
    content = read_checkpoint(checkpoint, mapped=True)
    origin = record.origin if record is not None else origin_of(content, checkpoint)
    if expected is not None:
        origin.require(expected, checkpoint)
    return content, origin


def write_model(checkpoint: Path, target: Path, origin: Origin, weights: str) -> None:
    """Copy a checkpoint, and record beside it which training it is from.

    Args:
        checkpoint: the source.
        target: the copy.
        origin: its training.
        weights: SHA-256 of its weights.
    """
    # a record of another file would call the new one damaged, if this process were killed between the two
    (target.parent / MODEL_JSON).unlink(missing_ok=True)
    with write_atomically(target) as temporary:
        shutil.copyfile(checkpoint, temporary)
    record_model(target, ModelRecord(origin, file_sha256(checkpoint), weights))


def record_model(checkpoint: Path, record: ModelRecord) -> None:
    """Write ``model.json`` beside a checkpoint."""
    content = {
        "origin": record.origin.plain(),
        "sha256": {checkpoint.name: record.sha256},
        "weights_sha256": record.weights_sha256,
    }
    write_json(checkpoint.parent / MODEL_JSON, content)


def read_record(folder: Path) -> ModelRecord | None:
    """The record in the folder of a model; None if there is none, as before there were records.

    Raises:
        UserError: it cannot be read.
    """
    file = folder / MODEL_JSON
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return ModelRecord(
            Origin.from_plain(content["origin"]), content["sha256"][FINAL_CHECKPOINT], content["weights_sha256"]
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{file} cannot be read as the record of a model ({error}); publish or export the model again."
        ) from None


def check_models(folders: Iterable[Path]) -> None:
    """Look whether tables and models that were published together still belong together.

    Args:
        folders: of tables; only those with a ``model.json`` are looked at. Their checkpoints may be gone.

    Raises:
        UserError: a model differs from its record, or the tables beside it are about another training.
    """
    for folder in folders:
        if (record := read_record(folder)) is None:
            continue
        if (folder / FINAL_CHECKPOINT).is_file():
            _require_recorded(folder / FINAL_CHECKPOINT, record)
        origin = record.origin
        recorded = identity(origin.dataset, origin.configuration, origin.trainer, int(origin.fold))
        for name in (TRAINING.name, JOBS.name):
            file = folder / table_name(name)
            if not file.is_file():
                continue
            rows = pd.read_parquet(file, columns=list(RUN)).drop_duplicates().to_dict("records")
            if any(row != recorded for row in rows):
                raise UserError(
                    f"{file} is about another training than the model beside it ({_words(recorded)}); publish that "
                    f"training again."
                )


def remark_on_checkpoint(training: Training) -> str | None:
    """A sentence about the final checkpoint of a fold if it is damaged or from another training."""
    checkpoint = training.folder / FINAL_CHECKPOINT
    expected = Origin(training.trainer, training.dataset, training.plans, training.configuration, str(training.fold))
    try:
        require_whole(checkpoint)
    except OSError:
        return None
    except DamagedCheckpointError as error:
        return f"{training}: {FINAL_CHECKPOINT} cannot be used: {error.reason}."
    try:
        origin_of(read_checkpoint(checkpoint, mapped=True), checkpoint).require(expected, FINAL_CHECKPOINT)
    except ForeignModelError as error:
        return f"{training}: {FINAL_CHECKPOINT} cannot be used: {error.reason}."
    except UserError:
        return None  # not safe to load, or too old to say where it is from
    return None


def require_own(content: Mapping[str, Any], checkpoint: Path) -> None:
    """Refuse a checkpoint that is not from the training in whose folder it lies, if both of them say which.

    Args:
        content: what `read_checkpoint` gave.
        checkpoint: the file.

    Raises:
        ForeignModelError: it is from another training.
    """
    expected = expected_origin(checkpoint)
    if expected is not None and "init_args" in content:
        origin_of(content, checkpoint).require(expected, checkpoint)


def expected_origin(checkpoint: Path) -> Origin | None:
    """The training that nnU-Net's folders name; None if the checkpoint does not lie in such folders."""
    model = checkpoint.parents[1]
    names = split_model_name(model.name)
    fold = checkpoint.parent.name.removeprefix("fold_")
    if names is None or not (model / PLANS_JSON).is_file() or fold == checkpoint.parent.name:
        return None
    trainer, plans, configuration = names
    return Origin(trainer, model.parent.name, plans, configuration, fold)


def _require_recorded(checkpoint: Path, record: ModelRecord) -> None:
    if file_sha256(checkpoint) != record.sha256:
        raise UserError(
            f"{checkpoint} is not the file that {MODEL_JSON} beside it describes (another SHA-256); remove it, and "
            f"publish or export it again, in a study with `nnunet-losses run trained`."
        )


def _words(recorded: dict[str, str | int]) -> str:
    return ", ".join(f"{key} {value}" for key, value in recorded.items())
