"""The files of a data set, a pilot and a full study, made from what was seen of the data."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nnunet_losses.base.components import equivalent_diameter
from nnunet_losses.base.config import read_yaml
from nnunet_losses.base.disk import bytes_text
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically
from nnunet_losses.base.names import slug
from nnunet_losses.base.splits import MOST_LEFT_OUT
from nnunet_losses.data.description import load_dataset_description
from nnunet_losses.data.imbalance import lesion_sizes, sentences, size_unit
from nnunet_losses.data.own.convert import CASES_CSV
from nnunet_losses.data.summary import DatasetSummary
from nnunet_losses.nnunet.names.changes import DEFAULT_EPOCHS, DEFAULT_ITERATIONS
from nnunet_losses.nnunet.preparation.expected import Step, pilot_configuration, step_costs
from nnunet_losses.study.cost import RULE, Cost, cost, duration
from nnunet_losses.study.start.files import QUESTION, dataset_text, study_text
from nnunet_losses.study.start.proposals import Proposal, Seen, propose, remarks
from nnunet_losses.study.start.recognise import PATIENT, Recognised
from nnunet_losses.study.study import load_study

_PILOT_SECONDS = 1800.0
_PILOT_EPOCHS = 10
_FEWEST, _MOST = 5, 50
"""Steps in an epoch of a pilot."""
_MOST_FOLDS = 5
_FEW_LESIONS = 30
_SITES = ("site", "centre", "center", "hospital", "clinic", "institution", "scanner", "vendor", "manufacturer")
_AIR = -900.0
"""Hounsfield units; images of other kinds hardly have such values."""
_LONGEST_SLUG = 60


@dataclass(frozen=True)
class Places:
    """Where the files go.

    dataset, pilot, full: the files.
    entry: how a study names the data-set file.
    """

    dataset: Path
    pilot: Path
    full: Path
    entry: str

    @classmethod
    def below(cls, folder: Path, stem: str) -> "Places":
        """``datasets/<stem>.yaml`` and ``studies/<stem>.yaml`` in a folder such as ``config``.

        Raises:
            UserError: one exists already.
        """
        name = slug(stem, longest=_LONGEST_SLUG, otherwise="mine")
        dataset = folder / "datasets" / f"{name}.yaml"
        here = Path("Snakefile").is_file() and dataset.resolve().parent == Path("config/datasets").resolve()
        pilot, full = (folder / "studies" / f"{name}{end}.yaml" for end in ("-pilot", ""))
        for file in (dataset, pilot, full):
            if file.exists():
                raise UserError(f"{file} exists already; remove it, or choose another --name or --out.")
        return cls(dataset, pilot, full, name if here else str(dataset.absolute()))


def places_for(folder: Path, stem: str, source: dict[str, Any]) -> tuple[str, Places]:
    """The name of a data set and `Places.below`, with a number behind the name if it is that of other data.

    Args:
        folder: such as ``config``.
        stem: the wanted name.
        source: of the data-set file that will be written.

    Raises:
        UserError: there are such files of the same data.
    """
    for end in itertools.chain([""], (f"-{number}" for number in itertools.count(2))):
        name = slug(stem, longest=_LONGEST_SLUG - len(end), otherwise="mine") + end
        file = folder / "datasets" / f"{name}.yaml"
        content = read_yaml(file, "data-set file") if file.is_file() else {}
        studies = any((folder / "studies" / f"{name}{which}.yaml").exists() for which in ("", "-pilot"))
        if not (file.exists() or studies) or (isinstance(content, dict) and content.get("source") == source):
            return f"{stem}{end}", Places.below(folder, name)
    raise AssertionError("numbers do not end")


@dataclass(frozen=True)
class Costs:
    """What each study costs, and a training step of it."""

    pilot: Cost
    full: Cost
    step_pilot: Step
    step_full: Step
    device: str

    def told(self) -> list[str]:
        """The costs, in words."""
        return [f"Pilot: {self.of_pilot()}", f"Full study: {self.of_full()}", RULE]

    def of_pilot(self) -> str:
        """The cost of the pilot, in words."""
        return self._of(self.pilot, self.step_pilot)

    def of_full(self) -> str:
        """The cost of the full study, in words."""
        return self._of(self.full, self.step_full)

    def _of(self, study: Cost, step: Step) -> str:
        where = "on one core of this machine" if self.device == "cpu" else "on this machine's GPU"
        how = "measured" if step.measured else "from one on a smaller patch, by floating-point operations"
        return (
            f"{study.trainings} trainings, about {duration(study.seconds)} {where} "
            f"({step.seconds:.2g} s a step, {how}), {bytes_text(study.bytes)}."
        )


@dataclass(frozen=True)
class Begun:
    """What was written and why.

    proposals: the losses.
    remarks: what else the data say.
    questions: what the files ask.
    costs: of both studies.
    """

    proposals: list[Proposal]
    remarks: list[str]
    questions: list[str]
    costs: Costs


def nnunet_name(stem: str, number: int) -> str:
    """A name for a data set that nnU-Net and the workflow take."""
    return f"Dataset{number:03d}_{re.sub(r'[^A-Za-z0-9]+', '', stem.title() if stem.islower() else stem) or 'Mine'}"


def numbers_taken(folder: Path, raw: Path, name: str) -> set[int]:
    """Numbers of described and of prepared data sets, other than one of this name that is prepared already."""
    names = [path.name for path in raw.glob("Dataset[0-9][0-9][0-9]_*") if path.name.partition("_")[2] != name]
    for file in folder.glob("datasets/*.yaml"):
        content = read_yaml(file, "data-set file")
        names.append(str(content.get("name", "")) if isinstance(content, dict) else "")
    return {int(name[7:10]) for name in names if re.match(r"Dataset\d{3}_", name)}


def begin(
    recognised: Recognised,
    name: str,
    summary: DatasetSummary,
    facts: pd.DataFrame,
    warnings: Sequence[str],
    plans: dict[str, Any],
    parent: str,
    length: float,
    places: Places,
    *,
    device: str,
    raw_bytes: int,
) -> Begun:
    """Write the three files, each checked as the workflow will check it.

    Args:
        recognised: what lies at the path.
        name: of the data set in nnU-Net.
        summary: of its inspection.
        facts: of its imbalance.
        warnings: of its inspection.
        plans: that nnU-Net is expected to make.
        parent: its configuration of full resolution.
        length: of objects, as `typical_length` gives it.
        places: where the files go.
        device: that steps are timed on and that the studies name.
        raw_bytes: of the data as they lie.

    Raises:
        UserError: a file cannot be written.
    """
    planned = plans["configurations"][parent]
    small = pilot_configuration(plans, parent)
    channels = len(summary.channel_names)
    classes = len(summary.labels) + 1
    step_pilot, step_full = step_costs(plans, parent, small, channels, classes, device)
    seen = Seen.of(facts, length)
    proposals = propose(seen)
    chosen = [proposal for proposal in proposals if proposal.pilot]
    folds, fold_notes = _folds(recognised, summary, seen)
    run = [0, 1] if folds["number"] > 2 else [0]
    steps = _PILOT_SECONDS / (len(chosen) * len(run) * _PILOT_EPOCHS * max(step_pilot.seconds, 1e-6))
    iterations = int(min(_MOST, max(_FEWEST, steps)))
    common = {"cases": len(summary.cases), "channels": channels, "raw_bytes": raw_bytes, "folds": folds["number"]}
    pilot = cost(
        planned, small["patch_size"], small["batch_size"], step_pilot, trainers=len(chosen), folds_run=len(run),
        epochs=_PILOT_EPOCHS, iterations=iterations, **common,
    )  # fmt: skip
    full = cost(
        planned, planned["patch_size"], int(planned["batch_size"]), step_full, trainers=len(proposals),
        folds_run=folds["number"], epochs=DEFAULT_EPOCHS, iterations=DEFAULT_ITERATIONS, **common,
    )  # fmt: skip

    costs = Costs(pilot, full, step_pilot, step_full, device)

    shared = {
        "device": device,
        **({"evaluation": evaluation} if (evaluation := _evaluation(summary)) else {}),
        "decision": {"metric": "dice"},
        "report": {"gallery": True},
    }
    studied = {"datasets": [places.entry], "trainers": None}
    small_name = f"{'2d' if parent == '2d' else '3d'}_small"
    pilot_content = {
        "study": places.pilot.stem,
        "title": f"{name}: pilot",
        **studied,
        "configurations": [{"name": small_name, "inherits_from": parent, **small}],
        "baseline": chosen[0].trainer,
        "folds": {**folds, "run": run},
        "training": {"epochs": _PILOT_EPOCHS, "iterations": iterations},
        **shared,
    }
    full_content = {
        "study": places.full.stem,
        "title": f"{name}: which loss?",
        **studied,
        "configurations": [parent],
        "baseline": proposals[0].trainer,
        "folds": folds,
        **shared,
    }
    more = remarks(seen)
    notes = _notes(fold_notes, device, recognised.licence)
    texts = {
        places.dataset: _described(recognised, name, summary, facts, warnings),
        places.pilot: study_text(
            f"A short pilot on {len(run)} of {folds['number']} folds: {costs.of_pilot()} Run it with 'nnunet-losses "
            f"run --configfile {places.pilot}'.",
            pilot_content, chosen, notes | _PILOT_NOTES,
        ),
        places.full: study_text(
            f"The full study, with nnU-Net's own configuration and length: {costs.of_full()} Run the pilot first.",
            full_content, proposals,
            notes | {"trainers": [*more, f"{len(proposals)} losses, each with its reason and its evidence."]},
            ["Repeats show how much of a difference is chance; each seed costs as much again: seeds: [1, 2, 3]"],
        ),
    }  # fmt: skip
    for file, written in texts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(file) as temporary:
            temporary.write_text(written, encoding="utf-8")
    load_dataset_description(places.dataset)
    for file in (places.pilot, places.full):
        load_study(read_yaml(file), str(file))
    return Begun(proposals, more, _questions_in(texts.values()), costs)


_PILOT_NOTES = {
    "configurations": [
        "A small network on small patches: it shows that all works, and which losses fail. Its ranking need not be "
        "that of nnU-Net's own configuration."
    ],
    "training": [
        f"As many steps as fit into about {duration(_PILOT_SECONDS)} of training on this machine, at least {_FEWEST} "
        f"and at most {_MOST} an epoch."
    ],
}


def _notes(folds: list[str], device: str, licence: str) -> dict[str, list[str]]:
    """What both studies say about their keys."""
    stated = f" ({licence})" if licence else ""
    return {
        "folds": folds,
        "device": _device_notes(device),
        "evaluation": ["Limits between small, medium and large lesions: a third of the lesions each, in pixels."],
        "decision": [
            QUESTION
            + "What decides: overlap (dice), the lesions found (lesion_recall, lesion_f1) or surfaces (nsd)? And "
            "which difference would matter (margin)? Say so before the first training."
        ],
        "report": [
            QUESTION
            + f"Does the licence{stated} allow pictures of cases in a report? If not: gallery: false. Does it allow "
            "tables with a row for each case? If not: aggregated: true."
        ],
    }


def _described(
    recognised: Recognised, name: str, summary: DatasetSummary, facts: pd.DataFrame, warnings: Sequence[str]
) -> str:
    """The data-set file."""
    content = recognised.content(name) | {"licence": recognised.licence, "citation": recognised.citation}
    asked = _dataset_questions(recognised, summary, warnings)
    return dataset_text(recognised.what, [str(summary), *sentences(facts)], warnings, content, asked)


def _folds(recognised: Recognised, summary: DatasetSummary, seen: Seen) -> tuple[dict[str, Any], list[str]]:
    """The key `folds`, and what to say about it."""
    cases = len(summary.cases)
    folds: dict[str, Any] = {"number": min(_MOST_FOLDS, cases)}
    notes = []
    person = next((column for column in PATIENT if column in recognised.columns), None)
    if person is not None:
        groups = recognised.columns[person]
        if groups < cases:
            if groups < 2:
                raise UserError(f"All cases are of one {person}, so they cannot be split into folds.")
            folds |= {"number": min(_MOST_FOLDS, groups), "group": person}
    elif "bids" in recognised.source:
        subjects = len({case.case.partition("_")[0] for case in summary.cases})
        folds["number"] = min(_MOST_FOLDS, subjects)
        notes.append(f"Sessions of one subject stay in one fold ({CASES_CSV} of the prepared data set says which).")
    else:
        notes.append(
            QUESTION + "Are several cases of one patient? Then name a table of the cases with the column patient in "
            "the data-set file (case_table), and add here: group: patient"
        )
    dividing = {column: n for column, n in recognised.columns.items() if column != person and 1 < n < cases}
    sites = [column for column in dividing if column.lower() in _SITES and dividing[column] <= MOST_LEFT_OUT]
    notes += [
        QUESTION + f"Shall each {column} be predicted by models that have not seen it? Then, instead of all other keys "
        f"here: leave_out: {column}"
        for column in sites
    ]
    if others := [column for column in dividing if column not in sites]:
        notes.append(
            QUESTION + f"Do cases with the same value of {' or '.join(others)} belong together? Then, for example: "
            f"group: {others[0]}"
        )
    notes += [QUESTION + _of_copies(group, cases) for group in summary.copies]
    if seen.uneven or seen.empty_cases:
        folds["stratify"] = "lesions"
    return folds, notes


def _of_copies(group: Sequence[str], cases: int) -> str:
    """What to ask about cases with the same image."""
    if len(group) == cases:
        return (
            "All cases have the same or nearly the same image. Are they of one patient? Then no fold can say how a "
            "loss does on another patient."
        )
    which = ", ".join(group[:3]) + (", ..." if len(group) > 3 else "")
    return (
        f"{len(group)} cases have the same or nearly the same image ({which}). If they are of one patient, they must "
        "stay in one fold, or be left out."
    )


def _dataset_questions(
    recognised: Recognised, summary: DatasetSummary, warnings: Sequence[str]
) -> list[tuple[str, str]]:
    questions = list(recognised.questions)
    if not recognised.licence and not recognised.citation:
        questions.append(("licence", "Under which licence are the data, and what is to be cited?"))
    elif not recognised.licence:
        questions.append(("licence", "Under which licence are the data?"))
    elif not recognised.citation:
        questions.append(("citation", "What is to be cited?"))
    questions += [
        (
            "source",
            f"Is '{channel}' CT? Its values reach down to {low:g}. nnU-Net normalises a channel as CT only if its name "
            "is CT; correct the name if so.",
        )
        for channel, low in zip(summary.channel_names, summary.lowest, strict=False)
        if low <= _AIR and channel.lower() != "ct"
    ]
    if warnings:
        questions.append(("name", "Do the warnings above name faults? If so, correct the data and start again."))
    return questions


def _device_notes(device: str) -> list[str]:
    if device != "cpu":
        return []
    return [QUESTION + "Where will it run? This machine has no GPU that PyTorch can use; on one that has: device: cuda"]


def _evaluation(summary: DatasetSummary) -> dict[str, Any]:
    """Limits between small and large where lengths are in pixels, so that the usual ones in mm mean nothing."""
    sizes = np.concatenate([lesion_sizes(summary, label) for label in summary.labels])
    if size_unit(summary) != "px" or len(sizes) < _FEW_LESIONS:
        return {}
    low, high = np.quantile(equivalent_diameter(sizes, 2), [1 / 3, 2 / 3])
    low = max(1.0, float(round(low)))
    return {"strata_mm": [low, max(low + 1, float(round(high)))]}


def _questions_in(texts: Any) -> list[str]:
    """All questions in files, each once, as one line."""
    found = []
    for text in texts:
        lines = [
            line.strip().removeprefix("#").strip() if line.strip().startswith("#") else "" for line in text.split("\n")
        ]
        open_question = ""
        for line in [*lines, ""]:
            if open_question and (not line or line.startswith((QUESTION, "Warning:"))):
                found.append(open_question)
                open_question = ""
            if line.startswith(QUESTION):
                open_question = line.removeprefix(QUESTION)
            elif open_question:
                open_question += f" {line}"
    return list(dict.fromkeys(found))
