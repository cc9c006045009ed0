"""The labels of a dataset.json: what is wrong with them, and which voxel values belong to which name."""

from collections.abc import Sequence
from typing import Any, NamedTuple

REQUIRED = ("channel_names", "labels", "numTraining", "file_ending")


class Labels(NamedTuple):
    """Foreground labels or regions with their voxel values, the ignore label, and all values that may occur."""

    foreground: dict[str, tuple[int, ...]]
    ignore: int | None
    values: set[int]


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)


def parse_labels(content: dict[str, Any]) -> Labels:
    """Labels of a dataset.json without problems."""
    labels = {name: _as_tuple(value) for name, value in content["labels"].items()}
    foreground = {name: values for name, values in labels.items() if name not in ("background", "ignore")}
    ignore = labels["ignore"][0] if "ignore" in labels else None
    return Labels(foreground, ignore, {value for values in labels.values() for value in values})


def dataset_json_problems(content: dict[str, Any]) -> list[str]:
    """One sentence for each thing in a dataset.json that nnU-Net could not use."""
    if missing := [key for key in REQUIRED if key not in content]:
        return [f"dataset.json has no '{key}'; add it as nnU-Net's dataset format asks." for key in missing]
    problems = []
    channels = content["channel_names"]
    if not isinstance(channels, dict) or set(channels) != {str(c) for c in range(len(channels))} or not channels:
        problems.append(f'dataset.json: channel_names must be a table with the keys "0", "1", ..., got {channels!r}.')
    if not isinstance(content["file_ending"], str) or not content["file_ending"].startswith("."):
        problems.append(f'dataset.json: file_ending must be text such as ".nii.gz", got {content["file_ending"]!r}.')
    return problems + _label_problems(content)


def _label_problems(content: dict[str, Any]) -> list[str]:
    labels = content["labels"]
    if not isinstance(labels, dict):
        return [f'dataset.json: labels must be a table such as {{"background": 0, "lesion": 1}}, got {labels!r}.']
    values = {name: _as_tuple(value) for name, value in labels.items()}
    for name, own in values.items():
        if not own or any(not isinstance(v, int) or isinstance(v, bool) or v < 0 for v in own):
            return [f"dataset.json: label '{name}' must be an integer >= 0 or a list of them, got {labels[name]!r}."]
    problems = []
    if values.get("background") != (0,):
        problems.append('dataset.json: labels must hold "background": 0.')
    everything = sorted({value for own in values.values() for value in own})
    if everything != list(range(len(everything))):
        problems.append(f"dataset.json: label values must be 0, 1, 2, ... without a gap, got {everything}.")
    if "ignore" in values and values["ignore"] != (everything[-1],):
        problems.append(f"dataset.json: the ignore label must be the highest value ({everything[-1]}).")
    regions = [name for name in values if name not in ("background", "ignore")]
    if not regions:
        problems.append("dataset.json: labels names no foreground; add at least one.")
    if any(len(own) > 1 for own in values.values()):
        order = content.get("regions_class_order")
        if not isinstance(order, list) or len(order) != len(regions):
            problems.append(
                f"dataset.json: labels holds regions, so regions_class_order must list {len(regions)} values "
                "(one per region)."
            )
    else:
        first: dict[int, str] = {}
        for name, (value,) in values.items():
            if value in first:
                problems.append(f"dataset.json: the labels '{first[value]}' and '{name}' have the same value {value}.")
            first[value] = name
    return problems
