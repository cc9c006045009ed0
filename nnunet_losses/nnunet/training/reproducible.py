"""nnU-Net's trainer, made repeatable, safe to interrupt and accountable; no word about losses."""

import os
import random
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.default_n_proc_DA import get_allowed_n_proc_DA
from typing_extensions import override

from nnunet_losses.base.dataset import FINGERPRINT
from nnunet_losses.base.disk import on_disk
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically
from nnunet_losses.base.locks import Lock, take_lock
from nnunet_losses.base.names import CHECKPOINTS, JOBS_JSON
from nnunet_losses.base.states import Alarm, RunStatus
from nnunet_losses.nnunet.names.changes import DEFAULT_EPOCHS, DEFAULT_ITERATIONS
from nnunet_losses.nnunet.names.grammar import TrainerName
from nnunet_losses.nnunet.training import experiment, job
from nnunet_losses.nnunet.training.checkpoint import (
    DamagedCheckpointError,
    bytes_in,
    origin_of,
    read_checkpoint,
    safe_loading,
    set_aside,
)
from nnunet_losses.nnunet.training.errors import StopTraining, stop_if_disk_full
from nnunet_losses.nnunet.training.origin import ForeignModelError, Origin
from nnunet_losses.nnunet.training.outcome import (
    COLLAPSE_EPOCHS,
    STOP_EARLY,
    Outcome,
    epochs_without_dice,
    hopeless,
    outcome,
)
from nnunet_losses.nnunet.training.pools import pools_in_this_process
from nnunet_losses.nnunet.training.starts import note_start
from nnunet_losses.nnunet.training.transforms import OwnRandomStream, make_reproducible

LOCK_INTERVAL_S = 2
PLOT_INTERVAL_S = 60
"""nnU-Net draws progress.png after every epoch, which takes most of a second: longer than a short epoch."""


class EpochsEnd(Exception):  # noqa: N818  # an end, like StopIteration
    """Ends the epochs of a training before their time; its text, for the log, says why."""


