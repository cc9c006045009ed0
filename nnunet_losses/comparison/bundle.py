"""A study as one file for another site: an RO-Crate of tables, config, folds, versions and report, without images."""

import filecmp
import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.metadata import distributions
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import yaml

from nnunet_losses.base.config import named_file
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import file_sha256, new_folder, read_json, write_atomically, write_json
from nnunet_losses.base.names import table_name
from nnunet_losses.base.tables.results import COVARIATES
from nnunet_losses.base.tables.storage import read_tables
from nnunet_losses.base.versions import software_versions
from nnunet_losses.comparison.assemble import assemble
from nnunet_losses.comparison.provenance import EVALUATING, checked_out_commit, provenance_of_study
from nnunet_losses.comparison.tables import ByCase, compare_tables
from nnunet_losses.data.unpack import unpack
from nnunet_losses.report import write_report
from nnunet_losses.study.claims import claims_files, read_claims
from nnunet_losses.study.config import StudyConfig
from nnunet_losses.study.declaration import DECLARATIONS, declared_when
from nnunet_losses.study.kept import keep_tables
from nnunet_losses.study.published import published_files, read_published
from nnunet_losses.study.record import StudyRecord, read_record

SUMS = "manifest-sha256.txt"
"""Checksums of all other files, as ``sha256sum --check`` takes them."""
CRATE = "ro-crate-metadata.json"
RECORD, CONFIG, PROVENANCE, VERSIONS = "study.json", "study.yaml", "provenance.json", "requirements.txt"
TRAININGS, COVARIATE_FOLDER, REPORT = "trainings", "covariates", "report"
PUBLISHED, CLAIMS = "published", "claims"
DECLARED = f"{TRAININGS}/{DECLARATIONS}"  # where `restore` looks for it
_WHAT = {
    RECORD: "The study: its config with all defaults, and every training that it asks for",
    CONFIG: "The study's file, with all defaults",
    PROVENANCE: "Commit, versions, checksums of the folds, formulas of the losses",
    VERSIONS: "Every package of the environment that made this",
    DECLARED: "What was declared about the decision, and when",
    SUMS: "Checksums of all other files",
    f"{REPORT}/report.html": "The report, without pictures of cases",
}


_KINDS = {".parquet": "application/vnd.apache.parquet", ".json": "application/json", ".html": "text/html"}


@dataclass(frozen=True)
class Bundle:
    """What a bundle holds.

    file: where it is.
    finished, expected: trainings and folds of ensembles.
    files: their number.
    """

    file: Path
    finished: int
    expected: int
    files: int


def write_bundle(study: str, directory: Path, out: Path, *, licence: str) -> Bundle:
    """Pack a study, finished or not.

    The report is made anew from the tables, without pictures, so that `read_bundle` can make the same one.

    Args:
        study: its name.
        directory: where it ran.
        out: the zip file.
        licence: under which it is passed on, in words or as an address.

    Raises:
        UserError: the study has not begun, nothing of it is finished, or only its aggregated results may be passed on.
    """
    source = directory / "results" / "studies" / study
    record = read_record(source / RECORD)
    config = record.config
    assert isinstance(config, StudyConfig), "the workflow writes the record of a study"
    if config.report.aggregated:
        raise UserError(
            f"Of {study} only aggregated results may be passed on (report: {{aggregated: true}} in its file), but a "
            "bundle holds tables with a row for each case; pass on its report."
        )
    with TemporaryDirectory() as scratch:
        folder = Path(scratch, study)
        finished = keep_tables(record.evaluated, str(record.plans), directory / "results", folder / TRAININGS)
        if not finished:
            raise UserError(f"Nothing of {study} in {directory.absolute()} is finished, so there is nothing to bundle.")
        shutil.copyfile(source / RECORD, folder / RECORD)
        content = yaml.safe_dump(config.plain(), sort_keys=False, allow_unicode=True)
        (folder / CONFIG).write_text(content, encoding="utf-8")
        if (source / DECLARATIONS).is_file():
            shutil.copyfile(source / DECLARATIONS, folder / DECLARED)
        covariates = source / "tables" / table_name(COVARIATES.name)
        copies = [(covariates, COVARIATE_FOLDER)] if covariates.is_file() else []
        copies += [(file, PUBLISHED) for file in published_files(config.published)]
        copies += [(file, CLAIMS) for file in claims_files(config.claims)]
        copies += [(file, "datasets") for file in _described(config.datasets)]
        for dataset in dict.fromkeys(run.dataset for run in record.runs):
            told = sorted((directory / "results" / "datasets" / dataset).glob("*.json"))
            copies += [(file, f"folds/{dataset}") for file in told]
        for file, place in copies:
            (folder / place).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / place / file.name)
        provenance = provenance_of_study(record, directory) | {"commit": checked_out_commit(Path.cwd())}
        write_json(folder / PROVENANCE, provenance)
        packages = sorted({f"{one.name}=={one.version}" for one in distributions()}, key=str.lower)
        (folder / VERSIONS).write_text("\n".join(packages) + "\n", encoding="utf-8")
        _make_report(folder, folder / REPORT)
        _describe(folder, record, licence)
        files = _files(folder)
        sums = "".join(f"{file_sha256(folder / name)}  {name}\n" for name in files)
        (folder / SUMS).write_text(sums, encoding="utf-8")
        with write_atomically(out) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name in sorted([*files, SUMS]):
                zipped.write(folder / name, name)
    return Bundle(out, len(finished), len(record.evaluated), len(files) + 1)


