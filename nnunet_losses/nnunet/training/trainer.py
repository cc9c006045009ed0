"""nnU-Net's trainer with another loss: the trainer's name says which."""

import inspect
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
from torch import Tensor, nn
from typing_extensions import override

from nnunet_losses.base.errors import UserError
from nnunet_losses.losses import CATALOGUE, Loss
from nnunet_losses.nnunet.names.grammar import parse_trainer_name
from nnunet_losses.nnunet.preparation.folders import nnunet_folder
from nnunet_losses.nnunet.training.adapter import LossAdapter
from nnunet_losses.nnunet.training.changes import trainer_of
from nnunet_losses.nnunet.training.class_frequencies import ClassFrequencies, find_class_frequencies
from nnunet_losses.nnunet.training.errors import StopTraining
from nnunet_losses.nnunet.training.reproducible import ReproducibleTrainer
from nnunet_losses.nnunet.training.target import TargetFormat
from nnunet_losses.nnunet.training.transforms import insert_instance_ids, insert_weights
from nnunet_losses.nnunet.training.weight_maps import CasesWithWeights, digest, find_weight_maps, prepare_weight_maps


class LossTrainer(ReproducibleTrainer):
    """nnU-Net's own recipe with a loss of the catalogue; what else changes comes from `changes`.

    Subclasses come from `make_trainer`; a user's own derive from one of those and override `voxel_weight` or set
    `voxel_weight_folder`. Every other method overrides a hook of nnU-Net and calls it, or helps one that does.
    """

    voxel_weight_folder: ClassVar[str | None] = None
    """For a trainer of a user's own: a folder of the raw data set, such as ``weightsTr``, with a map for each case."""
    adapter: LossAdapter
    class_frequencies: ClassFrequencies | None = None
    """Of the fold's training cases, if the loss needs them."""
    loss: Callable[[Any, Any], Tensor]  # nnU-Net has no type for it

    # --- the loss

    @override
    def _build_loss(self) -> nn.Module:
        with np.errstate(invalid="ignore"):  # 0/0 in the weights of a single scale, corrected below
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
                batch=self.pools_batch(),
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

    @override
    def on_epoch_start(self) -> None:
        self.adapter.epoch = self.current_epoch
        super().on_epoch_start()

    @override
    def describe_experiment(self) -> dict[str, Any]:
        experiment = super().describe_experiment()
        trainer = experiment["trainer"]
        trainer["loss"] = repr(self.adapter.loss)
        trainer["weighting"] = self.adapter.weighting
        trainer["deep_supervision_weights"] = getattr(self.loss, "weight_factors", None)
        # what is absent here leaves no key, so that older records of experiments stay valid
        if self.class_frequencies is not None:
            trainer["class_frequencies"] = self.class_frequencies.shares
        if maps := self.weight_maps(experiment["split"]["train"]):
            trainer["voxel_weight_maps"] = digest(maps)
        if self.has_own_weights():
            trainer["voxel_weight"] = inspect.getsource(self.voxel_weight)
        return experiment

    # --- voxel weights

    def voxel_weight(self, reference: Tensor, instances: Tensor) -> Tensor:
        """Weigh voxels in a way of your own: override it in your own trainer, see docs/howto/voxel-weights.md.

        It is called at each level of deep supervision, in training and validation. The result is multiplied with the
        other weights (inverse weighting, ignored voxels). It must follow from the arguments and from constants alone.

        Args:
            reference: (B, 1, *S) labels or (B, R, *S) regions, on the device. Ignored voxels hold the ignore label, or
                no region; they weigh 0 whatever is returned.
            instances: (B, L, *S) connected components of the patch, 0 the background, L = 1 for labels, else R; at
                coarser levels the smallest may be missing.

        Returns:
            (B, 1, *S) or (B, C, *S) weights, finite and ≥ 0, C the channels of the network.
        """
        raise NotImplementedError

    @classmethod
    def has_own_weights(cls) -> bool:
        """Whether a subclass overrides `voxel_weight`."""
        return cls.voxel_weight is not LossTrainer.voxel_weight

    def weight_maps(self, cases: Iterable[str]) -> dict[str, Path]:
        """The stored voxel-weight map of each case; none if this trainer has no `voxel_weight_folder`."""
        if self.voxel_weight_folder is None:
            return {}
        try:
            raw = nnunet_folder("nnUNet_raw") / self.plans_manager.dataset_name
        except UserError as error:
            raise StopTraining(str(error)) from None
        return find_weight_maps(raw / self.voxel_weight_folder, cases, self.dataset_json["file_ending"])

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

    # --- what is added to nnU-Net's target

    @classmethod
    def needs_instances(cls) -> bool:
        """Whether this trainer computes anything from the connected components of a patch."""
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
        return cls._with_additions(super().get_training_transforms(*args, **kwargs), kwargs)

    @classmethod
    @override
    def get_validation_transforms(cls, *args: Any, **kwargs: Any) -> BasicTransform:
        return cls._with_additions(super().get_validation_transforms(*args, **kwargs), kwargs)

    @classmethod
    def _with_additions(cls, pipeline: Any, settings: dict[str, Any]) -> BasicTransform:
        if cls.needs_instances():
            insert_instance_ids(pipeline, len(settings.get("regions") or ()), settings.get("ignore_label"))
        if cls.voxel_weight_folder is not None:
            insert_weights(pipeline)
        return pipeline

    @override
    def validation_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        if not self.adapter.target_format.has_additions:
            return super().validation_step(batch)
        # nnU-Net computes the loss and a Dice from one target: the loss needs our additions, the Dice fails with them
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


@cache
def make_trainer(name: str) -> type[LossTrainer]:
    """The trainer class of a name such as ``TverskyTrainer_fp0.1_fn0.9_iw``; the same object at every call.

    Raises:
        TrainerNameError: the name begins like one of ours, but is wrong.
        ValueError: the name is not ours.
    """
    parsed = parse_trainer_name(name)
    if parsed is None:
        raise ValueError(f"{name} is not the name of a trainer of this package")
    bases = (*(trainer_of(word) for word in parsed.changes), LossTrainer)
    return type(name, bases, {"name": parsed, "__module__": __name__, "__doc__": f"nnU-Net with {parsed}."})


def _map(function: Any, target: Any) -> Any:
    """Apply to a target, or to each level of deep supervision."""
    return [function(level) for level in target] if isinstance(target, list) else function(target)
