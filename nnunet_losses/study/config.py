"""The keys of a study's file: types, limits, defaults, units and help, from which config/README.md is made."""

import difflib
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator

from nnunet_losses.base.config import ConfigModel, Different, Line, Many, Pair, Says, key
from nnunet_losses.base.metrics import METRICS
from nnunet_losses.base.metrics.challenges import CHALLENGES
from nnunet_losses.base.metrics.lesion import MATCHED, STRATA_MM, at_iou
from nnunet_losses.base.metrics.surface import at_tolerance
from nnunet_losses.base.names import PLANS

LARGEST_SEED = 2**32 - 1  # NumPy's and scikit-learn's
COMPARED_METRICS = (
    "dice", "precision", "recall", "f2", "hd95", "nsd", "lesion_recall", "lesion_precision", "lesion_f1",
    "lesion_recall_small", "lesion_recall_medium", "lesion_recall_large",
)  # fmt: skip
"""What is compared unless a study says otherwise; all metrics that exist are in the tables."""

Plans = Literal["nnUNetPlans", "nnUNetResEncUNetMPlans", "nnUNetResEncUNetLPlans", "nnUNetResEncUNetXLPlans"]
OwnConfiguration = Literal["2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres"]
OWN_OR_NEW = f"one of {', '.join(get_args(OwnConfiguration))}, or a table that makes a new one"
NAME_OR_PRODUCT = "a name, or a table that makes several"
Seed = Annotated[int, Field(ge=1, le=LARGEST_SEED)]
Fold = Annotated[int, Field(ge=0, le=999)]
Millimetres = Annotated[float, Field(gt=0, le=1000)]
Name = Annotated[Line, Says("a name", "names")]


def _number_or_word(value: Any) -> Any:
    if not isinstance(value, bool | int | float | str) or (isinstance(value, int | float) and not abs(value) < 1e12):
        raise ValueError("must be a number, true, false or a word")
    return value


Value = Annotated[Any, AfterValidator(_number_or_word), Says("a number, true, false or a word", "values")]


class NewConfiguration(ConfigModel):
    """A configuration that the study adds to nnU-Net's plans, made from an existing one."""

    name: Annotated[str, Says("a name of letters, digits and single underscores")] = key(
        "name of the new configuration, none of nnU-Net's own",
        pattern=r"^[A-Za-z0-9]+(_[A-Za-z0-9]+)*$",
        max_length=60,
    )
    inherits_from: Literal["2d", "3d_fullres", "3d_lowres"] = key(
        "the configuration of nnU-Net's plans that supplies everything not set here", default="3d_fullres"
    )
    patch_size: Annotated[Many[Annotated[int, Field(ge=4, le=4096)]], Field(min_length=2, max_length=3)] | None = key(
        "patch size, in nnU-Net's order of axes (z, y, x)", default=None, unit="voxel", absent="the parent's"
    )
    spacing: Annotated[Many[Millimetres], Field(min_length=2, max_length=3)] | None = key(
        "voxel size that images are resampled to (z, y, x); coarser is faster",
        default=None,
        unit="mm",
        absent="the parent's",
    )
    batch_size: int | None = key(
        "number of patches in a training step", default=None, absent="the parent's", ge=1, le=10_000
    )
    features_per_stage: (
        Annotated[Many[Annotated[int, Field(ge=1, le=10_000)]], Field(min_length=1, max_length=20)] | None
    ) = key(
        "channels of each resolution stage; the length of the list is the depth of the network",
        default=None,
        absent="the parent's",
    )

    @field_validator("name")
    @classmethod
    def _is_new(cls, name: str) -> str:
        if name in get_args(OwnConfiguration):
            raise ValueError(f"is '{name}', which nnU-Net already has; choose another name")
        return name

    @property
    def options(self) -> str:
        """The command-line options of ``nnunet-losses configure`` that make it."""
        return " ".join(
            f"--{option.replace('_', '-')} {item}"
            for option, value in self.plain().items()
            if option != "name"
            for item in (value if isinstance(value, list) else [value])
        )


