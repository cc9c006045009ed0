"""nnU-Net's three folders, found or explained."""

import os
from pathlib import Path

from nnunet_losses.base.errors import UserError


def nnunet_folder(variable: str) -> Path:
    """The folder that ``nnUNet_raw``, ``nnUNet_preprocessed`` or ``nnUNet_results`` names.

    Raises:
        UserError: the variable is not set or points nowhere.
    """
    value = os.environ.get(variable)
    if not value:
        raise UserError(f"The environment variable {variable} is not set; set it to nnU-Net's folder of that name.")
    if not Path(value).is_dir():
        raise UserError(f"The environment variable {variable} points to {value}, which is not a folder; create it.")
    return Path(value)


def dataset_folder(base: Path, dataset: str | int) -> Path:
    """The folder ``DatasetXXX_Name`` in ``base``, by its name or by its number.

    Raises:
        UserError: none or more than one fits; the text names those that exist.
    """
    text = str(dataset)
    pattern = f"Dataset{int(text):03d}_*" if text.isdigit() else text
    found = sorted(path for path in base.glob(pattern) if path.is_dir())
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"{base} holds several data sets of number {text}: {', '.join(p.name for p in found)}.")
    there = ", ".join(sorted(path.name for path in base.glob("Dataset*") if path.is_dir())) or "none"
    raise UserError(f"There is no data set {text} in {base}; there are: {there}.")


def parallel_environment(device: str, threads: int) -> str:
    """Shell assignments that keep nnU-Net within ``threads`` cores.

    On a CPU the network is the work: it gets the threads, and augmentation and export run in the same process. On a GPU
    the workers are the work: they get a thread each.
    """
    if device == "cpu":
        values = {"nnUNet_n_proc_DA": 0, "nnUNet_def_n_proc": 1, "OMP_NUM_THREADS": threads}
    else:
        values = {
            "nnUNet_n_proc_DA": max(1, threads - 1),
            "nnUNet_def_n_proc": max(1, threads // 4),
            "OMP_NUM_THREADS": 1,
        }
    return " ".join(f"{name}={value}" for name, value in values.items())
