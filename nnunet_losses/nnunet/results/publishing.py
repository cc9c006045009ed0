"""Copy a finished training out of nnU-Net's results: its model, its curves and its cost."""

import shutil
from pathlib import Path

import pandas as pd

from nnunet_losses.base.dataset import find_dataset
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically
from nnunet_losses.base.names import EXPERIMENT_JSON, FINAL_CHECKPOINT
from nnunet_losses.base.tables.results import JOBS, TRAINING
from nnunet_losses.base.tables.storage import write_tables
from nnunet_losses.nnunet.names.identity import identity
from nnunet_losses.nnunet.preparation.folders import fold_folder, nnunet_folder
from nnunet_losses.nnunet.results.history import curves_of, job_row
from nnunet_losses.nnunet.results.models import read_model, write_model
from nnunet_losses.nnunet.training.checkpoint import weights_sha256
from nnunet_losses.nnunet.training.origin import Origin


def publish_training(dataset: str, configuration: str, trainer: str, plans: str, fold: int, out: Path) -> None:
    """Copy a finished fold to ``out``: final checkpoint, ``training.parquet``, ``jobs.parquet``, ``experiment.json``.

    ``model.json`` says which training the model is from, with its checksum.

    Raises:
        UserError: the training is not finished, or its checkpoint is damaged, from another training, or not safe to
            load.
    """
    dataset = find_dataset(nnunet_folder("nnUNet_results"), dataset).name
    folder = fold_folder(dataset, configuration, trainer, plans, fold)
    if not (folder / FINAL_CHECKPOINT).is_file():
        raise UserError(f"{folder} holds no {FINAL_CHECKPOINT}: this training is not finished; resume it with --c.")
    expected = Origin(trainer, dataset, plans, configuration, str(fold))
    content, origin = read_model(folder / FINAL_CHECKPOINT, expected)
    row = identity(dataset, configuration, trainer, fold)
    curves = curves_of(content["logging"])
    job = pd.DataFrame([row | job_row(folder, curves, finished=True)])
    write_tables(out, {"training": TRAINING.build(curves.assign(**row)), "jobs": JOBS.build(job)})
    if (folder / EXPERIMENT_JSON).is_file():
        with write_atomically(out / EXPERIMENT_JSON) as temporary:
            shutil.copyfile(folder / EXPERIMENT_JSON, temporary)
    write_model(folder / FINAL_CHECKPOINT, out / FINAL_CHECKPOINT, origin, weights_sha256(content["network_weights"]))
