"""The options in a trainer's name: how each is written, and what it sets."""

import re
from typing import Any

from nnunet_losses.base.parameter import Parameter
from nnunet_losses.nnunet.names.changes import CHANGES
from nnunet_losses.nnunet.names.known import known

LENGTHS = {
    "epochs": re.compile(r"(\d+)epochs"),
    "iterations": re.compile(r"(\d+)iters"),
    "seed": re.compile(r"seed(\d+)"),
}
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?(e[-+]?\d+)?")


def parameters_of(loss: str) -> dict[str, Parameter]:
    """The hyper-parameters of a loss by keyword, in the order in which a name gives them."""
    return {parameter.keyword: parameter for parameter in known().losses[loss].parameters}


def trainer_options(loss: str) -> list[str]:
    """Every option of a loss's trainer in canonical order, as written: ``fp<number>``, ``squared``, ``iw``, ..."""
    words = [spelling for parameter in parameters_of(loss).values() for spelling in _spellings(parameter)]
    return [*words, *known().weightings, *CHANGES, "<n>epochs", "<n>iters", "seed<n>"]


def read_option(loss: str, word: str) -> tuple[str, Any] | None:
    """What an option of a loss's trainer sets, and to which value; None if there is no such option."""
    if word in known().weightings:
        return "weighting", word
    if word in CHANGES:
        return "change", word
    for kind, pattern in LENGTHS.items():
        if match := pattern.fullmatch(word):
            return kind, int(match[1])
    for parameter in parameters_of(loss).values():
        words = _words(parameter)
        if word in words:
            return parameter.keyword, words[word]
        number = word.removeprefix(parameter.option)
        if _takes_number(parameter) and number != word and _NUMBER.fullmatch(number):
            return parameter.keyword, float(number)
    return None


def write_parameter(parameter: Parameter, value: Any) -> str:
    """The option that sets a hyper-parameter to this value, a number written as short as it can be."""
    for word, meaning in _words(parameter).items():
        if meaning is value or (isinstance(meaning, str) and meaning == value):
            return word
    return f"{parameter.option}{value if isinstance(value, int) else repr(float(value)).removesuffix('.0')}"


def _takes_number(parameter: Parameter) -> bool:
    return parameter.type in (int, float)


def _words(parameter: Parameter) -> dict[str, Any]:
    """The values that are written as a word, by that word."""
    words: dict[str, Any] = {choice: choice for choice in parameter.choices}
    if parameter.type is bool:
        words |= {parameter.option: True, f"no{parameter.option}": False}
    if parameter.none is not None:
        words[parameter.none] = None
    return words


def _spellings(parameter: Parameter) -> list[str]:
    return [*([f"{parameter.option}<number>"] if _takes_number(parameter) else []), *_words(parameter)]