class TrainerProduct(ConfigModel):
    """Trainers given as a product: every loss with every weighting and every combination of hyper-parameters."""

    losses: Annotated[Many[Name], Field(min_length=1, max_length=1000)] = key("losses by name, such as `Tversky`")
    weightings: Annotated[Many[Literal["none", "iw", "iwpos"]], Field(min_length=1), Different] = key(
        "`none`, `iw` (inverse weighting: every lesion weighs the same) or `iwpos` (as the 2020 release defines it)",
        default=("none",),
    )
    parameters: Annotated[
        dict[Name, Annotated[Many[Value], Field(min_length=1, max_length=1000)]],
        Says("a table of short name: list of values"),
    ] = key(
        "values of each hyper-parameter by its short name, all of them combined: `{fp: [0.1, 0.3], fn: [0.7, 0.9]}`",
        default={},
    )
    recipes: Annotated[Many[Name], Field(min_length=1, max_length=1000), Different] = key(
        "`none`, a paper's [recipe](../docs/recipes.md) such as `salehi2017`, or pieces joined by `_`, such as "
        "`densenet_bspline`",
        default=("none",),
    )


class Folds(ConfigModel):
    """The cross-validation."""

    number: int = key("number of folds that the cases are split into", default=5, ge=2, le=1000)
    run: Annotated[Many[Fold], Field(min_length=1, max_length=1000), Different] | None = key(
        "the folds to train, counted from 0", default=None, absent="all"
    )
    seed: int = key("seed of the split; the default gives nnU-Net's own split", default=12345, ge=0, le=LARGEST_SEED)
    group: Line | None = key(
        "column of the data set's `case_table`, such as `patient`: cases of equal value stay in one fold; published "
        "data sets, BIDS folders and tables of paths bring such a table",
        default=None,
        absent="each case by itself",
    )
    leave_out: Line | None = key(
        "column of the data set's `case_table`, such as `site`: each of its values is a fold, which is predicted by a "
        "model trained on all others; instead of `number`, `seed`, `group` and `stratify`",
        default=None,
        absent="none",
    )
    left_out: Annotated[Many[Line], Field(min_length=1, max_length=1000), Different] | None = key(
        "values of the column `leave_out` that are left out together: one fold, whose test cases are predicted by "
        "a model trained on all others",
        default=None,
        absent="each value in turn",
    )
    stratify: Literal["lesions"] | None = key(
        "`lesions`: every fold gets cases with few and with many lesions", default=None, absent="not stratified"
    )
    file: Line | None = key("a `splits_final.json` of your own, instead of the keys above", default=None, absent="none")


class Length(ConfigModel):
    """The length of each training; it becomes part of the name of every trainer that does not give its own.

    The exception is ``stop_early``, which may be set or removed at any time.
    """

    epochs: int | None = key("number of epochs", default=None, absent="nnU-Net's 1000", ge=1, le=1_000_000)
    iterations: int | None = key("training steps in an epoch", default=None, absent="nnU-Net's 250", ge=1, le=1_000_000)
    stop_early: Annotated[Many[Literal["collapsed", "diverging"]], Different] = key(
        "trainings to end before their last epoch: those whose network has found nothing (`collapsed`), or has lost "
        "what it had learned (`diverging`), for a tenth of their epochs and at least ten; they count as failed",
        default=(),
        absent="none",
    )


class Compared(ConfigModel):
    """What is compared."""

    metrics: Annotated[Many[Name], Field(min_length=1, max_length=1000), Different] = key(
        "the metrics to compare, by their names in the [list of metrics](../docs/tables.md); the tables hold all",
        default=COMPARED_METRICS,
        absent="Dice, precision, recall, F2, HD95, NSD; lesion recall (also by size), precision and F1",
    )

    @property
    def compared(self) -> tuple[str, ...]:
        """The metrics to compare."""
        return self.metrics


class Decision(ConfigModel):
    """What decides between the losses. The report says whether it was declared before the first training."""

    metric: Name = key("the metric that the answer rests on; one of `evaluation.metrics`", default="dice")
    margin: float | None = key(
        "the smallest difference that would matter, in the metric's unit", default=None, absent="the metric's own", ge=0
    )
    question: Literal["superiority", "non_inferiority"] = key(
        "`non_inferiority`: the answer begins with the losses that are not worse than the baseline by the margin",
        default="superiority",
    )
    alpha: float = key("level: intervals have a confidence of 1 − alpha", default=0.05, gt=0, lt=0.5)


