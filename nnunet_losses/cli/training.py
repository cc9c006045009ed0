"""Commands around a training: call, publish, predict."""

from pathlib import Path
from typing import Annotated

import typer

from nnunet_losses.base.names import PLANS
from nnunet_losses.cli.app import ConfigurationName, Dataset, Fold, Plans, Trainer, command


@command("call", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def call(context: typer.Context) -> None:
    """Run a command of nnU-Net, such as nnUNetv2_preprocess; if a disk is full, say so in one sentence."""
    from nnunet_losses.nnunet.preparation.calls import call_nnunet

    raise typer.Exit(call_nnunet(context.args))


@command("publish")
def publish(
    dataset: Dataset,
    configuration: ConfigurationName,
    fold: Fold,
    trainer: Trainer,
    out: Annotated[Path, typer.Option(help="Folder for the model and its tables.")],
    plans: Plans = PLANS,
) -> None:
    """Copy the model, curves and cost of a finished training out of nnUNet_results."""
    from nnunet_losses.nnunet.results.publishing import publish_training

    publish_training(dataset, configuration, trainer, plans, fold, out)


@command("predict")
def predict(
    dataset: Dataset,
    configuration: ConfigurationName,
    fold: Fold,
    trainer: Trainer,
    segmentations: Annotated[Path, typer.Option(help="Folder for the label maps.")],
    probabilities: Annotated[Path, typer.Option(help="Folder for the probabilities (.npz).")],
    plans: Plans = PLANS,
    model: Annotated[
        Path | None, typer.Option(help="Published checkpoint, used if the training's own is missing or damaged.")
    ] = None,
    device: Annotated[str, typer.Option(help="cuda, cpu or mps.")] = "cuda",
) -> None:
    """Predict the cases that a fold did not train on, with probabilities."""
    from nnunet_losses.nnunet.results.predictions import predict_out_of_fold

    predict_out_of_fold(
        dataset,
        configuration,
        trainer,
        plans,
        fold,
        segmentations=segmentations,
        probabilities=probabilities,
        model=model,
        device=device,
    )
