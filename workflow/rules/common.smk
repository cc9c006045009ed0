# The study, checked before the first job; nnU-Net's environment; helpers of the rules.
import logging
import os
import re
import shlex
import sys
from collections import Counter
from datetime import date
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from nnunet_losses.base.config import read_yaml
from nnunet_losses.base.disk import DiskFullError, disk_full, no_space_left
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import check_writable, file_sha256
from nnunet_losses.base.locks import take_lock
from nnunet_losses.base.surroundings import surroundings
from nnunet_losses.data.description import find_descriptions, load_dataset_description
from nnunet_losses.comparison.provenance import checked_out_commit
from nnunet_losses.machines.gpus import gpus_at_once
from nnunet_losses.machines.retries import retry_what_may_help
from nnunet_losses.machines.slurm import (
    Request,
    adapt_executor,
    cancel_left_over,
    check_requests,
    read_cluster,
    work_of,
)
from nnunet_losses.nnunet.benchmark import read_figures
from nnunet_losses.nnunet.names.search import require_trainer
from nnunet_losses.nnunet.preparation.threads import parallel_environment
from nnunet_losses.nnunet.training.outcome import STOP_EARLY
from nnunet_losses.progress.plan import figures_file, length_of, loss_of
from nnunet_losses.study.claims import claims_files
from nnunet_losses.study.declaration import DECLARATIONS, declare
from nnunet_losses.study.published import published_files
from nnunet_losses.study.manifest import check_manifest, write_manifest
from nnunet_losses.study.record import Run, write_record
from nnunet_losses.study.resources import (
    LONGEST,
    ensemble_mb,
    evaluation_mb,
    evaluation_minutes,
    preprocessing_mb,
    preprocessing_minutes,
    preprocessing_threads,
    read_sizes,
    training_mb,
    training_minutes,
)
from nnunet_losses.study.study import load_study

os.environ.update(
    # commands from the environment that Snakemake runs in, whether it is activated or not
    PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]),
    nnUNet_raw=str(Path("work/nnUNet_raw").absolute()),
    nnUNet_preprocessed=str(Path("work/nnUNet_preprocessed").absolute()),
    nnUNet_results=str(Path("work/nnUNet_results").absolute()),
    **surroundings(Path(".snakemake/cache")),
)

try:
    config_files = workflow.overwrite_configfiles or workflow.configfiles
    for file in config_files:
        read_yaml(file)  # Snakemake takes the last of two equal keys without a word
    study = load_study(config, where=str(config_files[-1]))
    description_files = find_descriptions(study.config.datasets, Path(workflow.basedir, "config/datasets"))
    descriptions = {name: load_dataset_description(path) for name, path in description_files.items()}
    own_splits = study.config.folds.file
    split_count = study.fold_count(descriptions)
    runs = study.runs(tuple(description_files), split_count)
    rounds = study.rounds(runs)
    ensembles = study.ensembled
    evaluated = (*runs, *study.ensemble_runs(runs))
    case_tables = study.case_tables(descriptions)
    made_tables = study.covariate_tables(descriptions)
    covariate_tables = case_tables | made_tables
    measured = read_figures(figures_file(Path(), study.name))
    published = [
        str(file) for file in published_files(study.config.published, Path(workflow.basedir, "config/published"))
    ]
    claims = [str(file) for file in claims_files(study.config.claims, Path(workflow.basedir, "config/claims"))]
    for trainer in study.foreign_trainers:
        require_trainer(trainer)
    for folder in (
        "work/nnUNet_raw",
        "work/nnUNet_preprocessed",
        "work/nnUNet_results",
        "results",
        "reports",
        ".snakemake",
    ):
        check_writable(Path(folder))
except UserError as error:
    # Snakemake's log is on that disk, and a line that is not written to it would become a traceback
    logging.raiseExceptions = not isinstance(error, DiskFullError)
    raise WorkflowError(str(error))

device = study.config.device
killed = Counter()  # work that Slurm has killed because it had too little memory
EVALUATED = ("cases", "lesions", "thresholds", "calibration", "log_odds")
os.environ[STOP_EARLY] = ",".join(study.config.training.stop_early)
manifest = f"reports/{study.name}/manifest.json"


