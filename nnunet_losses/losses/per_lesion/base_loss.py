"""The loss inside a loss per lesion."""

from collections.abc import Sequence
from typing import Any, ClassVar, overload

from nnunet_losses.losses.catalogue import CATALOGUE, Loss, Parameter


class InstanceLoss(Loss):
    """A loss around a base loss.

    ``base`` is a word or, in Python, a loss with settings of its own: ``BlobLoss(base=TverskyLoss(fp_weight=0.1))``.
    The hyper-parameters of such a loss are taken; the modes are always those of the outer loss, where
    ``include_background=None`` is the default of the base.
    """

    base: str | Loss
    needs_of_cut: ClassVar[frozenset[str]]
    """What the parts are made from."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # made here once, so that what the base cannot do is refused early
        made = make_base(self.base, regions=self.regions, include_background=self.include_background, batch=self.batch)
        self.include_background = made.include_background
        self._needs_of_base = made.needs

    @property
    def needs(self) -> frozenset[str]:
        """Those of `CIRCUMSTANCES` that the parts are made from or the base takes."""
        return self.needs_of_cut | self._needs_of_base


class BaseNames(Sequence[str]):
    """The words for a base loss: names of the catalogue in lower case, losses registered later included."""

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return [name.lower() for name, loss in CATALOGUE.items() if not issubclass(loss, InstanceLoss)][index]

    def __len__(self) -> int:
        return len(self[:])


class BaseParameter(Parameter):
    """The base loss: a word, or in Python a loss."""

    def check(self, value: Any) -> Any:
        """The value itself.

        Raises:
            ValueError: it is neither a word for a loss nor a loss, or is itself a loss around another.
        """
        if isinstance(value, InstanceLoss):
            raise ValueError(f"{self.keyword} must not itself be a loss around another, got {type(value).__name__}")
        return value if isinstance(value, Loss) else super().check(value)


BASE = BaseParameter(
    "base",
    "base",
    str,
    "the loss inside",
    letter="L",
    effect="the name of any loss of the catalogue, in lower case",
    choices=BaseNames(),
)


def make_base(base: str | Loss, **modes: Any) -> Loss:
    """The base loss with these modes."""
    if isinstance(base, Loss):
        return type(base)(**{p.keyword: getattr(base, p.keyword) for p in base.hyper_parameters}, **modes)
    return {name.lower(): loss for name, loss in CATALOGUE.items()}[base](**modes)
