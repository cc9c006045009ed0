"""Commands around a training: call, publish, predict, ensemble, segment."""

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.names import PLANS
from nnunet_losses.cli.app import ConfigurationName, Dataset, Fold, Plans, Trainer, command, say


@command("call", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def call(context: typer.Context) -> None:
    """Run a command of nnU-Net, such as nnUNetv2_preprocess; if a disk is full, say so in one sentence."""
    from nnunet_losses.nnunet.preparation.calls import call_nnunet

    raise typer.Exit(call_nnunet(context.args))


@command("on-node", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def on_node(
    context: typer.Context,
    device: Annotated[str, typer.Option(help="cuda, cpu or mps.")] = "cuda",
    stage: Annotated[
        tuple[str, str, str] | None,
        typer.Option(
            help="Data set, plans, configuration: their data are copied to the folder that NNUNET_LOSSES_STAGE names.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run a command on a GPU of its own, with its data on a local disk if wanted: on-node [OPTIONS] -- COMMAND."""
    import subprocess
    from contextlib import ExitStack

    from nnunet_losses.machines.gpus import one_gpu
    from nnunet_losses.machines.staging import WANTED, staged
    from nnunet_losses.nnunet.preparation.folders import nnunet_folder

    environment = dict(os.environ)
    with ExitStack() as held:
        environment |= held.enter_context(one_gpu(device))
        if stage is not None and (folder := os.environ.get(WANTED)):
            preprocessed = nnunet_folder("nnUNet_preprocessed")
            local = staged(preprocessed, *stage, Path(os.path.expandvars(folder)), partial(say, err=True))
            environment["nnUNet_preprocessed"] = str(held.enter_context(local))
        code = subprocess.run(context.args, env=environment, check=False).returncode
    raise typer.Exit(code if code >= 0 else 128 - code)


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


@command("ensemble")
def ensemble(
    member: Annotated[
        list[str],
        typer.Option(help="Folders of label maps and of probabilities, as MAPS:PROBABILITIES; given once a member."),
    ],
    dataset_json: Annotated[Path, typer.Option(help="nnU-Net's dataset.json.")],
    segmentations: Annotated[Path, typer.Option(help="Folder for the label maps.")],
    probabilities: Annotated[Path, typer.Option(help="Folder for the probabilities (.npz).")],
) -> None:
    """Average the probabilities of several trainings, and segment by the mean."""
    from nnunet_losses.nnunet.results.ensembles import ensemble_predictions

    folders = [word.rpartition(":") for word in member]
    if wrong := [word for word, (maps, _, _) in zip(member, folders, strict=True) if not maps]:
        raise UserError(f"--member {wrong[0]} names one folder; write MAPS:PROBABILITIES.")
    cases = ensemble_predictions(
        [(Path(maps), Path(arrays)) for maps, _, arrays in folders],
        dataset_json,
        segmentations=segmentations,
        probabilities=probabilities,
    )
    say(f"{segmentations}: {cases} cases")


@command("segment")
def segment(
    model: Annotated[Path, typer.Argument(help="Folder of a model that `export --operating-point` made.")],
    images: Annotated[Path, typer.Argument(help="Folder of images, named as nnU-Net asks (case_0000.nii.gz).")],
    out: Annotated[Path, typer.Argument(help="Folder for the segmentations.")],
    point: Annotated[
        Path | None, typer.Option(help="Another operating point.", show_default="operating_point.json of the model")
    ] = None,
    folds: Annotated[
        list[str] | None, typer.Option("--fold", "-f", help="May be repeated.", show_default="all of the model")
    ] = None,
    save_probabilities: Annotated[
        bool, typer.Option("--save-probabilities", help="Also write probabilities (.npz), scaled by the temperature.")
    ] = False,
    device: Annotated[str, typer.Option(help="cuda, cpu or mps.")] = "cuda",
) -> None:
    """Segment new images with an exported model at its operating point."""
    from nnunet_losses.nnunet.results.segmentation import segment_images

    written = segment_images(
        model, images, out, point=point, folds=folds or (), save_probabilities=save_probabilities, device=device
    )
    say(f"{out}: {len(written)} segmentations")
