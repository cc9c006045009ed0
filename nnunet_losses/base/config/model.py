"""What every section of a config file has in common, and the types that its keys are declared with."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

T = TypeVar("T")
LONGEST_LINE = 300  # characters
LONGEST_SHOWN = 80  # characters of a value in a sentence


class ConfigModel(BaseModel):
    """A section of a config file.

    A key without a value counts as left out. Apart from that it is strict: an unknown key, a value of another type
    (``true`` or ``2.0`` for a whole number) and a number that is not finite are errors. Make one from what a file holds
    with `nnunet_losses.base.config.checked`.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, content: Any) -> Any:
        """Take a key without a value (``folds:``) for one that is left out."""
        if not isinstance(content, dict):
            return content
        fields = cls.model_fields
        return {
            key: value
            for key, value in content.items()
            if value is not None or key not in fields or fields[key].is_required()
        }

    def plain(self) -> dict[str, Any]:
        """The section as JSON holds it: defaults filled in, keys without a value left out."""
        return self.model_dump(mode="json", exclude_none=True)


def key(help: str, *, default: Any = ..., unit: str = "", absent: str = "", **limits: Any) -> Any:
    """Declare a key of a section.

    Args:
        help: what the key means, a phrase for the key reference.
        default: its value if the key is left out; without one the key is required.
        unit: of the value.
        absent: what happens without the key, in words, where the default does not say it.
        limits: of pydantic's ``Field``: ``ge``, ``gt``, ``le``, ``lt``, ``min_length``, ``max_length``, ``pattern``.
    """
    return Field(default, description=help, json_schema_extra={"unit": unit, "absent": absent}, **limits)


@dataclass(frozen=True)
class Says:
    """In an ``Annotated`` type: what is allowed, in words, where the type and its limits do not say it."""

    one: str
    """``a list of ...``: completes "must be"."""
    many: str = ""
    """The plural: completes "a list of"."""


def shown(value: Any) -> str:
    """A value as a sentence shows it: on one line, and not at any length."""
    if isinstance(value, bool):
        return str(value).lower()  # as YAML writes it
    if not _is_short(value):
        return "a value too long to show"
    try:
        text = repr(list(value) if isinstance(value, tuple) else value)
    except (ValueError, RecursionError):  # Python writes no whole number of more than 4300 digits
        return "a value too long to show"
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def _is_short(value: Any) -> bool:
    """Whether a value has few parts; YAML's aliases make 10^9 of them in ten lines."""
    parts, seen = [value], 0
    while parts and seen <= LONGEST_SHOWN:
        part = parts.pop()
        seen += 1
        if isinstance(part, dict):
            parts += [*part.keys(), *part.values()][:LONGEST_SHOWN]
        elif isinstance(part, list | tuple):
            parts += part[:LONGEST_SHOWN]
    return seen <= LONGEST_SHOWN


def _tuple_of_list(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _different(values: tuple[Any, ...]) -> tuple[Any, ...]:
    for place, value in enumerate(values):
        if value in values[:place]:
            raise ValueError(f"lists {shown(value)} twice; remove one")
    return values


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"must be one line of printable text, got {shown(text)}")
    return text


Many = Annotated[tuple[T, ...], BeforeValidator(_tuple_of_list)]
"""A list."""
Pair = Annotated[tuple[T, T], BeforeValidator(_tuple_of_list)]
"""A list of two."""
Line = Annotated[str, Field(min_length=1, max_length=LONGEST_LINE), AfterValidator(_one_line)]
"""Text of one line."""
Different = AfterValidator(_different)
"""Of a list: no value twice."""