class ReproducibleTrainer(nnUNetTrainer):
    """nnU-Net's recipe (1000 epochs of 250 steps unless the name says otherwise), with rules for its course.

    - One folder, one experiment, one process: another experiment of the same name is refused, a second process waits.
    - A seed in the name fixes every random stream; a resumed training draws the same numbers as an uninterrupted one.
    - Checkpoints are written whole or not at all, and loaded without running code that they may hold. One that is
      damaged or from another training is set aside, and the training goes on from the newest that is left.
    - A loss that is not finite ends the training; what a training cost and how it ended is recorded.

    Every method overrides a hook of nnU-Net and calls it.
    """

    name: ClassVar[TrainerName]
    # nnU-Net has no types of its own for these
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
        self._resumes = bool(plans.get("continue_training"))  # --c; nnU-Net takes it out of the plans
        # nnU-Net reads the names of these five arguments from the signature: there may be no others
        super().__init__(plans, configuration, fold, dataset_json, device)
        self._lock = self._wait_for_others() if self.local_rank == 0 else None
        epochs, iterations = self.name.length
        if epochs != DEFAULT_EPOCHS:
            self.num_epochs = epochs
        if iterations != DEFAULT_ITERATIONS:
            ratio = self.num_val_iterations_per_epoch / self.num_iterations_per_epoch
            self.num_iterations_per_epoch = iterations
            self.num_val_iterations_per_epoch = max(1, round(ratio * iterations))
        self.save_every = max(1, min(10, self.num_epochs // 10))
        self._split: tuple[list[str], list[str]] | None = None
        self._steps = 0
        self._epochs_here = 0
        self._meter: job.Meter | None = None
        self._plotted = time.monotonic()
        self.logger.plot_progress_png = self._plot_progress_sparingly
        if self.device.type == "cpu" and (threads := os.environ.get("OMP_NUM_THREADS", "").split(",")[0]).isdigit():
            # nnU-Net's command has just taken all cores, whatever the user or the scheduler had allotted
            torch.set_num_threads(max(1, int(threads)))
        self.change_settings()

    # --- what a recipe may change (`changes`)

    def change_settings(self) -> None:
        """Called at the end of `__init__`: recipes change nnU-Net's numbers here, and call super()."""

    def describe_changes(self) -> dict[str, Any]:
        """What differs from nnU-Net's recipe, for the record of the experiment; recipes add to what super() gives."""
        return {}

    def pools_batch(self) -> bool:
        """Whether a loss sums over the whole batch, or over each sample; nnU-Net's plans say which."""
        return bool(self.configuration_manager.batch_dice)

    # --- one folder, one experiment, one process

    def describe_experiment(self) -> dict[str, Any]:
        """Everything that the result depends on, by nested keys; the trainer must be initialised."""
        train, val = self.do_split()
        # what is absent leaves no key, so that older records of experiments stay valid
        changes = {"changes": described} if (described := self.describe_changes()) else {}
        return {
            "trainer": {
                "name": type(self).__name__,
                "epochs": self.num_epochs,
                "iterations_per_epoch": self.num_iterations_per_epoch,
                "validation_iterations_per_epoch": self.num_val_iterations_per_epoch,
                "initial_lr": self.initial_lr,
                "weight_decay": self.weight_decay,
                "seed": self.name.seed,
                **changes,
            },
            "plans": {key: value for key, value in self.plans_manager.plans.items() if key != "configurations"},
            "configuration": self.configuration_manager.configuration,
            "dataset": {key: self.dataset_json.get(key) for key in ("labels", "channel_names", "regions_class_order")}
            # data that were prepared before there were fingerprints have none
            | {key: self.dataset_json[key] for key in (FINGERPRINT,) if key in self.dataset_json},
            "split": {"train": sorted(train), "val": sorted(val)},
        }

    @override
    def do_split(self) -> tuple[list[str], list[str]]:
        if self._split is None:
            self._split = super().do_split()
        return self._split

    def _wait_for_others(self) -> Lock:
        """Lock this fold's folder. A training that outlived its killed scheduler is waited for, and resumed then."""
        waited = False
        while (lock := take_lock(Path(self.output_folder, ".lock"))) is None:
            if not waited:
                self.print_to_log_file(
                    f"Another process is training in {self.output_folder}; waiting for it to finish."
                )
            waited = True
            time.sleep(LOCK_INTERVAL_S)
        return lock

    # --- random numbers

    def _seed(self, stage: int) -> None:
        """Seed every random stream of this process from (seed, fold, stage), if the name holds a seed.

        Each fold begins with weights of its own, so that folds are independent trainings, as comparisons of losses take
        them to be; in one fold all losses begin with the same.
        """
        if self.name.seed is None:
            return
        fold = 0 if self.fold == "all" else 1 + int(self.fold)
        entropy = [self.name.seed, stage, self.local_rank, fold]
        python, numpy, pytorch = np.random.SeedSequence(entropy).generate_state(3)
        random.seed(int(python))
        np.random.seed(int(numpy))  # noqa: NPY002  # nnU-Net draws from this stream
        torch.manual_seed(int(pytorch))

    @classmethod
    @override
    def get_training_transforms(cls, *args: Any, **kwargs: Any) -> BasicTransform:
        pipeline = super().get_training_transforms(*args, **kwargs)
        pipeline.transforms.insert(0, OwnRandomStream())
        if cls.name.seed is not None:
            make_reproducible(pipeline)
        return pipeline

    @classmethod
    @override
    def get_validation_transforms(cls, *args: Any, **kwargs: Any) -> BasicTransform:
        pipeline = super().get_validation_transforms(*args, **kwargs)
        pipeline.transforms.insert(0, OwnRandomStream())
        return pipeline

    @override
    def initialize(self) -> None:
        self._seed(0)
        super().initialize()

    # --- the course of a training

    @override
    def run_training(self) -> None:
        with stop_if_disk_full(Path(self.output_folder)):
            try:
                super().run_training()
            except EpochsEnd as end:
                self.print_to_log_file(str(end))
                self.on_train_end()

    @override
    def on_train_start(self) -> None:
        if not self.was_initialized:
            self.initialize()
        if self.local_rank == 0:
            folder = Path(self.output_folder)
            experiment.claim_folder(folder, self.describe_experiment())
            note_start(folder, self.current_epoch)
            self._meter = job.Meter(self.device)
            for leftover in folder.glob(".*.pth"):  # of a process killed while it was writing
                leftover.unlink()
        if self.name.seed is not None:
            torch.backends.cudnn.benchmark = False
            torch.backends.cudnn.deterministic = True
            if get_allowed_n_proc_DA() > 0:
                self.print_to_log_file(
                    "INFO: the seed fixes the initial weights only, because worker processes deliver batches in an "
                    "order that varies; set nnUNet_n_proc_DA=0 to repeat a training exactly."
                )
        super().on_train_start()

    @override
    def on_epoch_start(self) -> None:
        if (seen := self._reason_to_stop()) is not None:
            raise EpochsEnd(
                f"Training ends early, after {self.current_epoch} of {self.num_epochs} epochs: {seen}. Without "
                "'stop_early' in the study, --c goes on from here."
            )
        self._seed(1 + self.current_epoch)
        self._steps = 0
        super().on_epoch_start()

    @override
    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = super().train_step(batch)
        if not np.isfinite(result["loss"]):
            self._write_job(Outcome(RunStatus.DIVERGED))
            raise StopTraining(
                f"The loss of {self.name} became {float(result['loss'])} in epoch {self.current_epoch}, step "
                f"{self._steps}, at cases {', '.join(map(str, batch['keys']))}; the checkpoints in "
                f"{self.output_folder} are older, and --c goes on from the last of them."
            )
        self._steps += 1
        return result

    @override
    def on_epoch_end(self) -> None:
        super().on_epoch_end()
        self._epochs_here += 1
        if epochs_without_dice(self._logged("mean_fg_dice")) == COLLAPSE_EPOCHS:
            self.print_to_log_file(
                f"WARNING: the pseudo-Dice has been 0 for {COLLAPSE_EPOCHS} epochs: the network has collapsed to "
                f"background. Training goes on; it is recorded as collapsed unless it recovers."
            )

    @override
    def on_train_end(self) -> None:
        super().on_train_end()
        # nnU-Net comes here too if --c finds nothing left to train: what was recorded at the end stays
        if self._epochs_here or not Path(self.output_folder, JOBS_JSON).is_file():
            ended = outcome(self._logged("train_losses"), self._logged("mean_fg_dice"), finished=True)
            if (seen := self._reason_to_stop()) is not None and self.current_epoch < self.num_epochs:
                status = RunStatus.DIVERGED if seen is Alarm.DIVERGING else RunStatus.UNFINISHED
                ended = Outcome(status, collapsed=seen is Alarm.COLLAPSED)
            self._write_job(ended)

    def _reason_to_stop(self) -> Alarm | None:
        """The alarm that ends this training early, if that is wanted."""
        wanted = os.environ.get(STOP_EARLY, "").split(",")
        seen = None
        if wanted != [""]:
            seen = hopeless(self._logged("train_losses"), self._logged("mean_fg_dice"), self.num_epochs)
        return seen if seen in wanted else None

    @override
    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        # whoever wants augmentation in this process (nnUNet_n_proc_DA=0) has no core for nnU-Net's export workers
        pools = pools_in_this_process() if get_allowed_n_proc_DA() == 0 else nullcontext()
        with pools, stop_if_disk_full(Path(self.output_folder)):
            super().perform_actual_validation(save_probabilities)

    def _logged(self, key: str) -> list[float]:
        """What nnU-Net logged under this key, a number for each epoch."""
        values: list[float] = self.logger.get_value(key, step=None)
        return values

    def _plot_progress_sparingly(self, folder: str) -> None:
        last = self.current_epoch == self.num_epochs - 1
        if last or time.monotonic() - self._plotted >= PLOT_INTERVAL_S:
            type(self.logger).plot_progress_png(self.logger, folder)
            self._plotted = time.monotonic()

    def _write_job(self, outcome: Outcome) -> None:
        if self.local_rank != 0:
            return
        starts, ends = self._logged("epoch_start_timestamps"), self._logged("epoch_end_timestamps")
        job.write_job(
            Path(self.output_folder),
            seconds=sum(end - start for start, end in zip(starts, ends, strict=False)),
            epochs=len(ends),
            outcome=outcome,
            device=self.device,
            utilisation=float("nan") if self._meter is None else self._meter.share(),
        )

    # --- checkpoints

    @override
    def save_checkpoint(self, filename: str) -> None:
        if self.local_rank != 0 or self.disable_checkpointing:
            super().save_checkpoint(filename)
            return
        with (
            write_atomically(filename) as temporary,
            on_disk(temporary.parent, bytes_in((self.network.state_dict(), self.optimizer.state_dict())), ask=True),
        ):
            super().save_checkpoint(str(temporary))

    @override
    def load_checkpoint(self, filename_or_checkpoint: dict[str, Any] | str) -> None:
        if not self.was_initialized:
            self.initialize()
        if self.local_rank == 0:
            experiment.refuse_other_experiment(Path(self.output_folder), self.describe_experiment())
        chosen = Path(str(filename_or_checkpoint))  # nnU-Net gives no dictionary, and could not load one
        file: Path | None = chosen
        try:
            try:
                self._epochs_in(chosen)
            except (DamagedCheckpointError, ForeignModelError) as error:
                if not self._resumes or self.current_epoch > 0:  # --val and --val_best mean this very file
                    raise StopTraining(
                        f"{chosen} cannot be used: {error.reason}; nnUNetv2_train with --c sets it aside and goes on "
                        f"from the newest checkpoint that is left."
                    ) from error
                file = self._another_checkpoint()
            if file is not None:
                with safe_loading(file):
                    super().load_checkpoint(str(file))
        except UserError as error:
            raise StopTraining(str(error)) from error

    def _epochs_in(self, file: Path) -> int:
        """How many epochs a checkpoint has behind it, if it is whole and from this training."""
        content = read_checkpoint(file, mapped=True)
        origin_of(content, file).require(Origin.of(type(self).__name__, self.my_init_kwargs), file)
        try:
            return int(content["current_epoch"])
        except (KeyError, TypeError, ValueError):
            raise DamagedCheckpointError(file, "it does not state its epoch") from None

    def _another_checkpoint(self) -> Path | None:
        """Set aside what cannot be used; give the newest checkpoint of this training that is left."""
        usable: dict[Path, int] = {}
        unusable: dict[Path, str] = {}
        for file in (Path(self.output_folder, name) for name in CHECKPOINTS):
            if file.is_file():
                try:
                    usable[file] = self._epochs_in(file)
                except (DamagedCheckpointError, ForeignModelError) as error:
                    unusable[file] = error.reason
        if self.is_ddp:
            torch.distributed.barrier()  # all processes have looked before one of them renames
        newest = max(usable, key=lambda file: usable[file], default=None)
        if self.local_rank == 0:
            for file, reason in unusable.items():
                self.print_to_log_file(
                    f"WARNING: {file} cannot be used: {reason}; it is kept as {set_aside(file).name}."
                )
        self.print_to_log_file(
            "No checkpoint of this training is left; it begins again."
            if newest is None
            else f"Training goes on from {newest.name}, after {usable[newest]} epochs."
        )
        return newest