wildcard_constraints:
    study="[a-z0-9-]+",
    dataset=r"Dataset\d{3}_[A-Za-z0-9_]+",
    plans="[A-Za-z0-9]+",
    configuration="[A-Za-z0-9_]+",
    trainer=r"[A-Za-z0-9_.+-]+",
    fold=r"\d+",


def run_files(kind, *names):
    """The files of these names (or, without a name, the folder) of each training of the study under results/<kind>/.

    Ensembles have no models.
    """
    return [
        str(
            Path(
                "results",
                kind,
                run.dataset,
                f"{study.plans}__{run.configuration}",
                run.trainer,
                f"fold_{run.fold}",
                *names,
            )
        )
        for run in (runs if kind == "models" else evaluated)
    ]


def members(wildcards, kind):
    """The folders of the members of an ensemble under results/<kind>/."""
    place = f"results/{kind}/{wildcards.dataset}/{wildcards.plans}__{wildcards.configuration}"
    return [f"{place}/{member}/fold_{wildcards.fold}" for member in ensembles[wildcards.trainer]]


def study_folders():
    """What the report is made from, and the report: the folders whose files its manifest lists."""
    return [
        f"results/studies/{study.name}",
        f"results/studies/{study.name}/tables",
        f"results/studies/{study.name}/statistics",
        *collect("results/datasets/{dataset}", dataset=description_files),
        *(folder for kind in ("tables", "models", "predictions") for folder in run_files(kind)),
        f"reports/{study.name}",
        *(f"reports/{study.name}/{part}" for part in ("data", "figures", "paper")),
    ]


def output_of(file):
    """The output that is made again if this file is gone or edited; None for what costs a training, or is the report."""
    if file.startswith("results/tables/") or file == f"results/studies/{study.name}/study.json":
        return file
    return f"results/studies/{study.name}/statistics/ranking.parquet" if file.startswith("results/studies/") else None


def damaged_outputs(wildcards):
    """Outputs that are gone or edited since the report was made from them; Snakemake itself would not look at them."""
    try:
        finding = check_manifest(manifest, study_folders(), output_of, report=f"reports/{study.name}/report.html")
    except UserError as error:
        raise WorkflowError(str(error))
    for note in finding.notes:
        logger.warning(note, extra={"note": True})
    workflow.dag.forcefiles.update(finding.again)  # as --forcerun does
    return list(finding.again)


def preprocessed_files():
    """The files that say that each data set has been preprocessed for each configuration."""
    return sorted({f"results/preprocessed/{run.dataset}/{study.plans}/{run.configuration}.json" for run in runs})


def is_partial(name):
    """Whether this is the partial report of the study."""
    return name.endswith("-partial")


def of_whole(files, name):
    """For the study, all files.

    For its partial report, none: Snakemake would make again what a study that is running is just making.
    """
    return [] if is_partial(name) else files


def finished_folders(name):
    """The folders of tables that are compared: of the study, all; of its partial report, those that are complete."""
    wanted = {"tables": EVALUATED, "models": ("training", "jobs")}
    return [
        folder
        for kind, tables in wanted.items()
        for folder in run_files(kind)
        if not is_partial(name) or all(Path(folder, f"{table}.parquet").exists() for table in tables)
    ]


def states(folders, name):
    """For a partial report, when its tables were written, so that it is made again once there are others."""
    if not is_partial(name):
        return []
    return [
        [str(file), file.stat().st_mtime_ns] for folder in folders for file in sorted(Path(folder).glob("*.parquet"))
    ]


def record_of(name):
    """What compare and report need to know of the study; a partial report says in its title that it is one."""
    record = study.record(runs)
    if not is_partial(name):
        return record
    done = sum(folder.startswith("results/tables/") for folder in finished_folders(name))
    return record.model_copy(update={"title": f"{record.title} (partial: {done} of {len(evaluated)} trainings)"})


# what these two import reads images, and the workflow is read again in each job


def what_it_depends_on(dataset):
    """What a data set is made from, beside files."""
    from nnunet_losses.data.raw import depends_on

    return depends_on(descriptions[dataset])


