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
from nnunet_losses.nnunet.training.checkpoint import read_checkpoint


def publish_training(dataset: str, configuration: str, trainer: str, plans: str, fold: int, out: Path) -> None:
    """Copy a finished fold to ``out``: final checkpoint, ``training.parquet``, ``jobs.parquet``, ``experiment.json``.

    Raises:
        UserError: the training is not finished, or its checkpoint cannot be read safely (see `read_checkpoint`).
    """
    dataset = find_dataset(nnunet_folder("nnUNet_results"), dataset).name
    folder = fold_folder(dataset, configuration, trainer, plans, fold)
    if not (folder / FINAL_CHECKPOINT).is_file():
        raise UserError(f"{folder} holds no {FINAL_CHECKPOINT}: this training is not finished; resume it with --c.")
    row = identity(dataset, configuration, trainer, fold)
    curves = curves_of(read_checkpoint(folder / FINAL_CHECKPOINT)["logging"])
    job = pd.DataFrame([row | job_row(folder, curves, finished=True)])
    write_tables(out, {"training": TRAINING.build(curves.assign(**row)), "jobs": JOBS.build(job)})
    for name in (EXPERIMENT_JSON, FINAL_CHECKPOINT):
        if (folder / name).is_file():
            with write_atomically(out / name) as temporary:
                shutil.copyfile(folder / name, temporary)
