"""What was asked for, as one typed record: written by the workflow, read by comparison and report."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from nnunet_losses.base.config import ConfigModel, Line, Many, checked, key
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_json
from nnunet_losses.study.config import ComparisonConfig, StudyConfig


class Run(ConfigModel):
    """One training."""

    dataset: str = key("data set in nnU-Net")
    configuration: str = key("configuration of nnU-Net's plans")
    trainer: str = key("trainer as nnU-Net is called with, its seed included")
    fold: int = key("fold, counted from 0", ge=0)


def ensemble_runs(ensembles: Iterable[str], runs: Iterable[Run]) -> tuple[Run, ...]:
    """What is evaluated beside the trainings: each ensemble wherever its members are trained."""
    places = dict.fromkeys((run.dataset, run.configuration, run.fold) for run in runs)
    return tuple(
        Run(dataset=dataset, configuration=configuration, trainer=name, fold=fold)
        for name in ensembles
        for dataset, configuration, fold in places
    )


def _kind_of_config(value: Any) -> str:
    of_study = isinstance(value, StudyConfig) or (isinstance(value, dict) and "study" in value)
    return "<study>" if of_study else "<comparison>"


class StudyRecord(ConfigModel):
    """What a study asked for; for trainings of unknown origin, what they are compared by."""

    config: Annotated[
        Annotated[StudyConfig, Tag("<study>")] | Annotated[ComparisonConfig, Tag("<comparison>")],
        Discriminator(_kind_of_config),
    ] = key("the study's config with its defaults; of other results, what concerns the comparison")
    title: Line = key("heading of the report")
    baseline: Line = key("the trainer that all others are compared with")
    trainers: Many[Line] = key("the compared trainers, without the study's seeds")
    plans: Line | None = key("nnU-Net's plans", default=None)
    runs: Many[Run] = key("every training that was asked for", default=())
    ensembles: dict[Line, Many[Line]] = key("the members of each ensemble, by its name", default={})

    @property
    def evaluated(self) -> tuple[Run, ...]:
        """Every training, then every ensemble in each of its folds."""
        return (*self.runs, *ensemble_runs(self.ensembles, self.runs))

    @property
    def primary_metric(self) -> str:
        """The metric that the answer rests on."""
        return self.config.decision.metric

    @property
    def metrics(self) -> tuple[str, ...]:
        """The compared metrics."""
        return self.config.evaluation.compared

    @property
    def resamples(self) -> int:
        """Number of bootstrap resamples."""
        return self.config.statistics.resamples

    @property
    def seed(self) -> int:
        """Seed of the resampling."""
        return self.config.statistics.seed


def write_record(path: Path | str, record: StudyRecord) -> None:
    """Write a record as JSON, atomically."""
    write_json(path, record.plain())


def read_record(path: Path | str) -> StudyRecord:
    """Read the record of a study, ``study.json``.

    Raises:
        UserError: the file does not exist, is no JSON, or holds something else.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"There is no record of a study {path}; the workflow writes it at the start.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as the record of a study: {error}.") from None
    return checked(StudyRecord, content, str(path))
