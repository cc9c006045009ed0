"""A study: its checked config, and the trainings that it asks for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_losses.base.config import checked, read_yaml
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.names import PLANS
from nnunet_losses.base.splits import left_out_values, read_splits
from nnunet_losses.data.case_table import CASES_CSV, read_all_cases, read_case_column
from nnunet_losses.data.description import DatasetDescription
from nnunet_losses.nnunet.names.ensembles import ensemble_name
from nnunet_losses.nnunet.names.grammar import parse_trainer_name
from nnunet_losses.study.config import NewConfiguration, StudyConfig
from nnunet_losses.study.record import Run, StudyRecord, ensemble_runs
from nnunet_losses.study.trainers import compared_ensembles, compared_trainers, complete

MOST_RUNS = 100_000  # more is a slip, and Snakemake would plan for hours


@dataclass(frozen=True)
class Study:
    """A checked config and what it asks for.

    config: the keys of the study's file, defaults filled in.
    trainers: what is compared, without the study's seeds.
    baseline: the trainer that all others are compared with.
    where: the file, for messages.
    ensembles: the members of each, as in ``trainers``.
    """

    config: StudyConfig
    trainers: tuple[str, ...]
    baseline: str
    where: str
    ensembles: tuple[tuple[str, ...], ...] = ()

    @property
    def name(self) -> str:
        """Short name."""
        return self.config.study

    @property
    def plans(self) -> str:
        """nnU-Net's plans identifier."""
        return self.config.plans

    @property
    def planner(self) -> str:
        """The planner that makes these plans."""
        if self.plans == PLANS:
            return "ExperimentPlanner"
        size = self.plans.removeprefix("nnUNetResEncUNet").removesuffix("Plans")
        return f"nnUNetPlannerResEnc{size}"

    @property
    def foreign_trainers(self) -> tuple[str, ...]:
        """Trainers that are not ours; only nnU-Net knows whether they exist."""
        return tuple(trainer for trainer in self.trainers if parse_trainer_name(trainer) is None)

    @property
    def trained(self) -> tuple[str, ...]:
        """Trainer names as nnU-Net is called with: one for each compared trainer and seed."""
        return tuple(name for trainer in self.trainers for name in self._seeded(trainer))

    @property
    def ensembled(self) -> dict[str, tuple[str, ...]]:
        """The members of each ensemble by its name, for each seed; a member without seeds joins that of every seed."""
        found = {}
        for members in self.ensembles:
            of_each = [self._seeded(member) for member in members]
            for i in range(max(map(len, of_each))):
                chosen = tuple(names[i] if len(names) > 1 else names[0] for names in of_each)
                found[_name_of(chosen, self.config.seeds[i] if self.config.seeds else None)] = chosen
        return found

    def _seeded(self, trainer: str) -> list[str]:
        parsed = parse_trainer_name(trainer)
        if parsed is None or not self.config.seeds:  # a trainer of nnU-Net's own takes no seed
            return [trainer]
        return [str(parsed.replace(seed=seed)) for seed in self.config.seeds]

    def ensemble_runs(self, runs: Iterable[Run]) -> tuple[Run, ...]:
        """What is evaluated beside the trainings: each ensemble wherever its members are trained."""
        return ensemble_runs(self.ensembled, runs)

    def configuration_options(self, name: str) -> str:
        """The command-line options of ``nnunet-losses configure`` that make a configuration; none for nnU-Net's own."""
        new = [entry for entry in self.config.configurations if isinstance(entry, NewConfiguration)]
        return next((entry.options for entry in new if entry.name == name), "")

    def fold_count(self, descriptions: Mapping[str, DatasetDescription]) -> int:
        """The number of folds that exist: as given, those of a file, or the values of the column that is left out.

        Args:
            descriptions: of the data sets, by name.

        Raises:
            UserError: the file or the column cannot be read, cannot be used as folds, or gives two data sets different
                numbers of folds.
        """
        folds = self.config.folds
        if folds.file is not None:
            return len(read_splits(folds.file, "folds.file"))
        if folds.leave_out is None:
            return folds.number
        if folds.left_out:
            return 1
        counts = {
            name: len(left_out_values(read_all_cases(Path(table), folds.leave_out), folds.leave_out))
            for name, table in self.case_tables(descriptions).items()
        }
        if len(set(counts.values())) > 1:
            several = ", ".join(f"{count} in {name}" for name, count in counts.items())
            raise UserError(
                f"{self.where}: folds.leave_out needs as many values of '{folds.leave_out}' in every data set, but "
                f"there are {several}; make a study of each."
            )
        return next(iter(counts.values()))

    def folds(self, count: int) -> tuple[int, ...]:
        """The folds to train, of ``count`` that exist.

        Raises:
            UserError: ``folds.run`` asks for a fold that does not exist.
        """
        folds = self.config.folds.run or tuple(range(count))
        for fold in folds:
            if fold >= count:
                raise UserError(
                    f"{self.where}: folds.run asks for fold {fold}, but there are {count} folds, 0 to {count - 1}."
                )
        return folds

    def runs(self, datasets: Sequence[str], fold_count: int) -> tuple[Run, ...]:
        """Every training that belongs to the study.

        Args:
            datasets: names of the data sets in nnU-Net.
            fold_count: number of folds that exist.

        Raises:
            UserError: a fold does not exist, or there are far too many trainings.
        """
        folds, trained, configurations = self.folds(fold_count), self.trained, configuration_names(self.config)
        count = len(datasets) * len(configurations) * len(trained) * len(folds)
        if count > MOST_RUNS:
            raise UserError(f"{self.where}: the study asks for {count} trainings; at most {MOST_RUNS} are possible.")
        return tuple(
            Run(dataset=dataset, configuration=configuration, trainer=trainer, fold=fold)
            for dataset in datasets
            for configuration in configurations
            for trainer in trained
            for fold in folds
        )

    def case_tables(self, descriptions: Mapping[str, DatasetDescription]) -> dict[str, str]:
        """The case tables that splits are made by, of the data sets that have one, by name.

        They are a user's own, or, of a data set that knows its cases, the one that `prepare` makes.

        Args:
            descriptions: of the data sets, by name.

        Raises:
            UserError: a data set has no case table, or its table lacks a column, that ``folds.group``,
                ``folds.leave_out`` or ``statistics.cluster`` names.
        """
        folds = self.config.folds
        wanted = {
            "folds.group": folds.group,
            "folds.leave_out": folds.leave_out,
            "statistics.cluster": self.config.statistics.cluster,
        }
        for key, column in wanted.items():
            for name, description in descriptions.items() if column is not None else ():
                file = description.case_table_file
                if file is None and description.knows_cases and (key != "folds.leave_out" or folds.left_out):
                    continue  # the table is made with the data
                if file is None:
                    raise UserError(
                        f"{self.where}: {key} is '{column}', but the data-set file of {name} names no table of the "
                        f"cases; add 'case_table'."
                    )
                read_case_column(file, str(column), ())
        own = {name: description.case_table_file for name, description in descriptions.items()}
        return self.covariate_tables(descriptions) | {name: str(file) for name, file in own.items() if file is not None}

    @staticmethod
    def covariate_tables(descriptions: Mapping[str, DatasetDescription]) -> dict[str, str]:
        """The tables of what is known of the cases, which are made with the data sets, by name."""
        return {
            name: f"results/datasets/{name}/{CASES_CSV}"
            for name, description in descriptions.items()
            if description.knows_cases
        }

    def rounds(self, runs: Iterable[Run]) -> dict[Run, int]:
        """The round that each training belongs to, counted from 0, so that an interrupted study is of use.

        In each round, every trainer trains once: with the first seed on the first fold, then on the next fold, and so
        on, then with the next seed.
        """
        seeds = {None: 0} | {seed: place for place, seed in enumerate(self.config.seeds)}
        places = {}
        for run in runs:
            name = parse_trainer_name(run.trainer)
            places[run] = (seeds.get(None if name is None else name.seed, 0), run.fold)
        order = {place: number for number, place in enumerate(sorted(set(places.values())))}
        return {run: order[place] for run, place in places.items()}

    def record(self, runs: Iterable[Run]) -> StudyRecord:
        """What comparison and report need to know, with every training that belongs to the study."""
        return StudyRecord(
            config=self.config,
            title=self.config.title or self.name,
            baseline=self.baseline,
            trainers=self.trainers,
            plans=self.plans,
            runs=tuple(runs),
            ensembles=self.ensembled,
        )


