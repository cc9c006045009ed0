"""nnU-Net's trainer with another loss: what differs from nnU-Net is what a trainer's name says."""

import os
import random
import time
import zipfile
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.default_n_proc_DA import get_allowed_n_proc_DA
from torch import Tensor, nn
from typing_extensions import override

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically
from nnunet_losses.base.locks import Lock, take_lock
from nnunet_losses.losses import CATALOGUE, Loss
from nnunet_losses.nnunet.names.grammar import TrainerName, parse_trainer_name
from nnunet_losses.nnunet.preparation.class_frequencies import ClassFrequencies, find_class_frequencies
from nnunet_losses.nnunet.preparation.folders import nnunet_folder
from nnunet_losses.nnunet.results.history import COLLAPSE_EPOCHS
from nnunet_losses.nnunet.training import experiment, job
from nnunet_losses.nnunet.training.adapter import LossAdapter
from nnunet_losses.nnunet.training.in_process import pools_in_process
from nnunet_losses.nnunet.training.stop import StopTraining
from nnunet_losses.nnunet.training.target import TargetFormat
from nnunet_losses.nnunet.training.transforms import (
    OwnRandomStream,
    insert_instance_ids,
    insert_weights,
    make_reproducible,
)
from nnunet_losses.nnunet.training.weight_maps import CasesWithWeights, find_weight_maps, prepare_weight_maps

LOCK_INTERVAL_S = 2
PLOT_INTERVAL_S = 60
"""nnU-Net draws progress.png after every epoch, which takes most of a second: longer than a short epoch."""