def _check_decision(config: "ComparisonConfig | StudyConfig") -> None:
    if config.decision.metric not in config.evaluation.compared:
        raise ValueError(f"decision.metric '{config.decision.metric}' is not among evaluation.metrics")


class Evaluation(Compared):
    """How predictions are measured, and what is compared."""

    tolerances_mm: Annotated[Many[Millimetres], Field(min_length=1, max_length=20), Different] = key(
        "tolerances of the normalised surface Dice; the first gives the metric `nsd`, others metrics such as `nsd_2mm`",
        default=(1.0,),
        unit="mm",
    )
    strata_mm: Pair[Millimetres] = key(
        "limits between small, medium and large lesions: diameter of the sphere of equal volume",
        default=tuple(limit for _, limit in STRATA_MM[:-1]),
        unit="mm",
    )

    iou_threshold: float = key(
        "in the metrics named `*_iou`, `lesion_sq` and `lesion_pq`, lesions are paired one to one above this IoU; at "
        "another threshold than 0.5 the names end in it: `lesion_f1_iou0.1`",
        default=0.5,
        ge=0,
        lt=1,
    )
    preset: Name | None = key(
        "a [challenge](../docs/howto/challenges.md) whose scores are measured and compared too",
        default=None,
        absent="none",
    )

    @property
    def compared(self) -> tuple[str, ...]:
        """The metrics to compare, and those of the preset."""
        further = () if self.preset is None else (metric.name for metric in CHALLENGES[self.preset].metrics)
        return tuple(dict.fromkeys((*self.metrics, *further)))

    @field_validator("preset")
    @classmethod
    def _exists(cls, preset: str | None) -> str | None:
        if preset is not None and preset not in CHALLENGES:
            raise ValueError(f"is '{preset}', which is no preset; there are {', '.join(CHALLENGES)}")
        return preset

    @field_validator("strata_mm")
    @classmethod
    def _ascend(cls, limits: tuple[float, float]) -> tuple[float, float]:
        if not limits[0] < limits[1]:
            raise ValueError(f"must be two ascending limits, small|medium before medium|large, got {list(limits)}")
        return limits

    @model_validator(mode="after")
    def _fits(self) -> Self:
        further = [at_tolerance(name, mm) for mm in self.tolerances_mm[1:] for name in ("nsd", "nsd_surfel")]
        there = [name for name in METRICS if name not in MATCHED]
        there += [*(at_iou(name, self.iou_threshold) for name in MATCHED), *further]
        if self.preset is not None:
            there += [metric.name for metric in CHALLENGES[self.preset].metrics]
        for name in self.metrics:
            if name not in there:
                near = difflib.get_close_matches(name, there, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(there)}"
                raise ValueError(f"evaluation.metrics names '{name}', which is not a metric of this study; {hint}")
        return self


class Resampling(ConfigModel):
    """The resampling behind intervals and ranks."""

    resamples: int = key("number of bootstrap resamples of the cases", default=10_000, ge=100, le=1_000_000)
    seed: int = key("seed of the resampling", default=0, ge=0, le=LARGEST_SEED)
    cluster: Line | None = key(
        "column of the data sets' `case_table`, such as `patient`: its values, not the cases, are independent",
        default=None,
        absent="each case by itself",
    )


class ReportConfig(ConfigModel):
    """What the report shows."""

    gallery: bool = key(
        "pictures of cases; `false` for data whose licence forbids to pass images on, or whose predictions are gone",
        default=True,
    )
    aggregated: bool = key(
        "aggregated results only: no rows, marks or pictures of single cases, for data of which nothing else may be "
        "passed on",
        default=False,
    )

    @property
    def pictures(self) -> bool:
        """Whether pictures of cases are shown."""
        return self.gallery and not self.aggregated


class ComparisonConfig(ConfigModel):
    """What a comparison needs to know, regardless of who trained."""

    evaluation: Compared = key("what is compared", default=Compared())
    decision: Decision = key("what decides", default=Decision())
    statistics: Resampling = key("resampling", default=Resampling())

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _check_decision(self)
        return self


PARTIAL = "-partial"  # ends the name of a report on a study that is not finished


