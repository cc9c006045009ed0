"""A short job that measures what steps of a study's trainings cost on this machine, data loading included."""

import contextlib
import io
import math
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import read_json, write_json

_WARM_UP, _STEPS = 2, 5
_LONGEST_S = 20.0
"""Given to the steps of one loss; what is slower is measured by fewer of them."""


@dataclass(frozen=True)
class Figure:
    """What a loss costs in a configuration on a machine; in seconds.

    dataset, configuration, loss: what was trained.
    step: of a training step, from loading to optimising.
    validation_step: of a validation step.
    patch: of the forward pass of one patch.
    parameters: of the network.
    hardware: that it was measured on.
    """

    dataset: str
    configuration: str
    loss: str
    step: float
    validation_step: float
    patch: float
    parameters: int
    hardware: str


def measure(
    dataset: str,
    configuration: str,
    plans: str,
    fold: int,
    trainers: Iterable[tuple[str, str]],
    *,
    device: str,
    threads: int,
) -> Iterator[Figure]:
    """Time some steps of each loss on preprocessed data.

    On a CPU it is the time of one core, so that other work on the machine does not count. Networks are not compiled, as
    nnU-Net does it on a GPU: that would take a minute for each loss, and makes steps somewhat faster than said here.

    Args:
        dataset: ``DatasetXXX_Name``, preprocessed, with its folds.
        configuration: of its plans.
        plans: their identifier.
        fold: whose cases are loaded.
        trainers: for each loss, its name and a trainer.
        device: ``cpu``, ``cuda`` or ``mps``.
        threads: cores that a training will have.

    Raises:
        UserError: the device is not there, or a loss cannot be trained on the data.
    """
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    from nnunet_losses.nnunet.training.job import hardware

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[device]:
        raise UserError(f"The study trains on {device}, which this machine does not have; measure on one that has it.")
    workers = "0" if device == "cpu" else str(max(1, threads - 1))
    before = torch.get_num_threads()
    settings = {"nnUNet_compile": "f", "nnUNet_n_proc_DA": workers, "OMP_NUM_THREADS": "1"}
    try:
        for loss, name in trainers:
            with (
                TemporaryDirectory() as results,
                patch.dict(os.environ, settings | {"nnUNet_results": results}),
                contextlib.redirect_stdout(io.StringIO()),
            ):
                torch.set_num_threads(1)
                trainer = get_trainer_from_args(
                    dataset, configuration, fold, name, plans, device=torch.device(device)
                )  # fmt: skip
                step, validation_step, forward = _seconds(trainer, device)
                parameters = sum(p.numel() for p in trainer.network.parameters())
                machine = hardware(torch.device(device))
            yield Figure(dataset, configuration, loss, step, validation_step, forward, parameters, machine)
    finally:
        torch.set_num_threads(before)


def _seconds(trainer: Any, device: str) -> tuple[float, float, float]:
    """Seconds of a training step, of a validation step, and of the forward pass of a patch."""
    import torch

    clock = time.process_time if device == "cpu" else time.perf_counter

    def timed(action: Any) -> float:
        times: list[float] = []
        begun = time.perf_counter()
        while len(times) < _WARM_UP + _STEPS and (time.perf_counter() - begun < _LONGEST_S or len(times) < 2):
            start = clock()
            action()
            if device == "cuda":
                torch.cuda.synchronize()
            times.append(clock() - start)
        return median(times[min(_WARM_UP, len(times) - 1) :])

    trainer.disable_checkpointing = True
    trainer.on_train_start()
    try:
        trainer.on_epoch_start()
        trainer.on_train_epoch_start()
        step = timed(lambda: trainer.train_step(next(trainer.dataloader_train)))
        with torch.no_grad():
            trainer.on_validation_epoch_start()
            validation_step = timed(lambda: trainer.validation_step(next(trainer.dataloader_val)))
            image = torch.rand(
                (1, trainer.num_input_channels, *trainer.configuration_manager.patch_size), device=trainer.device
            )
            forward = timed(lambda: trainer.network(image))
    finally:
        for loader in (trainer.dataloader_train, trainer.dataloader_val):
            with contextlib.suppress(AttributeError):  # one that loads in this process has nothing to end
                loader._finish()
    return step, validation_step, forward


def write_figures(path: Path, figures: Iterable[Figure]) -> None:
    """Write what was measured as JSON."""
    write_json(path, [asdict(figure) for figure in figures])


def read_figures(path: Path) -> list[Figure]:
    """Read what `write_figures` wrote; nothing if it is not there.

    Raises:
        UserError: the file holds something else.
    """
    if not path.is_file():
        return []
    advice = "remove it, and measure again"
    try:
        figures = [Figure(**entry) for entry in read_json(path, advice)]
        if not all(math.isfinite(figure.step + figure.validation_step + figure.patch) for figure in figures):
            raise ValueError
    except (TypeError, ValueError):
        raise UserError(f"{path} does not hold measured steps; {advice}.") from None
    return figures