class LossTrainer(nnUNetTrainer):
    """nnU-Net's own recipe (1000 epochs of 250 steps, unless the name says otherwise) with a loss of the catalogue.

    Subclasses come from `make_trainer`; a user's own derive from one of those and override `voxel_weight` or set
    `voxel_weight_folder`. Only hooks are overridden, and each calls nnU-Net's.
    """

    name: ClassVar[TrainerName]
    voxel_weight_folder: ClassVar[str | None] = None
    """For a trainer of a user's own: a folder of the raw data set, such as ``weightsTr``, with a map for each case."""
    adapter: LossAdapter
    class_frequencies: ClassFrequencies | None = None
    """Of the fold's training cases, if the loss needs them."""
    # nnU-Net has no types of its own for these
    loss: Callable[[Any, Any], Tensor]
    num_iterations_per_epoch: int
    num_val_iterations_per_epoch: int

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),  # noqa: B008  # as in nnU-Net
    ) -> None:
        # nnU-Net reads the names of these five arguments from the signature: there may be no others
        super().__init__(plans, configuration, fold, dataset_json, device)
        self._lock = self._wait_for_others() if self.local_rank == 0 else None
        if self.name.epochs is not None:
            self.num_epochs = self.name.epochs
        if self.name.iterations is not None:
            ratio = self.num_val_iterations_per_epoch / self.num_iterations_per_epoch
            self.num_iterations_per_epoch = self.name.iterations
            self.num_val_iterations_per_epoch = max(1, round(ratio * self.name.iterations))
        self.save_every = max(1, min(10, self.num_epochs // 10))
        self._split: tuple[list[str], list[str]] | None = None
        self._steps = 0
        self._epochs_here = 0
        self._plotted = time.monotonic()
        self.logger.plot_progress_png = self._plot_progress_sparingly
        if self.device.type == "cpu" and (threads := os.environ.get("OMP_NUM_THREADS", "").split(",")[0]).isdigit():
            # nnU-Net's command has just taken all cores, whatever the user or the scheduler had allotted
            torch.set_num_threads(max(1, int(threads)))

    # --- what is learned from

    @override
    def _build_loss(self) -> nn.Module:
        with np.errstate(invalid="ignore"):  # 0/0 in the weights of a single scale, put right below
            stock = super()._build_loss()
        loss = self._make_loss()
        self.adapter = LossAdapter(
            loss,
            self._target_format(),
            self.name.weighting,
            voxel_weight=self.voxel_weight if self.has_own_weights() else None,
            patch_size=self.configuration_manager.patch_size,
            spacing=self.configuration_manager.spacing,
            class_frequencies=self._count_classes() if "class_frequencies" in loss.needs else None,
        )
        if not isinstance(stock, DeepSupervisionWrapper):
            return self.adapter
        weights = (1.0,) if len(stock.weight_factors) == 1 else stock.weight_factors
        return DeepSupervisionWrapper(self.adapter, weights)

    def _make_loss(self) -> Loss:
        try:
            return CATALOGUE[self.name.loss](
                **self.name.parameters,
                regions=self.label_manager.has_regions,
                batch=self.configuration_manager.batch_dice,
            )
        except (ValueError, NotImplementedError) as error:
            raise StopTraining(
                f"{self.name} cannot be trained on {self.plans_manager.dataset_name}: {error}."
            ) from error

    def _count_classes(self) -> Tensor:
        """Shares of the voxels of this fold's training cases, on the device."""
        train, _ = self.do_split()
        self.class_frequencies = find_class_frequencies(
            Path(self.preprocessed_dataset_folder_base),
            self.dataset_class(self.preprocessed_dataset_folder, list(train)),
            self.label_manager,
        )
        self.print_to_log_file(f"Class frequencies: {self.class_frequencies}.")
        return torch.tensor(list(self.class_frequencies.shares.values()), device=self.device)

    def voxel_weight(self, reference: Tensor, instances: Tensor) -> Tensor:
        """Weigh voxels in a way of your own: for a trainer of your own to override, see docs/howto/voxel-weights.md.

        Called at each level of deep supervision, in training and validation. The result is multiplied with the other
        weights (inverse weighting, ignored voxels). It must follow from the arguments and constants alone.

        Args:
            reference: (B, 1, *S) labels or (B, R, *S) regions, on the device. Ignored voxels hold the ignore label, or
                no region; they weigh 0 whatever is returned.
            instances: (B, L, *S) connected components of the patch, 0 the background, L = 1 for labels, else R; at
                coarser levels the smallest may be missing.

        Returns: (B, 1, *S) or (B, C, *S) weights, finite and ≥ 0, C the channels of the network.
        """
        raise NotImplementedError

    @classmethod
    def has_own_weights(cls) -> bool:
        """Whether a subclass overrides `voxel_weight`."""
        return cls.voxel_weight is not LossTrainer.voxel_weight

    @classmethod
    def needs_instances(cls) -> bool:
        """Whether anything that this trainer computes asks for the connected components of a patch."""
        loss = CATALOGUE[cls.name.loss](**cls.name.parameters)
        return cls.name.weighting is not None or "instances" in loss.needs or cls.has_own_weights()

    def _target_format(self) -> TargetFormat:
        labels = self.label_manager
        return TargetFormat(
            regions=len(labels.foreground_regions) if labels.has_regions else 0,
            ignore_label=labels.ignore_label,
            instances=self.needs_instances(),
            weights=self.voxel_weight_folder is not None,
        )

    @classmethod
    @override
    def get_training_transforms(cls, *args: Any, **kwargs: Any) -> BasicTransform:
        pipeline = super().get_training_transforms(*args, **kwargs)
        if cls.name.seed is not None:
            make_reproducible(pipeline)
        return cls._complete(pipeline, kwargs)

    @classmethod
    @override
    def get_validation_transforms(cls, *args: Any, **kwargs: Any) -> BasicTransform:
        return cls._complete(super().get_validation_transforms(*args, **kwargs), kwargs)

    @classmethod
    def _complete(cls, pipeline: Any, settings: dict[str, Any]) -> BasicTransform:
        pipeline.transforms.insert(0, OwnRandomStream())
        if cls.needs_instances():
            insert_instance_ids(pipeline, len(settings.get("regions") or ()), settings.get("ignore_label"))
        if cls.voxel_weight_folder is not None:
            insert_weights(pipeline)
        return pipeline

    @override
    def get_tr_and_val_datasets(self) -> tuple[Any, Any]:
        train, val = super().get_tr_and_val_datasets()
        if self.voxel_weight_folder is None:
            return train, val
        folder = Path(f"{self.preprocessed_dataset_folder}_{self.voxel_weight_folder}")
        for cases in (train, val):
            maps = self.weight_maps(cases.identifiers)
            prepare_weight_maps(maps, folder, cases, self.plans_manager, self.configuration_manager)
        return CasesWithWeights(train, folder), CasesWithWeights(val, folder)

    def weight_maps(self, cases: Iterable[str]) -> dict[str, Path]:
        """The stored voxel-weight map of each case; none if this trainer asks for none."""
        if self.voxel_weight_folder is None:
            return {}
        try:
            raw = nnunet_folder("nnUNet_raw") / self.plans_manager.dataset_name
        except UserError as error:
            raise StopTraining(str(error)) from None
        return find_weight_maps(raw / self.voxel_weight_folder, cases, self.dataset_json["file_ending"])

    @override
    def validation_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        if not self.adapter.target_format.has_additions:
            return super().validation_step(batch)
        # nnU-Net computes the loss and a Dice from one target; the loss needs what we added, the Dice chokes on it
        complete, loss = batch["target"], self.loss

        def loss_of_complete_target(output: Any, _: Any) -> Tensor:
            return loss(output, _map(lambda level: level.to(self.device, non_blocking=True), complete))

        self.loss = loss_of_complete_target
        try:
            return super().validation_step(
                batch | {"target": _map(self.adapter.target_format.without_additions, complete)}
            )
        finally:
            self.loss = loss

    # --- the course of a training

    @override
    def initialize(self) -> None:
        self._seed(0)
        super().initialize()

    @override
    def do_split(self) -> tuple[list[str], list[str]]:
        if self._split is None:
            self._split = super().do_split()
        return self._split

    @override
    def on_train_start(self) -> None:
        if not self.was_initialized:
            self.initialize()
        if self.local_rank == 0:
            folder = Path(self.output_folder)
            described = experiment.describe_experiment(self)
            if not experiment.refuse_other_experiment(folder, described):
                experiment.write_experiment(folder, described)
            for leftover in folder.glob(".*.pth"):  # of a process killed while it was writing
                leftover.unlink()
        if self.name.seed is not None:
            torch.backends.cudnn.benchmark = False
            torch.backends.cudnn.deterministic = True
            if get_allowed_n_proc_DA() > 0:
                self.print_to_log_file(
                    "INFO: the seed fixes the initial weights only, because batches come from worker processes in "
                    "whatever order they are ready; set nnUNet_n_proc_DA=0 to repeat a training exactly."
                )
        super().on_train_start()

    @override
    def on_epoch_start(self) -> None:
        # A resumed training draws the same numbers as one that was never interrupted.
        self._seed(1 + self.current_epoch)
        self._steps = 0
        self.adapter.epoch = self.current_epoch
        super().on_epoch_start()

    @override
    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = super().train_step(batch)
        if not np.isfinite(result["loss"]):
            if self.local_rank == 0:
                self._write_job("diverged")
            raise StopTraining(
                f"The loss became {float(result['loss'])} in epoch {self.current_epoch}, step {self._steps}, at cases "
                f"{', '.join(map(str, batch['keys']))} ({self.adapter.loss}); the checkpoints in "
                f"{self.output_folder} are from before, so --c goes on from the last of them."
            )
        self._steps += 1
        return result

    @override
    def on_epoch_end(self) -> None:
        super().on_epoch_end()
        self._epochs_here += 1
        if self._epochs_without_dice() == COLLAPSE_EPOCHS:
            self.print_to_log_file(
                f"WARNING: the pseudo Dice has been 0 for {COLLAPSE_EPOCHS} epochs: the network has collapsed to "
                f"background. Training goes on; the outcome is recorded as collapsed unless it recovers."
            )

    @override
    def on_train_end(self) -> None:
        super().on_train_end()
        # nnU-Net's --c after the end comes here too, without an epoch: what was recorded then stays
        if self.local_rank == 0 and (self._epochs_here or not (Path(self.output_folder) / job.FILE).is_file()):
            collapsed = self._epochs_without_dice() >= min(COLLAPSE_EPOCHS, self.num_epochs)
            self._write_job("collapsed" if collapsed else "completed")

    # --- checkpoints

    @override
    def save_checkpoint(self, filename: str) -> None:
        if self.local_rank != 0 or self.disable_checkpointing:
            super().save_checkpoint(filename)
            return
        with write_atomically(filename) as temporary:
            super().save_checkpoint(str(temporary))

    @override
    def load_checkpoint(self, filename_or_checkpoint: dict[str, Any] | str) -> None:
        if isinstance(filename_or_checkpoint, str) and not zipfile.is_zipfile(filename_or_checkpoint):
            raise StopTraining(
                f"{filename_or_checkpoint} is damaged (perhaps its writer was killed); remove it, and nnU-Net "
                f"continues from another checkpoint of that folder or from the beginning."
            )
        if not self.was_initialized:
            self.initialize()
        if self.local_rank == 0:
            experiment.refuse_other_experiment(Path(self.output_folder), experiment.describe_experiment(self))
        super().load_checkpoint(filename_or_checkpoint)

    @override
    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        # who wants augmentation in this process (nnUNet_n_proc_DA=0) has no core for nnU-Net's export workers either
        with pools_in_process() if get_allowed_n_proc_DA() == 0 else nullcontext():
            super().perform_actual_validation(save_probabilities)

    # --- helpers

    def _wait_for_others(self) -> Lock:
        """Hold this fold's folder: a training that outlived its killed scheduler is waited for, then gone on from."""
        waited = False
        while (lock := take_lock(Path(self.output_folder, ".lock"))) is None:
            if not waited:
                self.print_to_log_file(f"Another process is training in {self.output_folder}; waiting for its end.")
            waited = True
            time.sleep(LOCK_INTERVAL_S)
        return lock

    def _seed(self, stage: int) -> None:
        """Seed every random stream of this process from (seed, stage), if the name holds a seed."""
        if self.name.seed is None:
            return
        python, numpy, pytorch = np.random.SeedSequence([self.name.seed, stage, self.local_rank]).generate_state(3)
        random.seed(int(python))
        np.random.seed(int(numpy))  # noqa: NPY002  # nnU-Net draws from this stream
        torch.manual_seed(int(pytorch))

    def _plot_progress_sparingly(self, folder: str) -> None:
        last = self.current_epoch == self.num_epochs - 1
        if last or time.monotonic() - self._plotted >= PLOT_INTERVAL_S:
            type(self.logger).plot_progress_png(self.logger, folder)
            self._plotted = time.monotonic()

    def _epochs_without_dice(self) -> int:
        """For how many epochs up to now the pseudo Dice has been 0."""
        dice = self.logger.get_value("mean_fg_dice", step=None)
        return next((n for n, value in enumerate(reversed(dice)) if value != 0), len(dice))

    def _write_job(self, status: str) -> None:
        starts = self.logger.get_value("epoch_start_timestamps", step=None)
        ends = self.logger.get_value("epoch_end_timestamps", step=None)
        job.write_job(
            Path(self.output_folder),
            seconds=sum(end - start for start, end in zip(starts, ends, strict=False)),
            epochs=len(ends),
            status=status,
            device=self.device,
        )


@cache
def make_trainer(name: str) -> type[LossTrainer]:
    """The trainer class of a name such as ``TverskyTrainer_fp0.1_fn0.9_iw``; the same object at every call.

    Raises:
        TrainerNameError: the name is ours but wrong.
        ValueError: the name is not ours.
    """
    parsed = parse_trainer_name(name)
    if parsed is None:
        raise ValueError(f"{name} is not the name of a trainer of this package")
    return type(name, (LossTrainer,), {"name": parsed, "__module__": __name__, "__doc__": f"nnU-Net with {parsed}."})


def _map(function: Any, target: Any) -> Any:
    """Apply to a target, or to each level of deep supervision."""
    return [function(level) for level in target] if isinstance(target, list) else function(target)