def state_of_source(dataset):
    """Which files of a local folder a data set was made from, so that a change is noticed."""
    from nnunet_losses.data.raw import source_state

    return source_state(descriptions[dataset], "work/nnUNet_raw", study.config.cases)


def dataset_number(dataset):
    """nnU-Net's number of a data set."""
    return int(dataset[len("Dataset") :].split("_")[0])


def split_options(dataset, file_as=shlex.quote):
    """Options of `nnunet-losses split`; ``file_as`` puts the file of folds or cases into them."""
    folds = study.config.folds
    if own_splits:
        return f"--file {file_as(own_splits)}"
    options = f"--folds {split_count} --seed {folds.seed}" if not folds.left_out else ""
    for option, column in (("--group", folds.group), ("--leave-out", folds.leave_out)):
        if column:
            options += f" {option} {shlex.quote(column)} --case-table {file_as(case_tables[dataset])}"
    options += "".join(f" --left-out {shlex.quote(value)}" for value in folds.left_out or ())
    return options + (f" --stratify results/datasets/{dataset}/summary.json" if folds.stratify else "")


def what_it_says(file):
    """The hash of a user's file; a table that a job makes is an input of the next, and may not exist yet."""
    return file if file in made_tables.values() else file_sha256(Path(file))


def made_table_of_split(dataset):
    """The table that the split of a data set needs, if a job makes it."""
    table = case_tables.get(dataset) if study.config.folds.group or study.config.folds.leave_out else None
    return table if table in made_tables.values() else []


def first_of_all():
    """The priority of what every training of a data set waits for: before the second round of another data set."""
    return 100 * (max(rounds.values()) + 1)


def priority(wildcards, step):
    """Earlier rounds first; within one, later steps first, so that a finished training is evaluated at once."""
    training = Run(
        dataset=wildcards.dataset,
        configuration=wildcards.configuration,
        trainer=wildcards.trainer,
        fold=int(wildcards.fold),
    )
    return step + 100 * (max(rounds.values()) - rounds[training]) if training in rounds else step


def sizes_of(wildcards):
    """How large the data of a job are, and its network; None before that is known."""
    configuration = dict(wildcards.items()).get("configuration")
    preprocessed = Path("results/preprocessed", wildcards.dataset, study.plans, f"{configuration}.json")
    summary = Path("results/datasets", wildcards.dataset, "summary.json")
    return read_sizes(summary, preprocessed if configuration else None)


def memory(rule, wildcards, mb):
    """Memory of a job in MB: as much again after each time that Slurm has killed it for having too little."""
    return mb * (1 + killed[work_of(rule, dict(wildcards.items()))])


