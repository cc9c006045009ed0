"""The application, and how its commands report mistakes."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer
from typer.core import TyperGroup

from nnunet_losses.base.disk import disk_full, is_disk_full
from nnunet_losses.base.errors import UserError, line_of
from nnunet_losses.base.terminal import prepare_streams, without_controls

P = ParamSpec("P")


class Commands(TyperGroup):
    """All commands; whatever they print, the terminal's encoding raises no error."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command."""
        prepare_streams()
        return super().main(*args, **kwargs)


app = typer.Typer(
    cls=Commands,
    help="The loss-function laboratory for nnU-Net.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Figures = Annotated[
    str, typer.Option("--figures", help="Formats of the figures as files: svg, pdf, both (svg,pdf), or none.")
]
Dataset = Annotated[str, typer.Argument(help="Data set, as DatasetXXX_Name or its number.")]
ConfigurationName = Annotated[str, typer.Argument(help="nnU-Net configuration, such as 3d_fullres.")]
Fold = Annotated[int, typer.Argument(min=0, help="Fold, counted from 0.")]
Trainer = Annotated[str, typer.Option("--trainer", "-tr", help="Name of the trainer.")]
Plans = Annotated[str, typer.Option("--plans", "-p", help="nnU-Net's plans identifier.")]


def say(text: str = "", *, err: bool = False) -> None:
    """Print a line (to standard error if ``err``), whatever names of files it holds and whatever the terminal shows."""
    # With no stream named, click would send UTF-8 to a terminal of ASCII.
    typer.echo(without_controls(text), file=sys.stderr if err else sys.stdout)


def command(name: str, **settings: Any) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Register a command that reports a mistake of its user in one sentence and exits with 1.

    Args:
        name: of the command.
        settings: for typer.
    """

    def register(function: Callable[P, None]) -> Callable[P, None]:
        @wraps(function)
        def friendly(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                function(*args, **kwargs)
            except UserError as error:
                say(line_of(error, name), err=True)
                raise typer.Exit(1) from None
            except UnicodeEncodeError:
                if sys.getfilesystemencoding() == "utf-8":
                    raise
                advice = (
                    "names of files that are not ASCII cannot be used in this locale; set the variable PYTHONUTF8=1."
                )
                say(line_of(advice, name), err=True)
                raise typer.Exit(1) from None
            except MemoryError:
                say(  # in other words than `line_of`, because another attempt may have more
                    f"For nnunet-losses {name}, there is not enough memory; close other programs, ask for more, or use "
                    "fewer workers, and run the same command again.",
                    err=True,
                )
                raise typer.Exit(1) from None
            except Exception as error:
                if not is_disk_full(error):
                    raise
                place = getattr(error, "filename", None)
                folder = Path(place).parent if isinstance(place, str) else Path.cwd()
                say(line_of(disk_full(folder), name), err=True)
                raise typer.Exit(1) from None
            except KeyboardInterrupt:
                say(f"nnunet-losses {name} was interrupted; run the same command again to continue.", err=True)
                raise typer.Exit(130) from None

        app.command(name, **settings)(friendly)
        return function

    return register
