"""YAML files: read strictly, and what is wrong said in one sentence."""

from pathlib import Path
from typing import Any

import yaml

from nnunet_losses.base.errors import UserError

MERGE = "tag:yaml.org,2002:merge"


class _TwiceError(Exception):
    """A key that a mapping holds twice, of which YAML readers silently keep the last."""


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != MERGE]
        first: dict[tuple[str, str], int] = {}
        for key in keys:
            line = key.start_mark.line + 1
            if (key.tag, key.value) in first:
                raise _TwiceError(
                    f"line {line}: the key '{key.value}' is already in line {first[key.tag, key.value]}; remove one"
                )
            first[key.tag, key.value] = line
        return super().construct_mapping(node, deep)


def named_file(name: str, folder: Path, ending: str = ".yaml") -> Path:
    """The file that a study names: by its stem in a folder, or by a path."""
    return Path(name) if name.endswith(ending) else folder / f"{name}{ending}"


def read_yaml(path: Path | str, what: str = "file") -> Any:
    """Read a YAML file, and refuse a key that is given twice.

    Args:
        path: the file, in UTF-8.
        what: what the file is, for the message if there is none.

    Raises:
        UserError: the file does not exist or is no YAML.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"There is no {what} {path}; correct the path.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"The {what} {path} cannot be read: {_one_line(error)}.") from None
    try:
        return yaml.load(text, _Loader)
    except _TwiceError as error:
        raise UserError(f"{path}, {error}.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f", line {mark.line + 1},"
        raise UserError(f"{path}{line} cannot be read as YAML: {error.problem or error.context}.") from None
    # a tag (!!int, !!bool, a date) before something else makes the reader stumble in many ways
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as YAML: {_one_line(error)}.") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
