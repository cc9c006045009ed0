"""The command that says what has become of a study's trainings: status."""

from pathlib import Path
from typing import Annotated

import typer

from nnunet_losses.cli.app import command
from nnunet_losses.cli.run import name_in


@command("status")
def status(
    study: Annotated[
        str | None, typer.Argument(help="The study: its name or its file.", show_default="the one that ran last")
    ] = None,
    directory: Annotated[
        Path, typer.Option("--directory", "-d", help="Where the study runs.", show_default="here")
    ] = Path(),
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on, until nothing is left to train.")] = False,
    every: Annotated[float, typer.Option(min=0.5, help="With --watch: seconds between two looks.")] = 5.0,
    all_: Annotated[bool, typer.Option("--all", "-a", help="Also list the trainings that wait.")] = False,
) -> None:
    """Show each training of a study: epoch, rate, time left, pseudo-Dice, state, host, and what to look at.

    Only logs are read: nothing that runs is disturbed.
    """
    from nnunet_losses.progress.display import show_status
    from nnunet_losses.progress.status import choose_study, read_status

    of_file = study is not None and study.endswith((".yaml", ".yml"))
    name = choose_study(directory, name_in(Path(str(study))) if of_file else study)
    show_status(lambda: read_status(directory, name), waiting=all_, every=every if watch else None)