def _name_of(members: Sequence[str], seed: int | None) -> str:
    """The name of an ensemble with its seed last, also where a member has none."""
    if seed is None:
        return ensemble_name(members)
    suffix = f"_seed{seed}"
    return ensemble_name([f"{member.removesuffix(suffix)}{suffix}" for member in members])


def configuration_names(config: StudyConfig) -> tuple[str, ...]:
    """The configurations that are trained."""
    return tuple(entry if isinstance(entry, str) else entry.name for entry in config.configurations)


def load_study(content: Any, where: str = "the study's config") -> Study:
    """Check a study's config and work out what it asks for.

    Args:
        content: the parsed YAML.
        where: how messages call the config, usually its path.

    Raises:
        UserError: an unknown key, a wrong value, an unknown loss or trainer, a baseline that is not compared, a fold
            that does not exist.
    """
    config = checked(StudyConfig, content, where)
    trainers = compared_trainers(config, where)
    baseline = trainers[0] if config.baseline is None else complete(config.baseline, config, where)
    if baseline not in trainers:
        raise UserError(f"{where}: the baseline {baseline} is not among the trainers ({', '.join(trainers)}).")
    names = configuration_names(config)
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"{where}: the configuration {twice[0]} is listed twice; remove one.")
    given = config.folds.model_fields_set
    if config.folds.file is not None and (
        superfluous := given & {"number", "seed", "group", "leave_out", "left_out", "stratify"}
    ):
        raise UserError(f"{where}: folds.file already defines the folds; leave folds.{min(superfluous)} out.")
    if config.folds.leave_out is not None and (superfluous := given & {"number", "seed", "group", "stratify"}):
        raise UserError(f"{where}: folds.leave_out already defines the folds; leave folds.{min(superfluous)} out.")
    if config.folds.left_out and config.folds.leave_out is None:
        raise UserError(f"{where}: folds.left_out has values, but folds.leave_out does not say of which column.")
    ensembles = compared_ensembles(config, trainers, where)
    study = Study(config=config, trainers=trainers, baseline=baseline, where=where, ensembles=ensembles)
    for members in ensembles:
        ensemble_name(members)  # which may be too long
    if config.folds.file is None and config.folds.leave_out is None:
        study.folds(config.folds.number)
    return study


def read_study(path: Path | str) -> Study:
    """Read and check a study's file.

    Raises:
        UserError: the file is missing or no YAML, or as for `load_study`.
    """
    return load_study(read_yaml(path, "study"), str(path))
