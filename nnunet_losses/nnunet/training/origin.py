"""Which training a model is from, as its checkpoint says."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from nnunet_losses.base.dataset import FINGERPRINT
from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.training.experiment import as_json


class ForeignModelError(UserError):
    """A model is from another training than the one that it is used for."""

    def __init__(self, model: object, difference: str) -> None:
        self.reason = f"it is from another training ({difference})"
        super().__init__(
            f"{model} is from another training ({difference}); put it where it belongs, and resume this training with "
            f"--c."
        )


@dataclass(frozen=True)
class Origin:
    """The training that a model is from. What is None is unknown, and equal to anything.

    trainer, dataset, plans, configuration, fold: as nnU-Net calls them.
    fingerprint: of the prepared data; nnU-Net's own data sets have none.
    plans_sha256: of the content of the plans, as far as it concerns the configuration.
    """

    trainer: str
    dataset: str
    plans: str
    configuration: str
    fold: str
    fingerprint: str | None = None
    plans_sha256: str | None = None

    @classmethod
    def of(cls, trainer: str, init_args: Mapping[str, Any]) -> Self:
        """The origin of what a trainer saves.

        Args:
            trainer: its name.
            init_args: the arguments that nnU-Net made it with, and stores in its checkpoints.
        """
        plans, dataset_json = init_args["plans"], init_args["dataset_json"]
        fingerprint = dataset_json.get(FINGERPRINT)
        return cls(
            trainer=str(trainer),
            dataset=str(plans["dataset_name"]),
            plans=str(plans["plans_name"]),
            configuration=str(init_args["configuration"]),
            fold=str(init_args["fold"]),
            fingerprint=None if fingerprint is None else str(fingerprint),
            plans_sha256=plans_sha256(plans, str(init_args["configuration"])),
        )

    @classmethod
    def from_plain(cls, stored: Any) -> Self:
        """The origin that `plain` gave.

        Raises:
            ValueError: it has another form.
        """
        names = {field.name for field in fields(cls)}
        if not isinstance(stored, dict) or not {"trainer", "dataset", "plans", "configuration", "fold"} <= set(stored):
            raise ValueError("no origin of a model")
        return cls(**{name: value for name, value in stored.items() if name in names})

    def plain(self) -> dict[str, str | None]:
        """As JSON holds it."""
        return asdict(self)

    def difference(self, expected: "Origin") -> str:
        """In what this differs from another one, in words; empty if in nothing that both know."""
        return ", ".join(
            f"{_WORDS[name]} {mine} instead of {other}" if name in _NAMES else f"other {_WORDS[name]}"
            for name, mine in self.plain().items()
            if (other := getattr(expected, name)) is not None and mine is not None and mine != other
        )

    def require(self, expected: "Origin", model: object) -> None:
        """Refuse a model that is not from the ``expected`` training.

        Args:
            expected: what is known of the training.
            model: how the message calls the model.

        Raises:
            ForeignModelError: it is from another one.
        """
        if difference := self.difference(expected):
            raise ForeignModelError(model, difference)


def plans_sha256(plans: Mapping[str, Any], configuration: str) -> str:
    """SHA-256 of what plans say about one configuration; others may join the same plans later."""
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    said = {key: value for key, value in plans.items() if key not in ("configurations", "continue_training")}
    said["configuration"] = PlansManager(dict(plans)).get_configuration(configuration).configuration
    return hashlib.sha256(json.dumps(as_json(said), sort_keys=True).encode()).hexdigest()


_NAMES = ("trainer", "dataset", "plans", "configuration", "fold")
_WORDS = {name: name for name in _NAMES} | {
    "dataset": "data set",
    "fingerprint": "content of the data set",
    "plans_sha256": "content of the plans",
}
