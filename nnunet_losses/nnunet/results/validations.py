"""The cases that trainings predicted out of fold, and what is odd about these predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from nnunet_losses.base.labels import LabelSet
from nnunet_losses.base.names import PROBABILITIES, SPLITS_JSON, SUMMARY_JSON
from nnunet_losses.base.splits import Splits
from nnunet_losses.nnunet.results.summaries import CaseCounts, read_summary
from nnunet_losses.nnunet.results.text_logs import validated_cases
from nnunet_losses.nnunet.results.trainings import Training


@dataclass(frozen=True)
class Validation:
    """The out-of-fold predictions of a training, and a sentence about each thing that is odd about them.

    counts: if the predictions were deleted, the voxel counts of each case from ``summary.json``; else empty.
    """

    training: Training
    cases: tuple[str, ...]
    with_probabilities: frozenset[str]
    remarks: tuple[str, ...]
    counts: Mapping[str, CaseCounts] = field(default_factory=dict)


def find_validation(
    training: Training, ending: str, splits: Splits | None, labels: LabelSet | None = None
) -> Validation:
    """The cases that a training predicted out of fold, according to its log, its files and the splits.

    nnU-Net never removes a file from ``validation``, so some may be left from other splits. The training's log names
    the cases of its last validation. Without a log the splits name them if all their cases are there, else the files.

    Args:
        training: the fold.
        ending: of the predictions, as in ``dataset.json``.
        splits: the present ``splits_final.json``; None if it is not there.
        labels: as in ``dataset.json``, to read ``summary.json`` by where there is no prediction; None to leave it.

    Raises:
        UserError: ``summary.json`` is needed and not as nnU-Net writes it.
    """
    files = [path.name for path in training.validation.iterdir()] if training.validation.is_dir() else []
    predicted = {name.removesuffix(ending) for name in files if name.endswith(ending) and not name.startswith(".")}
    counts: Mapping[str, CaseCounts] = {}
    if not predicted and labels is not None and SUMMARY_JSON in files:
        counts = read_summary(training.validation / SUMMARY_JSON, labels, ending)
        predicted = set(counts)
    split = set(splits[training.fold]["val"]) if splits is not None and training.fold < len(splits) else None
    logged = set(validated_cases(training.folder))
    own = logged or predicted
    if split is not None and (own <= split or (not logged and split <= own)):
        own = split
    remarks = []
    if predicted and own != split and splits is not None:
        remarks.append(f"{training} was trained with other splits than {SPLITS_JSON}; its own cases are compared.")
    if stale := predicted - own:
        remarks.append(
            f"{training}: {len(stale)} of {len(predicted)} predictions are not from its last validation and are left "
            f"out."
        )
    if training.finished and (missing := own - predicted):
        remarks.append(
            f"{training}: {len(missing)} of {len(own)} predictions are missing; nnUNetv2_train ... --val makes them."
        )
    cases = sorted(own & predicted)
    scored = frozenset(c for c in cases if not counts and f"{c}{PROBABILITIES}" in files)
    return Validation(training, tuple(cases), scored, tuple(remarks), {case: counts[case] for case in cases if counts})


def without_repeats(validations: Sequence[Validation], splits: Splits | None) -> list[Validation]:
    """The same with each case once per trainer, configuration and plans.

    Folds that were trained with different splits may predict a case twice. It stays in the fold where the splits have
    it, or else in the first.
    """
    home = {case: fold for fold, split in enumerate(splits or []) for case in split["val"]}
    owner: dict[tuple[str, ...], int] = {}
    for validation in validations:
        training = validation.training
        for case in validation.cases:
            key = (training.plans, training.configuration, training.trainer, case)
            if key not in owner or training.fold == home.get(case):
                owner[key] = training.fold
    result = []
    for validation in validations:
        training = validation.training
        run = (training.plans, training.configuration, training.trainer)
        kept = tuple(case for case in validation.cases if owner[(*run, case)] == training.fold)
        remarks = validation.remarks
        if repeated := len(validation.cases) - len(kept):
            all_cases = len(validation.cases)
            remarks += (
                f"{training}: {repeated} of {all_cases} cases are counted in another fold, which also predicted them.",
            )
        result.append(
            replace(
                validation,
                cases=kept,
                with_probabilities=validation.with_probabilities & set(kept),
                remarks=remarks,
                counts={case: own for case, own in validation.counts.items() if case in kept},
            )
        )
    return result
