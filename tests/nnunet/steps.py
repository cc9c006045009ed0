"""Single steps of a training."""

from typing import Any

import torch

from nnunet_losses.nnunet.training.trainer import LossTrainer


def begin(trainer: LossTrainer) -> LossTrainer:
    """Bring a trainer to where its first epoch begins."""
    trainer.on_train_start()
    trainer.on_epoch_start()
    trainer.on_train_epoch_start()
    return trainer


def step_of_each(trainer: LossTrainer) -> tuple[dict[str, Any], dict[str, Any]]:
    """Begin, and do a step of training and one of validation."""
    begin(trainer)
    trained = trainer.train_step(next(trainer.dataloader_train))
    return trained, validate(trainer, next(trainer.dataloader_val))


def validate(trainer: LossTrainer, batch: dict[str, Any]) -> dict[str, Any]:
    """A step of validation."""
    trainer.on_validation_epoch_start()
    with torch.no_grad():
        result: dict[str, Any] = trainer.validation_step(batch)
    return result


def copied(batch: dict[str, Any], samples: slice = slice(None)) -> dict[str, Any]:
    """Some samples of a batch; a step changes some targets in place."""
    target = batch["target"]
    levels = [level[samples].clone() for level in target] if isinstance(target, list) else target[samples].clone()
    return {"data": batch["data"][samples].clone(), "target": levels, "keys": batch["keys"]}
