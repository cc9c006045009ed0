"""The key reference: Markdown tables made from the models."""

import json
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from nnunet_losses.base.config.types import declared_key, inner_models, words

HEAD = "| key | type | default | unit | meaning |\n|---|---|---|---|---|"


def key_tables(model: type[BaseModel], *, title: str, level: int = 2, prefix: str = "") -> str:
    """A section and the sections in it as Markdown: a heading and a table each.

    Args:
        model: the section.
        title: its heading.
        level: of the heading.
        prefix: of its keys, such as ``folds.``.
    """
    text = [f"{'#' * level} {title}", " ".join((model.__doc__ or "").split("\n\n")[0].split())]
    if rows := [_row(f"{prefix}{name}", field) for name, field in model.model_fields.items() if not _is_section(field)]:
        text.append("\n".join([HEAD, *rows]))
    for name, field in model.model_fields.items():
        text += [
            key_tables(inner, title=f"`{prefix}{name}`", level=level + 1, prefix=f"{prefix}{name}.")
            for inner in inner_models(declared_key(field))
        ]
    return "\n\n".join(text)


def _is_section(field: FieldInfo) -> bool:
    """Whether a key holds sections only, so that their own tables say all."""
    here = declared_key(field)
    return here.item is None and next(inner_models(here), None) is not None


def _row(key: str, field: FieldInfo) -> str:
    extra: dict[str, Any] = dict(field.json_schema_extra) if isinstance(field.json_schema_extra, dict) else {}
    kind = words(declared_key(field)).removeprefix("a ")
    if field.is_required():
        default = "required"
    else:
        default = extra["absent"] or f"`{_flow(field.default)}`"
    cells = (f"`{key}`", kind, default, extra["unit"], field.description or "")
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _flow(value: Any) -> str:
    """A default as YAML writes it on one line."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_flow, value))}]"
    return value if isinstance(value, str) and value else json.dumps(value)
