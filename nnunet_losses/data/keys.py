"""No unknown keys: a mistyped one is named together with the nearest valid one."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from nnunet_losses.base.errors import UserError


def check_keys(mapping: Mapping[str, Any], valid: Iterable[str], where: str, required: Iterable[str] = ()) -> None:
    """Raise UserError unless ``mapping`` is a mapping with only valid and with all required keys."""
    valid = list(valid)
    if not isinstance(mapping, Mapping):
        raise UserError(f"{where}: expected a table with the keys {', '.join(valid)}, got {mapping!r}.")
    for key in mapping:
        if key not in valid:
            near = get_close_matches(str(key), valid, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"valid keys are {', '.join(valid)}."
            raise UserError(f"{where}: unknown key '{key}'; {hint}")
    missing = [key for key in required if key not in mapping]
    if missing:
        raise UserError(f"{where}: the key '{missing[0]}' is missing; please add it.")
