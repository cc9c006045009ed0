"""Commands that pack a study for another site, and verify what came from one: bundle, unbundle."""

from pathlib import Path
from typing import Annotated

import typer

from nnunet_losses.cli.app import command, say
from nnunet_losses.cli.run import name_in


@command("bundle")
def bundle(
    study: Annotated[str, typer.Argument(help="The study: its name or its file.")],
    directory: Annotated[
        Path, typer.Option("--directory", "-d", help="Where the study ran.", show_default="here")
    ] = Path(),
    out: Annotated[
        Path | None, typer.Option(help="The zip file.", show_default="reports/<study>/<study>.crate.zip")
    ] = None,
    licence: Annotated[
        str, typer.Option(help="Under which the tables are passed on, in words or as an address.")
    ] = "Not stated; ask who made this.",
) -> None:
    """Pack tables, config, folds, versions and report of a study, without images, as an RO-Crate with checksums."""
    from nnunet_losses.base.files import file_sha256
    from nnunet_losses.comparison.bundle import write_bundle

    name = name_in(Path(study)) if study.endswith((".yaml", ".yml")) else study
    out = out or directory / "reports" / name / f"{name}.crate.zip"
    made = write_bundle(name, directory, out, licence=licence)
    say(f"{made.file}: {made.finished} of {made.expected} trainings, {made.files} files")
    say(f"SHA-256: {file_sha256(made.file)}")


@command("unbundle")
def unbundle(
    file: Annotated[Path, typer.Argument(help="What `nnunet-losses bundle` made.")],
    out: Annotated[Path, typer.Argument(help="A new folder.")],
) -> None:
    """Unpack a bundle, verify every checksum, and make its report again, which must be the same byte for byte."""
    from nnunet_losses.comparison.bundle import CONFIG, REPORT, TRAININGS, read_bundle

    record = read_bundle(file, out)
    say(f"{file} is as it was made, and its report came out the same, byte for byte: {out / REPORT / 'report.html'}")
    say(
        f"To add losses of your own to its {len(record.runs)} trainings, add them to {out / CONFIG}; then run data, "
        f"restore --folder {out / TRAININGS}, run, each with --configfile {out / CONFIG}."
    )
