"""Checkpoints for people who do not have this package."""

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import torch

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import file_sha256, write_atomically
from nnunet_losses.base.names import DATASET_JSON, FINAL_CHECKPOINT, MODEL_JSON, PLANS_JSON
from nnunet_losses.nnunet.names.grammar import parse_trainer_name
from nnunet_losses.nnunet.names.identity import identity
from nnunet_losses.nnunet.results.models import ModelRecord, expected_origin, read_model, record_model
from nnunet_losses.nnunet.results.operating_points import OPERATING_POINT_JSON, choose_point, read_point, write_point
from nnunet_losses.nnunet.training.changes.parts import OwnFusion, OwnNetwork
from nnunet_losses.nnunet.training.checkpoint import weights_sha256
from nnunet_losses.nnunet.training.origin import Origin
from nnunet_losses.nnunet.training.trainer import make_trainer

STOCK = "nnUNetTrainer"


def export_checkpoint(
    checkpoint: Path,
    out: Path,
    *,
    goal: str | None = None,
    tables: Mapping[str, pd.DataFrame] | None = None,
    cluster: str | None = None,
) -> Path:
    """Write a checkpoint that stock nnU-Net predicts with: its network, and its trainer's name instead of ours.

    A recipe with another network, or another way to predict, needs this package: its checkpoint keeps our name.

    Args:
        checkpoint: ``.../<trainer>__<plans>__<configuration>/fold_<k>/checkpoint_final.pth``.
        out: a ``.pth`` file, or a model folder to be made or added to: it gets ``fold_<k>/checkpoint_final.pth``,
            ``plans.json`` and ``dataset.json``, all that ``nnUNetv2_predict_from_modelfolder`` needs, and in
            ``model.json`` the training that it is from, with its checksum.
        goal: what an operating point is chosen for; with it, a model folder also gets ``operating_point.json``.
        tables: the study's tables of results, by name, that it is chosen on.
        cluster: the covariate, such as the patient, that its intervals are resampled by; cases if absent.

    Returns:
        The checkpoint written.

    Raises:
        UserError: it is no checkpoint of one of our trainers, or damaged, or not safe to load; or it is from another
            training than its folder or its record says; or the files beside it are missing; or no operating point
            reaches the goal.
    """
    if goal is not None and out.suffix == ".pth":
        raise UserError(f"An operating point is stored in a model folder, and {out} is a file; name a folder.")
    if not (checkpoint.is_file() and zipfile.is_zipfile(checkpoint)):
        raise UserError(f"{checkpoint} is not a checkpoint, or it is damaged; give the {FINAL_CHECKPOINT} of a fold.")
    content, origin = read_model(checkpoint, expected_origin(checkpoint))
    trainer = content.get("trainer_name", "")
    if parse_trainer_name(trainer) is None:
        raise UserError(f"{checkpoint} was written by {trainer or 'no trainer'}, which is not one of this package.")
    if not issubclass(make_trainer(trainer), OwnNetwork | OwnFusion):
        content["trainer_name"] = STOCK
    point = None if goal is None else choose_point(goal, tables or {}, origin, cluster=cluster)
    target = out
    if out.suffix != ".pth":
        model = checkpoint.parent.parent
        for name in (PLANS_JSON, DATASET_JSON):
            if not (model / name).is_file():
                raise UserError(f"{model} holds no {name}; give a checkpoint in nnU-Net's results folder.")
            with write_atomically(out / name) as temporary:
                shutil.copyfile(model / name, temporary)
        target = out / checkpoint.parent.name / FINAL_CHECKPOINT
        (target.parent / MODEL_JSON).unlink(missing_ok=True)  # it describes an earlier file
    with write_atomically(target) as temporary:
        torch.save(content, temporary)
    if out.suffix != ".pth":
        weights = weights_sha256(content["network_weights"])
        record_model(target, ModelRecord(origin, file_sha256(target), weights))
        if point is not None:
            write_point(out, point)
        elif (out / OPERATING_POINT_JSON).is_file() and read_point(out / OPERATING_POINT_JSON).run != _run_of(origin):
            (out / OPERATING_POINT_JSON).unlink()  # it is of another training
    return target


def _run_of(origin: Origin) -> tuple[str, str, str, int]:
    own = identity(origin.dataset, origin.configuration, origin.trainer, 0)
    return str(own["dataset"]), str(own["configuration"]), str(own["trainer"]), int(own["seed"])
