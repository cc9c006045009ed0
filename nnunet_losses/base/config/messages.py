"""What is wrong with a config, in one sentence: what, where, what to do."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from nnunet_losses.base.config.model import shown
from nnunet_losses.base.config.types import MOST_NAMED, Declared, declared_key, follow, inner_models, words
from nnunet_losses.base.errors import UserError

M = TypeVar("M", bound=BaseModel)


def checked(model: type[M], content: Any, where: str) -> M:
    """Make a section from what a file (or a caller) holds.

    Args:
        model: the section.
        content: the parsed file, or anything else.
        where: how the sentence calls it, usually the file's path.

    Raises:
        UserError: an unknown or missing key, or a wrong value.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        sentence = _sentence(model, error)
    except RecursionError:
        sentence = "it is nested too deeply, or contains itself"
    raise UserError(f"{where}: {sentence}{'' if sentence[-1] in '.?' else '.'}")


def _sentence(model: type[BaseModel], errors: ValidationError) -> str:
    """The first error in words; an unknown key comes first, because what it was to say is then missing elsewhere."""
    details = errors.errors(include_url=False)
    error = min(details, key=lambda error: error["type"] not in ("extra_forbidden", "invalid_key"))
    place, kind, value = error["loc"], error["type"], error["input"]
    if place[-1:] == ("[key]",):  # of a table whose keys are free
        return _about_key(model, place[:-2], place[-2], "invalid_key")
    if kind in ("extra_forbidden", "invalid_key"):
        return _about_key(model, place[:-1], place[-1], kind)
    if kind == "missing" and isinstance(place[-1], int):  # a list is too short
        place, kind = place[:-1], "too_short"
    here, written = follow(model, place)
    if kind == "value_error":
        text = str(error["ctx"]["error"])
        return text if here is not None and here.model is not None else f"{written} {text}"
    if here is None:
        return f"{written} is wrong: {error['msg']}"
    if kind == "missing":
        _, section = follow(model, place[:-1])
        return f"the key '{place[-1]}' is missing{f' in {section}' if section else ''}; add it: {words(here)}"
    if value is None and written:
        return f"{written} is empty; give it a value"
    if kind in ("too_long", "string_too_long") and error["ctx"]["max_length"] > MOST_NAMED:
        return f"{written} is too long ({len(value)}); at most {error['ctx']['max_length']} are allowed"
    return f"{written or 'it'} must be {words(here)}, got {shown(value)}{_advice(here, value)}"


def _about_key(model: type[BaseModel], section: tuple[int | str, ...], key: int | str, kind: str) -> str:
    here, written = follow(model, section)
    inside = f" in {written}" if written else ""
    if kind == "invalid_key" or not isinstance(key, str):
        return f"the key {shown(key)}{inside} must be text; put it in quotes"
    assert here is not None and here.model is not None
    known = list(here.model.model_fields)
    near = difflib.get_close_matches(key, known, n=1)
    own = f"{written}.{key}"  # in another kind of this section
    near = near or [name for name in keys_of(model) if name.rpartition(".")[2] == key and name != own]
    advice = (
        f"did you mean '{near[0]}'?" if near else f"the keys {'there' if inside else 'here'} are {', '.join(known)}"
    )
    return f"unknown key {shown(key)}{inside}; {advice}"


def _advice(here: Declared, value: Any) -> str:
    """What to write instead, for the mistakes that YAML invites."""
    if here.type in (int, float) and isinstance(value, str) and _is_number(value):
        power = " and as YAML writes a power of ten, 1.0e-3" if "e" in value.lower() else ""
        return f"; write it without quotes{power}"
    if here.type is str and not isinstance(value, str | Mapping | list | tuple):
        return "; put it in quotes"
    if here.is_list and isinstance(value, str | int | float):
        return "; put it in square brackets"
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key of a section and of the sections in it, as a person writes it: ``folds.number``."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        for inner in inner_models(declared_key(field)):
            yield from keys_of(inner, f"{prefix}{name}.")
