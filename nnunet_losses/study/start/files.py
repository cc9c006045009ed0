"""The text of a data-set file and of the files of a pilot and a full study, with comments and questions."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from nnunet_losses.study.start.proposals import Proposal

QUESTION = "QUESTION: "
_WIDTH = 118


def comment(text: str) -> str:
    """Lines of a comment."""
    return "\n".join(textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_long_words=False))


def block(key: str, value: Any) -> str:
    """A key of a YAML file; lists and tables that hold no others stand on one line."""
    style = None if isinstance(value, Mapping | list) else False
    text: str = yaml.safe_dump(
        value if style is None else {key: value},
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH,
        default_flow_style=style,
    ).rstrip()
    if style is False:
        return text
    return f"{key}: {text}" if text[0] in "[{" else f"{key}:\n{textwrap.indent(text, '  ')}"


def dataset_text(
    what: str,
    seen: Sequence[str],
    warnings: Sequence[str],
    content: Mapping[str, Any],
    questions: Sequence[tuple[str, str]],
) -> str:
    """A data-set file.

    Args:
        what: what lies at the path.
        seen: what the inspection says of it.
        warnings: of the inspection.
        content: the keys.
        questions: by the key that they belong to.
    """
    parts = [comment(f"Written by 'nnunet-losses init' for {what}. Every key is explained in config/README.md.")]
    parts += [comment(line) for line in seen]
    parts += [comment(f"Warning: {line}") for line in warnings]
    asked = {key for key, _ in questions}
    of_source = {"source", "merge", "values"} & asked
    for key, value in content.items():
        keys = of_source if key == "source" else {key} & asked
        lines = [comment(QUESTION + text) for of, text in questions if of in keys]
        parts.append("\n".join([*lines, block(key, value)]))
    parts += [comment(QUESTION + text) for of, text in questions if of not in content and of not in of_source]
    return "\n\n".join(parts) + "\n"


def study_text(
    heading: str,
    content: Mapping[str, Any],
    proposals: Iterable[Proposal],
    notes: Mapping[str, Sequence[str]],
    further: Sequence[str] = (),
) -> str:
    """A study's file.

    Args:
        heading: what it is and how it is run.
        content: the keys before and after the trainers, which come where ``trainers`` is.
        proposals: its losses.
        notes: comments before a key.
        further: comments at the end.
    """
    parts = [comment(heading)]
    for key, value in content.items():
        lines = [comment(text) for text in notes.get(key, ())]
        if key == "trainers":
            lines.append("trainers:")
            for proposal in proposals:
                lines += textwrap.indent(comment(str(proposal)), "  ").split("\n")
                lines.append(f"  - {proposal.trainer}")
        else:
            lines.append(block(key, value))
        parts.append("\n".join(lines))
    parts += [comment(text) for text in further]
    return "\n\n".join(parts) + "\n"
