"""The catalogue of losses: trainers, commands, tests and documents are made from it."""

import inspect
import sys
from collections.abc import Callable
from typing import Any, Literal, TypeVar, get_args, get_origin, overload

from nnunet_losses.base.parameter import Parameter
from nnunet_losses.losses.catalogue.loss import CIRCUMSTANCES, Loss

CATALOGUE: dict[str, type[Loss]] = {}
"""Every loss by its canonical name, the class name without "Loss"."""

LossClass = TypeVar("LossClass", bound=type[Loss])
Functional = TypeVar("Functional", bound=Callable[..., Any])


@overload
def register(loss: LossClass, /) -> LossClass: ...
@overload
def register(
    *, formula: str, reference: str, hyper_parameters: tuple[Parameter, ...] = (), of_sums: bool = False
) -> Callable[[Functional], Functional]: ...
def register(loss: Any = None, /, **description: Any) -> Any:
    """Decorator: put a loss into the catalogue.

    A class is decorated by ``@register``. A function is decorated by ``@register(formula=..., reference=...)``, which
    makes the class: ``hinge_loss`` becomes ``HingeLoss`` in the same module, described by the first line of the
    docstring. Each keyword argument with a default becomes a hyper-parameter of the default's type; its option in
    trainers' names is the keyword without underscores. ``hyper_parameters`` describes those that need more (range,
    help, letter, option). A choice is annotated ``Literal["one", "other"]``.

    Raises:
        ValueError: the name is taken, or the class or function does not say what it is.
        TypeError: a function is decorated without formula and reference.
    """
    if isinstance(loss, type):
        return _register_class(loss)
    if loss is not None or not {"formula", "reference"} <= description.keys():
        raise TypeError('a function becomes a loss by @register(formula="...", reference="...")')

    def add(functional: Functional) -> Functional:
        _register_class(_class_of(functional, **description))
        return functional

    return add


def _register_class(loss: LossClass) -> LossClass:
    name = loss.__name__.removesuffix("Loss")
    if name == loss.__name__ or not name.isalnum():
        raise ValueError(f"a loss is called <Name>Loss, letters and digits only; got {loss.__name__}")
    for other in CATALOGUE:
        if other.lower() == name.lower():  # folders of some file systems do not tell them apart either
            raise ValueError(f"there is already a loss called {other} ({CATALOGUE[other].__module__})")
    missing = [a for a in ("functional", "formula", "reference", "__doc__") if not getattr(loss, a, None)]
    if missing:
        raise ValueError(f"{loss.__name__} does not state its {', '.join(missing)}")
    accepted = inspect.signature(loss.functional).parameters
    unknown = [p.keyword for p in loss.hyper_parameters if p.keyword not in accepted]
    if unknown:
        raise ValueError(f"the functional of {loss.__name__} does not take {', '.join(unknown)}")
    CATALOGUE[name] = loss
    return loss


def package_of(loss: type[Loss]) -> str:
    """The package that a loss comes from."""
    return loss.__module__.partition(".")[0]


def _class_of(functional: Callable[..., Any], *, hyper_parameters: tuple[Parameter, ...] = (), **texts: Any) -> Any:
    """The loss class of a function."""
    name = functional.__name__
    stem = name.removesuffix("_loss")
    if stem == name or not stem.replace("_", "").isalnum():
        raise ValueError(f"the function of a loss is called <name>_loss; got {name}")
    described = {p.keyword: p for p in hyper_parameters}
    modes = {"regions", "include_background", "batch", *CIRCUMSTANCES}
    parameters = [
        described[keyword] if keyword in described else _parameter(name, argument)
        for keyword, argument in inspect.signature(functional).parameters.items()
        if argument.kind is argument.KEYWORD_ONLY and keyword not in modes
    ]
    class_name = "".join(word[:1].upper() + word[1:] for word in stem.split("_")) + "Loss"
    attributes = {
        "__module__": functional.__module__,
        "__doc__": (inspect.getdoc(functional) or "").partition("\n")[0],
        "functional": staticmethod(functional),
        "hyper_parameters": tuple(parameters),
        **texts,
    }
    loss = type(class_name, (Loss,), attributes)
    # pickle looks for it there
    setattr(sys.modules[functional.__module__], class_name, loss)
    return loss


def _parameter(function: str, argument: inspect.Parameter) -> Parameter:
    """A hyper-parameter, as far as the signature describes it."""
    keyword, default = argument.name, argument.default
    option, phrase = keyword.replace("_", "").lower(), keyword.replace("_", " ")
    if get_origin(argument.annotation) is Literal:
        return Parameter(option, keyword, str, phrase, choices=get_args(argument.annotation))
    if type(default) in (bool, int, float):
        return Parameter(option, keyword, type(default), phrase)
    raise ValueError(
        f"the default of {keyword} in {function} must be a number, True or False (or a choice, annotated Literal), "
        f"got {'none' if default is argument.empty else repr(default)}"
    )