def read_bundle(file: Path, out: Path) -> StudyRecord:
    """Unpack a bundle, verify every checksum, and make its report again, which must be the same byte for byte.

    Args:
        file: the zip file, which may come from anybody.
        out: a folder that does not exist yet. It is made only if all is well.

    Raises:
        UserError: it is no bundle, a file is missing, was changed or added, or the report comes out differently.
    """
    if not file.is_file():
        raise UserError(f"There is no bundle {file}.")
    if not zipfile.is_zipfile(file):
        raise UserError(f"{file} is no bundle of a study: it is no zip file, or not a whole one.")
    with new_folder(out) as folder:
        unpack(file, folder)
        _verify(file, folder)
        record = read_record(folder / RECORD)
        with TemporaryDirectory() as scratch:
            again = Path(scratch, REPORT)
            _make_report(folder, again)
            names = sorted({*_files(again), *_files(folder / REPORT)})
            _, changed, lacking = filecmp.cmpfiles(again, folder / REPORT, names, shallow=False)
        if differing := sorted([*changed, *lacking]):
            raise UserError(
                f"The report of {file} comes out differently here: {len(differing)} of its {len(names)} files, the "
                f"first of them {differing[0]}. {_other_versions(folder)}"
            )
    return record


def _described(entries: Iterable[str]) -> list[Path]:
    """The data-set files of a study, as far as they are still where it names them."""
    files = [named_file(entry, Path("config/datasets")) for entry in entries]
    return [file for file in files if file.is_file()]


def _make_report(folder: Path, out: Path) -> None:
    """Compare the trainings in an unpacked bundle and write the report; the same bundle gives the same report."""
    record = read_record(folder / RECORD)
    tables = [path for path in sorted((folder / TRAININGS).glob("*/*/*/*")) if path.is_dir()]
    tables += [folder / COVARIATE_FOLDER] if (folder / COVARIATE_FOLDER).is_dir() else []
    published = sorted((folder / PUBLISHED).glob("*.csv"))
    stacked, statistics = compare_tables(
        read_tables(tables),
        record,
        by_case=ByCase(cluster=record.config.statistics.cluster),
        published=read_published(published) if published else None,
        claims=read_claims(sorted((folder / CLAIMS).glob("*.yaml"))),
    )
    provenance = read_json(folder / PROVENANCE, "the bundle is damaged")
    declared = declared_when(folder / DECLARED, record.config.decision)
    comparison = assemble(stacked, statistics, record, provenance=provenance, declared=declared)
    write_report(out, replace(comparison, created="from the tables of a bundle"))


def _describe(folder: Path, record: StudyRecord, licence: str) -> None:
    """Write the metadata of the crate: https://w3id.org/ro/crate."""
    from rocrate.rocrate import ROCrate

    crate = ROCrate()
    crate.name = record.title
    crate.description = (
        f"Tables, config, folds, versions and report of {len(record.runs)} trainings that compare loss functions of "
        f"nnU-Net with nnunet-losses. No images. To verify it and make the report again: nnunet-losses unbundle."
    )
    crate.license = licence
    crate.root_dataset["keywords"] = ", ".join(["nnU-Net", "loss functions", *record.trainers])
    for name in [*_files(folder), SUMS]:
        properties = {"name": _WHAT.get(name, name)}
        if kind := _KINDS.get(Path(name).suffix):
            properties["encodingFormat"] = kind
        crate.add_file(dest_path=name, properties=properties)
    write_json(folder / CRATE, crate.metadata.generate())


def _verify(file: Path, folder: Path) -> None:
    """Compare an unpacked bundle with its checksums, and its crate with what it holds."""
    if not all((folder / name).is_file() for name in (SUMS, CRATE, RECORD, PROVENANCE)):
        raise UserError(f"{file} is no bundle of a study: it lacks {SUMS}, {CRATE}, {RECORD} or {PROVENANCE}.")
    lines = (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    there = {name for name in _files(folder) if name != SUMS}
    problems = [f"{name} is missing" for name in sums.keys() - there]
    problems += [f"{name} was added" for name in there - sums.keys()]
    problems += [f"{name} was changed" for name in there & sums.keys() if file_sha256(folder / name) != sums[name]]
    if problems:
        more = f" ({len(problems) - 1} more problems)" if len(problems) > 1 else ""
        raise UserError(f"{file} is not as it was made: {min(problems)}{more}. Ask for it again.")
    content = read_json(folder / CRATE, "the bundle is damaged")
    try:
        listed = {unquote(str(entity["@id"])) for entity in content["@graph"]}
    except (KeyError, TypeError):
        raise UserError(f"{file} is no bundle of a study: {CRATE} does not describe an RO-Crate.") from None
    if lacking := sorted(there - listed - {CRATE}):
        raise UserError(f"{file} is not as it was made: {CRATE} does not list {lacking[0]}. Ask for it again.")


def _other_versions(folder: Path) -> str:
    """Which packages differ that measure and compare."""
    then = read_json(folder / PROVENANCE, "the bundle is damaged").get("versions", {})
    now = software_versions(EVALUATING)
    differing = [
        f"{name} {then[name]} there, {now[name]} here" for name in now if then.get(name, now[name]) != now[name]
    ]
    if not differing:
        return "The versions are the same; so the processor or the system may make the difference."
    return f"Install the versions in its {VERSIONS} ({'; '.join(differing)})."


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