def validated(wildcards):
    """About how many cases a fold has."""
    sizes = sizes_of(wildcards)
    return -(-sizes.cases // split_count) if sizes else 0


def minutes_of_training(wildcards):
    """Minutes of a training, by its epochs and what `nnunet-losses plan` has measured."""
    place = (wildcards.dataset, wildcards.configuration)
    figures = [figure for figure in measured if (figure.dataset, figure.configuration) == place]
    loss, length = loss_of(wildcards.trainer), length_of(wildcards.trainer)
    return training_minutes(sizes_of(wildcards), figures, loss, *length, validated(wildcards))


def paths_for_the_shell():
    """The paths in the command of a job that Snakemake starts as a process; it quotes them as Python does."""
    return [
        str(path) for path in (workflow.main_snakefile, *workflow.overwrite_configfiles, Path.cwd(), sys.executable)
    ]


def evaluation_options():
    """Options of `nnunet-losses evaluate`."""
    evaluation = study.config.evaluation
    options = [("tolerances_mm", value) for value in evaluation.tolerances_mm]
    options += [("strata_mm", value) for value in evaluation.strata_mm]
    # only what is not usual, because other options would have everything measured again
    usual = type(evaluation)
    options += [
        (key, getattr(evaluation, key))
        for key in ("iou_threshold", "preset")
        if getattr(evaluation, key) != usual.model_fields[key].default
    ]
    return " ".join(f"--{key.replace('_', '-')} {value}" for key, value in options)


def share_gpus():
    """Let as many jobs use a GPU at once as this machine has, unless the person said how many."""
    if "gpu" not in workflow.global_resources:
        gpus = gpus_at_once(device)
        if not gpus and any(job.resources.get("gpu") for job in workflow.dag.needrun_jobs()):
            raise WorkflowError(
                "The study trains on a GPU, but this machine has none, or CUDA_VISIBLE_DEVICES hides it; write "
                "'device: cpu' in the study's config, or use a profile for a cluster."
            )
        workflow.register_resource("gpu", max(1, gpus))
        # which that method forgets (Snakemake 9.27); GPUs in use would not be counted
        workflow.scheduler.global_resources["gpu"] = max(1, gpus)


def only_partial():
    """Whether nothing but a partial report is asked for, which touches nothing of the study."""
    return set(workflow.dag_settings.targets) == {"partial_report"}


def take_study_lock():
    """Keep other Snakemakes out as long as this process lives; a partial report may be made while a study runs.

    Snakemake's own lock survives a kill and must be removed by hand, so the profiles switch it off.
    """
    lock = take_lock(Path(".snakemake", "partial.lock" if only_partial() else "study.lock"))
    if lock is None:
        raise WorkflowError(f"Another Snakemake is running in {Path.cwd()}; wait until it has finished.")
    return lock


def adapt_to_slurm():
    """Find out what the cluster can do, and set Snakemake's plugin for it."""
    cluster = read_cluster()
    check_requests(group_requests(), cluster)
    if not only_partial() and (count := cancel_left_over(Path.cwd())):
        logger.warning(
            f"Cancelled {count} job{'s' * (count > 1)} of an earlier Snakemake, which was killed; trainings go on from "
            "their last checkpoint.",
            extra={"note": True},
        )
    adapt_executor(workflow.scheduler._executor, cluster, killed)


def group_requests():
    """What is going to be submitted: jobs of one group together, one after the other."""
    longest = {}
    for job in workflow.dag.needrun_jobs():
        if not job.is_local and not job.is_norun:
            partition, minutes = (job.resources.get(name) for name in ("slurm_partition", "runtime"))
            group = longest.setdefault((job.group or job.rule.name, partition or ""), {})
            needs = (minutes if isinstance(minutes, int) else 0, bool(job.resources.get("gpu")))
            group[job.rule.name] = max(needs, group.get(job.rule.name, (0, False)))
    return [
        Request(tuple(rules), str(partition), sum(m for m, _ in rules.values()), any(gpu for _, gpu in rules.values()))
        for (_, partition), rules in longest.items()
    ]


def trainings_begun():
    """How many trainings of the study have left a trace."""
    places = [
        Path(f"work/nnUNet_results/{run.dataset}/{run.trainer}__{study.plans}__{run.configuration}/fold_{run.fold}")
        for run in runs
    ]
    return sum(place.exists() or Path(model).exists() for place, model in zip(places, run_files("models"), strict=True))


onerror:
    if no_space_left(Path.cwd()):
        # Snakemake's own words are of permissions
        logger.error(str(disk_full(Path.cwd())))


onstart:
    workflow.study_lock = take_study_lock()
    if workflow.local_exec:
        share_gpus()
    if workflow.executor_plugin.name == "slurm":
        try:
            adapt_to_slurm()
        except UserError as error:
            raise WorkflowError(str(error))
    for executor in filter(None, (workflow.scheduler._executor, workflow.scheduler._local_executor)):
        retry_what_may_help(executor)
    if not (workflow.local_exec and workflow.execution_settings.use_threads):
        for path in paths_for_the_shell():
            if not re.fullmatch(r"[\w ./+,=@%:-]*", path):
                raise WorkflowError(
                    f"Snakemake cannot hand {path} to jobs that it starts as processes, as on a cluster: rename it without "
                    "quotes, $ and other characters that a shell reads."
                )
    # what the manifest lists no longer holds once some of it is made again, be it interrupted or asked for by name
    made = {str(Path(file).parent) for job in workflow.dag.needrun_jobs() for file in job.output}
    if made.intersection(study_folders()):
        Path(manifest).unlink(missing_ok=True)
    if not only_partial():
        declare(
            Path(f"results/studies/{study.name}", DECLARATIONS),
            study.config.decision,
            begun=trainings_begun(),
            commit=checked_out_commit(Path.cwd()),
            today=date.today(),
        )
