"""The command that says what a study costs, before it runs and while it does: plan."""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnunet_losses.base.errors import UserError
from nnunet_losses.cli.app import command, say
from nnunet_losses.cli.kept import study_in
from nnunet_losses.cli.run import DEFAULT_STUDY

if TYPE_CHECKING:
    from nnunet_losses.nnunet.benchmark import Figure
    from nnunet_losses.progress.plan import StudyPlan
    from nnunet_losses.study.record import Run
    from nnunet_losses.study.study import Study

_THREADS_OF_A_GPU = 12
"""Of a training, as the workflow gives them; on a CPU it has one."""


@command("plan")
def plan(
    study: Annotated[Path, typer.Argument(help="The study: its file.")] = DEFAULT_STUDY,
    directory: Annotated[
        Path, typer.Option("--directory", "-d", help="Where the study runs.", show_default="here")
    ] = Path(),
    at_once: Annotated[
        int | None,
        typer.Option(min=1, help="Trainings at the same time.", show_default="1 on a GPU, else a core each"),
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure steps of every loss on this machine, and keep the figures.")
    ] = False,
) -> None:
    """Say what a study costs: trainings, hours, disk, end, hours of each loss, and what a pilot or a race would save.

    It is worked out from trainings of the study that have run, or else from a short benchmark on this machine; the data
    must have been prepared (`nnunet-losses run data`).
    """
    from nnunet_losses.nnunet.benchmark import read_figures, write_figures
    from nnunet_losses.progress.plan import figures_file, plan_study, unmeasured

    wanted, runs = study_in(study)
    kept = figures_file(directory, wanted.name)
    figures = [] if measure else read_figures(kept)
    missing = unmeasured(wanted, runs, directory, figures, all_of_them=measure)
    if missing:
        figures += _measured(wanted, missing, directory)
        write_figures(kept, figures)
    planned = plan_study(wanted, runs, directory, figures)
    at_once = at_once or (1 if wanted.config.device != "cpu" else os.cpu_count() or 1)
    machines = sorted({figure.hardware for figure in figures})
    for line in told(wanted, planned, at_once, machines):
        say(line)


def _measured(study: "Study", runs: "Sequence[Run]", directory: Path) -> "list[Figure]":
    """Steps of the losses of these trainings, measured here."""
    from nnunet_losses.nnunet.benchmark import measure
    from nnunet_losses.progress.plan import loss_of

    device = study.config.device
    for part in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{part}"] = str((directory / "work" / f"nnUNet_{part}").absolute())
    figures: list[Figure] = []
    threads = 1 if device == "cpu" else min(_THREADS_OF_A_GPU, os.cpu_count() or 1)
    say(f"Measuring steps of {len(runs)} losses on this machine ...", err=True)
    for run in runs:
        trainers = [(loss_of(run.trainer), run.trainer)]
        try:
            figures += measure(
                run.dataset, run.configuration, study.plans, run.fold, trainers, device=device, threads=threads
            )
        except UserError as error:
            raise UserError(
                f"{error} On a cluster, for example: srun --gres=gpu:1 nnunet-losses plan {study.where} --measure"
                if device == "cuda"
                else str(error)
            ) from None
        say(f"  {figures[-1].loss}: {figures[-1].step:.3g} s a step", err=True)
    return figures


def told(study: "Study", planned: "StudyPlan", at_once: int, machines: Sequence[str]) -> list[str]:
    """The plan in words."""
    from nnunet_losses.base.disk import bytes_text
    from nnunet_losses.study.cost import duration

    unit = "core" if study.config.device == "cpu" else "GPU"
    end = datetime.now().astimezone() + timedelta(seconds=planned.seconds_left / at_once)
    lines = [
        f"{study.name}: {planned.trainings} trainings, {duration(planned.seconds)} on one {unit}"
        + (
            f"; {planned.finished} have finished, {duration(planned.seconds_left)} are left."
            if planned.finished
            else "."
        ),
        f"With {at_once} at once: until {end:%a %d %b %Y, %H:%M}.",
        f"Disk: {bytes_text(planned.bytes_left)} more for checkpoints; {bytes_text(planned.bytes_free)} are free."
        + (" That is not enough." if planned.bytes_left > planned.bytes_free else ""),
        f"A pilot of the first round (every loss once): {planned.pilot_trainings} trainings, "
        f"{duration(planned.pilot_seconds)}, saves {1 - planned.pilot_seconds / planned.seconds:.0%}.",
        f"A race that goes on with the better half of the losses after each round: {planned.race_trainings} trainings, "
        f"{duration(planned.race_seconds)}, saves {1 - planned.race_seconds / planned.seconds:.0%}.",
        "",
    ]
    baseline = {(c.dataset, c.configuration): c.step for c in planned.costs if c.loss == _loss(study.baseline)}
    heads = ("loss", "s a step", "x baseline", "hours", "from")
    rows = [
        (
            cost.loss if len(baseline) < 2 else f"{cost.loss} · {cost.dataset} {cost.configuration}",
            f"{cost.step:.3g}",
            f"{cost.step / baseline[cost.dataset, cost.configuration]:.2f}",
            f"{cost.seconds / 3600:.3g}",
            cost.source,
        )
        for cost in sorted(planned.costs, key=lambda cost: -cost.seconds)
    ]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    lines += [
        "  ".join(
            text.ljust(w) if i in (0, 4) else text.rjust(w) for i, (text, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [heads, *rows]
    ]
    if machines:
        lines.append(f"Benchmark: {', '.join(machines)}")
    lines.append(RULE)
    return lines


def _loss(trainer: str) -> str:
    from nnunet_losses.progress.plan import loss_of

    return loss_of(trainer)


RULE = (
    "Counted: steps of training and validation, and the prediction of each fold's cases; the evaluation once the study "
    "has evaluated something. Not counted: preparation, comparison, report, queueing."
)
