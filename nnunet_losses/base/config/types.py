"""The declared type of a key: taken apart, followed from key to key, and put into words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo

from nnunet_losses.base.config.model import Says

MOST_NAMED = 20  # a longer limit of a list is no help in a sentence


class Declared(NamedTuple):
    """A type without ``Annotated`` and ``None``, and what was said about it."""

    type: Any
    metadata: tuple[Any, ...]

    @property
    def model(self) -> type[BaseModel] | None:
        """The model of a section, else None."""
        return self.type if isinstance(self.type, type) and issubclass(self.type, BaseModel) else None

    @property
    def members(self) -> dict[str, "Declared"]:
        """The alternatives of a union by their tags; empty for any other type."""
        if get_origin(self.type) not in (Union, UnionType):
            return {}
        members = [declared(member) for member in get_args(self.type)]
        return {next(m.tag for m in member.metadata if isinstance(m, Tag)): member for member in members}

    @property
    def item(self) -> "Declared | None":
        """The type of a list's items or of a table's values, else None."""
        if self.is_list:
            return declared(get_args(self.type)[0])
        if get_origin(self.type) in (dict, Mapping):
            return declared(get_args(self.type)[1])
        return None

    @property
    def is_list(self) -> bool:
        """Whether it is a list, of any or of a fixed length."""
        return get_origin(self.type) is tuple

    def limit(self, name: str) -> Any:
        """A limit of pydantic's ``Field`` (``ge``, ``max_length``, ...); None if there is none."""
        found = [limit for item in self.metadata if (limit := getattr(item, name, None)) is not None]
        return found[-1] if found else None


def declared(annotation: Any, further: Iterable[Any] = ()) -> Declared:
    """Take a type apart."""
    metadata = list(further)
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *said = get_args(annotation)
            metadata = [*_flat(said), *metadata]
        elif get_origin(annotation) in (Union, UnionType) and type(None) in get_args(annotation):
            rest = tuple(member for member in get_args(annotation) if member is not type(None))
            annotation = Union[rest]  # noqa: UP007 (of one member it is that member)
        else:
            return Declared(annotation, tuple(metadata))


def declared_key(field: FieldInfo) -> Declared:
    """Take the type of a model's key apart."""
    return declared(field.annotation, field.metadata)


def inner_models(of: Declared) -> Iterator[type[BaseModel]]:
    """The sections that a key holds: itself, its alternatives, or those of its list."""
    for one in (of, of.item):
        if one is not None:
            yield from (inner.model for inner in (one, *one.members.values()) if inner.model is not None)


def follow(model: type[BaseModel], place: Sequence[int | str]) -> tuple[Declared | None, str]:
    """The type at a place that pydantic names, and the place as a person writes it: ``configurations.0.patch_size``.

    None for a key that is not declared.
    """
    here: Declared | None = Declared(model, ())
    written = []
    for part in place:
        if here is not None and part in here.members:
            here = here.members[str(part)]
            continue
        if part == "[key]":  # pydantic's mark of a table's key, after the key
            here = None
            continue
        written.append(str(part))
        if here is not None and here.model is not None:
            field = here.model.model_fields.get(str(part))
            here = None if field is None else declared_key(field)
        elif here is not None:
            here = here.item
    return here, ".".join(written)


def words(of: Declared) -> str:
    """What is allowed: completes "must be"."""
    return _words(of)[0]


def _words(of: Declared) -> tuple[str, str]:
    """What is allowed, as one and as many of them."""
    said = [m for m in of.metadata if isinstance(m, Says)]
    if said:
        return said[-1].one, said[-1].many or said[-1].one
    if of.members:
        one, many = zip(*map(_words, of.members.values()), strict=True)
        return " or ".join(one), " or ".join(many)
    if of.model is not None:
        keys = ", ".join(of.model.model_fields)
        return f"a table with the keys {keys}", f"tables with the keys {keys}"
    if get_origin(of.type) is Literal:
        choices = ", ".join(str(choice) for choice in get_args(of.type))
        return f"one of {choices}", f"values out of {choices}"
    if of.item is not None:
        listed = f"list of {_count(of)}{_words(of.item)[1]}"
        return f"a {listed}", f"lists: each a {listed}"
    if of.type in (int, float):
        noun = "whole number" if of.type is int else "number"
        limits = _limits(of)
        return f"a {noun}{limits}", f"{noun}s{limits}"
    return {bool: ("true or false", "true or false"), str: ("text", "texts")}[of.type]


def _count(of: Declared) -> str:
    arguments = get_args(of.type)
    if arguments[-1] is not Ellipsis:
        return f"{len(arguments)} "
    least, most = of.limit("min_length"), of.limit("max_length")
    if most is None or most > MOST_NAMED:
        return "" if not least else "one or more " if least == 1 else f"at least {least} "
    return f"{least or 0} {'or' if most == (least or 0) + 1 else 'to'} {most} "


def _limits(of: Declared) -> str:
    least, above = of.limit("ge"), of.limit("gt")
    most, below = of.limit("le"), of.limit("lt")
    if least is not None and most is not None:
        return f" from {least:,} to {most:,}"
    low = f"of at least {least:,}" if least is not None else f"above {above:,}" if above is not None else ""
    high = f"at most {most:,}" if most is not None else f"below {below:,}" if below is not None else ""
    if high and not low and most is not None:
        return f" of {high}"
    return "".join(f" {part}" for part in (low, "and" if low and high else "", high) if part)


def _flat(metadata: Iterable[Any]) -> Iterator[Any]:
    """``Field(ge=1)`` holds its limits as metadata of its own."""
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from item.metadata
        else:
            yield item
