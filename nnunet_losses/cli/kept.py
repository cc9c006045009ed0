"""Commands that keep the tables of finished trainings, and put them back: keep, restore."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnunet_losses.cli.app import command, say

if TYPE_CHECKING:
    from nnunet_losses.study.record import Run
    from nnunet_losses.study.study import Study

Configfile = Annotated[Path, typer.Option(help="The study.")]
Directory = Annotated[Path, typer.Option("--directory", "-d", help="Where the study runs.", show_default="here")]
Kept = Annotated[
    Path | None,
    typer.Option("--folder", help="Folder of the kept tables.", show_default="reports/<study>/trainings"),
]


@command("keep")
def keep(configfile: Configfile, directory: Directory = Path(), folder: Kept = None) -> None:
    """Copy the tables of a study's finished trainings to a folder, for git or for another machine."""
    from nnunet_losses.study.declaration import DECLARATIONS, join_declarations
    from nnunet_losses.study.kept import keep_tables, kept_folders

    study, runs = _evaluated(configfile)
    folder = folder or _default(study)
    before = len(kept_folders(runs, study.plans, folder))
    finished = keep_tables(runs, study.plans, directory / "results", folder)
    if finished:
        kept = folder / DECLARATIONS
        join_declarations(kept, _declarations(study, directory), kept, begun=before)
    say(f"{folder}: {_counted(finished, runs)} have finished.")


@command("restore")
def restore(configfile: Configfile, directory: Directory = Path(), folder: Kept = None) -> None:
    """Put kept tables back, so that `nnunet-losses run` trains only what is missing; `run data` comes first."""
    from nnunet_losses.study.declaration import DECLARATIONS, join_declarations
    from nnunet_losses.study.kept import restore_tables

    study, runs = _evaluated(configfile)
    folder = folder or _default(study)
    restored = restore_tables(runs, study.plans, directory / "results", folder)
    if restored:
        here = _declarations(study, directory)
        join_declarations(folder / DECLARATIONS, here, here, begun=len(restored))
    say(f"{directory / 'results'}: {_counted(restored, runs)} were put back from {folder}.")


def study_in(configfile: Path) -> "tuple[Study, tuple[Run, ...]]":
    """The study in a config file, and all its trainings."""
    from nnunet_losses.data.description import find_descriptions, load_dataset_description
    from nnunet_losses.study.study import read_study

    study = read_study(configfile)
    datasets = find_descriptions(study.config.datasets, Path("config/datasets"))
    descriptions = {name: load_dataset_description(path) for name, path in datasets.items()}
    return study, study.runs(tuple(datasets), study.fold_count(descriptions))


def _evaluated(configfile: Path) -> "tuple[Study, tuple[Run, ...]]":
    """The study in a config file, and all its trainings and ensembles."""
    study, runs = study_in(configfile)
    return study, (*runs, *study.ensemble_runs(runs))


def _counted(done: Sequence["Run"], runs: Sequence["Run"]) -> str:
    """How many of all, such as "3 of 4 trainings and 1 of 2 folds of ensembles"."""
    from nnunet_losses.nnunet.names.ensembles import is_ensemble

    (trained, trainings), (ensembled, ensembles) = (
        [len([run for run in which if is_ensemble(run.trainer) == joined]) for which in (done, runs)]
        for joined in (False, True)
    )
    words = f"{trained} of {trainings} trainings"
    return f"{words} and {ensembled} of {ensembles} folds of ensembles" if ensembles else words


def _default(study: "Study") -> Path:
    return Path("reports", study.name, "trainings")


def _declarations(study: "Study", directory: Path) -> Path:
    from nnunet_losses.study.declaration import DECLARATIONS

    return directory / "results" / "studies" / study.name / DECLARATIONS
