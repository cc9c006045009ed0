"""Files of claims: what a paper concludes, as statements that a study can test."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from nnunet_losses.base.config import ConfigModel, Different, Line, Many, Pair, checked, key, read_yaml
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.metrics import metric_named
from nnunet_losses.nnunet.names.grammar import parse_trainer_name
from nnunet_losses.statistics.papers.claims import Claim, Contrast, Direction, difference, gain, trend
from nnunet_losses.study.published import files_named

FOLDER = Path("config/claims")
Losses = Annotated[Many[Line], Field(min_length=1, max_length=100), Different]
FORMS = ("trend", "difference", "best", "gain")


class Sides(ConfigModel):
    """Two sides of a comparison: the mean over the losses of the first, minus that of the second."""

    first: Losses = key("trainers of the first side")
    second: Losses = key("trainers of the second side")


class Best(ConfigModel):
    """One loss against each of several."""

    loss: Line = key("the trainer that is claimed to be the highest (or lowest) of all")
    among: Losses = key("the others")


class Gain(ConfigModel):
    """Two changes of a loss: what the first one gains, minus what the second one gains."""

    more: Pair[Line] = key("trainers with and without the change that is claimed to gain more")
    less: Pair[Line] = key("trainers with and without the change that is claimed to gain less")


class ClaimConfig(ConfigModel):
    """One conclusion. It has one of the keys trend, difference, best and gain."""

    name: Line = key("short name", pattern=r"^[a-z0-9][a-z0-9-]*$")
    says: Line = key("the conclusion, a sentence")
    metric: Line = key("the metric that it is about, by our name")
    direction: Literal["higher", "lower", "equal", "not lower", "not higher"] = key(
        "what is claimed of the value: of the first side, the best loss, the greater gain, or the end of the trend",
        default="higher",
    )
    trend: Annotated[Losses, Field(min_length=3)] | None = key("trainers in order", default=None)
    difference: Sides | None = key("two sides", default=None)
    best: Best | None = key("one loss against each of several", default=None)
    gain: Gain | None = key("two changes of a loss", default=None)
    size: float | None = key("the published size, in the metric's unit", default=None)
    source: Line = key("where the claim stands")
    mark: Literal["primary", "code", "secondary", "derived"] = key("how it was read", default="primary")

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        given = [form for form in FORMS if getattr(self, form) is not None]
        if len(given) != 1:
            raise ValueError(f"has {' and '.join(given) or 'none'} of {', '.join(FORMS)}; give exactly one")
        try:
            metric_named(self.metric)
        except KeyError:
            raise ValueError(f"names the metric '{self.metric}', which does not exist") from None
        return self

    @property
    def contrasts(self) -> list[Contrast]:
        """What all must lie in the claimed direction."""
        if self.trend is not None:
            return [trend(self.trend)]
        if self.difference is not None:
            return [difference(self.difference.first, self.difference.second)]
        if self.best is not None:
            return [difference([self.best.loss], [other]) for other in self.best.among]
        assert self.gain is not None
        return [gain(self.gain.more, self.gain.less)]


class ClaimsConfig(ConfigModel):
    """The claims of one paper."""

    paper: Line = key("the paper")
    claims: Annotated[Many[ClaimConfig], Field(min_length=1, max_length=100)] = key("its conclusions")


def claims_files(names: Iterable[str], folder: Path = FOLDER) -> list[Path]:
    """The files of the claims that a study names.

    Raises:
        UserError: a file does not exist.
    """
    return files_named(list(names), folder, ".yaml", "claims")


def read_claims(files: Iterable[Path]) -> list[Claim]:
    """The claims of several files.

    Raises:
        UserError: a file cannot be read, a key is unknown or wrong, two claims have one name, or a trainer does not
            exist.
    """
    return [claim for file in files for claim in _read(file)]


def _read(file: Path) -> list[Claim]:
    config = checked(ClaimsConfig, read_yaml(file, "file of claims"), str(file))
    names = [claim.name for claim in config.claims]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"{file}: two claims are called '{twice[0]}'; rename one.")
    found = []
    for claim in config.claims:
        contrasts = claim.contrasts
        for name in (one for contrast in contrasts for names in contrast.weights for one in names.split("|")):
            try:
                parse_trainer_name(name)
            except UserError as error:
                raise UserError(f"{file}: claim '{claim.name}': {error}") from None
        found.append(
            Claim(
                paper=file.stem, name=claim.name, says=claim.says, metric=claim.metric,
                direction=Direction(claim.direction), contrasts=contrasts, steps=claim.trend or (),
                size=np.nan if claim.size is None else claim.size, source=f"{config.paper}: {claim.source}",
                mark=claim.mark,
            )
        )  # fmt: skip
    return found
