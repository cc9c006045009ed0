"""The command that runs a study: run."""

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from nnunet_losses.base.errors import UserError
from nnunet_losses.cli.app import command

DEFAULT_STUDY = Path("config/config.yaml")
DRY = {"-n", "--dry-run", "--dryrun"}
DECIDE_PARALLELISM = ("--workflow-profile", "--profile", "--executor", "-e", "--jobs", "-j")
"""Options of Snakemake beside which ``--cores all`` is not assumed."""


@command("run", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    configfile: Annotated[Path | None, typer.Option(help="The study.", show_default=str(DEFAULT_STUDY))] = None,
    cores: Annotated[str | None, typer.Option("--cores", "-c", help="CPU cores to use.", show_default="all")] = None,
    directory: Annotated[
        Path, typer.Option("--directory", "-d", help="Where work, results and reports go.", show_default="here")
    ] = Path(),
) -> None:
    """Run a study and show its progress. After an interruption or a failure, the same command continues it.

    Snakemake gets all other options and targets: `nnunet-losses run partial_report --workflow-profile profiles/slurm`.
    """
    if find_spec("snakemake") is None:
        raise UserError("Snakemake is not installed; install this package with its extra: pip install '.[workflow]'.")
    from nnunet_losses.base.surroundings import surroundings
    from nnunet_losses.progress.run import run_study

    if configfile is None and not (directory / DEFAULT_STUDY).is_file() and DEFAULT_STUDY.is_file():
        configfile = DEFAULT_STUDY  # Snakemake would look for it in the other directory
    study = study_name(configfile, directory, context.args)
    arguments = snakemake_arguments(configfile, cores, directory, context.args)
    environment = os.environ | surroundings(directory / ".snakemake" / "cache")
    if DRY & set(context.args):
        code = subprocess.run([sys.executable, "-m", "snakemake", *arguments], env=environment, check=False).returncode
    else:
        code = run_study(study, arguments, directory, environment)
    raise typer.Exit(code)


def study_name(configfile: Path | None, directory: Path, others: Sequence[str]) -> str:
    """The name of the study in a config file, all of which Snakemake will check.

    Raises:
        UserError: there is no workflow here, or no such file, or it is not a study.
    """
    if not {"--snakefile", "-s"} & set(others) and not Path("Snakefile").is_file():
        raise UserError(
            f"There is no Snakefile in {Path.cwd()}; go to your clone of nnunet-losses, or name it: --snakefile."
        )
    file = configfile or directory / DEFAULT_STUDY
    if not file.is_file():
        there = ", ".join(sorted(map(str, Path("config/studies").glob("*.yaml")))) or "none in config/studies"
        raise UserError(f"There is no config file {file}; there are {DEFAULT_STUDY} (the default), {there}.")
    return name_in(file)


def name_in(file: Path) -> str:
    """The name of the study in a file.

    Raises:
        UserError: the file cannot be read, or is no study.
    """
    from nnunet_losses.base.config import read_yaml

    content = read_yaml(file, "study")
    if not isinstance(content, dict) or "study" not in content:
        raise UserError(f"{file} is not a study, which has the key 'study'; see config/README.md.")
    return str(content["study"])


def snakemake_arguments(
    configfile: Path | None, cores: str | None, directory: Path, others: Sequence[str]
) -> list[str]:
    """The command line of Snakemake; what was not given is left to it, but for the number of cores."""
    if cores is None and not any(word.startswith(DECIDE_PARALLELISM) for word in others):
        cores = "all"
    arguments = [] if configfile is None else ["--configfile", str(configfile)]
    arguments += [] if cores is None else ["--cores", cores]
    arguments += [] if directory == Path() else ["--directory", str(directory)]
    return [*arguments, *others]