class StudyConfig(ConfigModel):
    """Which losses are trained and compared, on which data, and how."""

    study: Annotated[str, Says("a short name of lower-case letters, digits and '-'")] = key(
        "short name; the report goes to `reports/<study>/`", pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100
    )
    title: Line | None = key("heading of the report", default=None, absent="the short name")
    datasets: Annotated[Many[Name], Field(min_length=1, max_length=1000), Different] = key(
        "files in `config/datasets/` without `.yaml`, or paths of such files"
    )
    cases: int | None = key(
        "number of cases of each data set to use (the first ones), for a pilot",
        default=None,
        absent="all",
        ge=2,
        le=1_000_000,
    )
    plans: Plans = key(
        "nnU-Net's plans; the planner follows from them (`nnUNetResEncUNetLPlans`: `nnUNetPlannerResEncL`)",
        default=PLANS,
    )
    configurations: Annotated[
        Many[
            Annotated[
                Annotated[OwnConfiguration, Tag("<name>"), Says(OWN_OR_NEW)]
                | Annotated[NewConfiguration, Tag("<new>")],
                Discriminator(lambda value: "<new>" if isinstance(value, dict | NewConfiguration) else "<name>"),
                Says(OWN_OR_NEW, f"configurations: each {OWN_OR_NEW}"),
            ]
        ],
        Field(min_length=1, max_length=1000),
    ] = key("nnU-Net's own configurations by name, or new ones (see below)", default=("3d_fullres",))
    trainers: Annotated[
        Many[
            Annotated[
                Annotated[Name, Tag("<name>"), Says(NAME_OR_PRODUCT)] | Annotated[TrainerProduct, Tag("<product>")],
                Discriminator(lambda value: "<product>" if isinstance(value, dict | TrainerProduct) else "<name>"),
                Says(NAME_OR_PRODUCT, f"trainers: each {NAME_OR_PRODUCT}"),
            ]
        ],
        Field(min_length=1, max_length=1000),
    ] = key("trainers by name, such as `TverskyTrainer_fp0.1_fn0.9_iw`, or products (see below)")
    ensembles: Annotated[
        Many[
            Annotated[
                Many[Name],
                Field(min_length=2, max_length=20),
                Different,
                Says("a list of two trainers or more", "ensembles: each a list of two trainers or more"),
            ]
        ],
        Field(max_length=100),
        Different,
    ] = key(
        "ensembles to compare like any trainer, each a list of members written as under `trainers`: the mean of their "
        "probabilities in the same fold",
        default=(),
        absent="none",
    )
    baseline: Line | None = key(
        "the trainer that all others are compared with, written as under `trainers`",
        default=None,
        absent="the first trainer",
    )
    folds: Folds = key("cross-validation", default=Folds())
    seeds: Annotated[Many[Seed], Field(max_length=1000), Different] = key(
        "one training per seed and fold; the seed becomes part of the trainer's name",
        default=(),
        absent="`[]`: one training per fold, unseeded as in nnU-Net",
    )
    training: Length = key("training length", default=Length())
    device: Literal["cpu", "cuda", "mps"] = key("where trainings run", default="cuda")
    evaluation: Evaluation = key("how predictions are measured", default=Evaluation())
    decision: Decision = key("what decides between the losses", default=Decision())
    statistics: Resampling = key("resampling", default=Resampling())
    report: ReportConfig = key("what the report shows", default=ReportConfig())
    published: Annotated[Many[Name], Field(max_length=100), Different] = key(
        "files in `config/published/` without `.csv`, or paths of such files: "
        "[published numbers](../docs/howto/claims.md) to hold against the study's",
        default=(),
        absent="none",
    )
    claims: Annotated[Many[Name], Field(max_length=100), Different] = key(
        "files in `config/claims/` without `.yaml`, or paths of such files: "
        "[conclusions of papers](../docs/howto/claims.md) to judge by the study",
        default=(),
        absent="none",
    )

    @field_validator("study")
    @classmethod
    def _is_whole(cls, name: str) -> str:
        if name.endswith(PARTIAL):
            raise ValueError(
                f"must not end in '{PARTIAL}', which marks the report of an unfinished study, got '{name}'"
            )
        return name

    @model_validator(mode="after")
    def _decides(self) -> Self:
        _check_decision(self)
        return self
