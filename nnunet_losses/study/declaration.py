"""What a study has declared about its decision, and when: before the first training or afterwards."""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_json
from nnunet_losses.study.config import Decision

DECLARATIONS = "decision.json"
"""In the folder of a study, and beside its kept tables: every decision that it has declared, the first one first."""


def declare(file: Path, decision: Decision, *, begun: int, commit: str | None, today: date) -> None:
    """Add a decision to a study's declarations, unless it was declared last.

    Args:
        file: the declarations; made if it does not exist.
        decision: the one that holds from now on.
        begun: how many trainings of the study have begun.
        commit: the commit of the checkout, if there is one.
        today: date of the declaration.

    Raises:
        UserError: the file holds something else.
    """
    declared = _read(file)
    digest = _digest(decision)
    if declared and declared[-1]["sha256"] == digest:
        return
    entry = {
        "decision": decision.plain(),
        "sha256": digest,
        "commit": commit,
        "date": today.isoformat(),
        "trainings_begun": begun,
    }
    write_json(file, [*declared, entry])


def join_declarations(first: Path, others: Path, into: Path, *, begun: int) -> None:
    """Write the declarations of a study from two places as one history; nothing if there are none.

    Args:
        first: those that count as the earlier ones.
        others: those of the other place, which may have been made without knowing of the first.
        into: the file to write, one of the two.
        begun: how many trainings had begun by the time of the others, whether that place knew of them or not.

    Raises:
        UserError: a file holds something else.
    """
    declared = _read(first)
    known = {(entry["sha256"], entry["commit"], entry["date"]) for entry in declared}
    for entry in _read(others):
        told_last = declared and declared[-1]["sha256"] == entry["sha256"]
        if not told_last and (entry["sha256"], entry["commit"], entry["date"]) not in known:
            declared.append(entry | {"trainings_begun": max(begun, entry["trainings_begun"])})
    if declared:
        write_json(into, declared)


def declared_when(file: Path, decision: Decision) -> str:
    """When a decision was declared, in words that follow it.

    Raises:
        UserError: the file holds something else.
    """
    declared = _read(file)
    digest = _digest(decision)
    entries = [entry for entry in declared if entry["sha256"] == digest]
    if not entries:
        return "chosen when this report was made"
    # One that was given up for another and taken again was not declared beforehand.
    entry = entries[0] if len(declared) == 1 else entries[-1]
    when = f"{date.fromisoformat(entry['date']):%-d %B %Y}" + (f", commit {entry['commit']}" if entry["commit"] else "")
    if not entry["trainings_begun"]:
        return f"declared before training ({when}, SHA-256 {digest[:12]})"
    text = f"chosen afterwards ({when}), when {entry['trainings_begun']} trainings had begun"
    first = declared[0]["decision"]
    if not declared[0]["trainings_begun"] and declared[0]["sha256"] != digest:
        text += f"; before training, {_told(first)} was declared"
    return text


def _told(decision: dict[str, Any]) -> str:
    margin = "" if decision.get("margin") is None else f" with a margin of {decision['margin']:g}"
    return f"{decision['metric']}{margin}, {decision['question'].replace('_', '-')}, at α = {decision['alpha']:g}"


def _digest(decision: Decision) -> str:
    return hashlib.sha256(json.dumps(decision.plain(), sort_keys=True).encode()).hexdigest()


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        declared = json.loads(file.read_text(encoding="utf-8"))
        for entry in declared:
            Decision.model_validate(entry["decision"])
            date.fromisoformat(entry["date"])
            if not (isinstance(entry["sha256"], str) and isinstance(entry["trainings_begun"], int)):
                raise ValueError("a wrong type")
            if not isinstance(entry["commit"], str | None):
                raise ValueError("a wrong type")
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        raise UserError(
            f"{file} does not hold what a study declared about its decision; remove it, and the decision counts as "
            "chosen afterwards."
        ) from None
    return list(declared)
