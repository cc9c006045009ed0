"""The catalogue of losses: trainers, commands, tests and documents are made from it."""

import inspect
from typing import TypeVar

from nnunet_losses.losses.base import Loss

CATALOGUE: dict[str, type[Loss]] = {}
"""Every loss by its canonical name, the class name without "Loss"."""

LossClass = TypeVar("LossClass", bound=type[Loss])


def register(loss: LossClass) -> LossClass:
    """Class decorator: put a loss into the catalogue.

    Raises:
        ValueError: if the name is taken or the class does not say what it is.
    """
    name = loss.__name__.removesuffix("Loss")
    if name == loss.__name__ or not name.isalnum():
        raise ValueError(f"a loss is called <Name>Loss, letters and digits only; got {loss.__name__}")
    if name in CATALOGUE:
        raise ValueError(f"there is already a loss called {name} ({CATALOGUE[name].__module__})")
    missing = [a for a in ("functional", "formula", "reference", "__doc__") if not getattr(loss, a, None)]
    if missing:
        raise ValueError(f"{loss.__name__} does not say its {', '.join(missing)}")
    accepted = inspect.signature(loss.functional).parameters
    unknown = [p.keyword for p in loss.hyper_parameters if p.keyword not in accepted]
    if unknown:
        raise ValueError(f"the functional of {loss.__name__} does not take {', '.join(unknown)}")
    CATALOGUE[name] = loss
    return loss
