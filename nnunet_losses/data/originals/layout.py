"""What a published layout is made of: patterns of file names, from which cases, raters and patients follow."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Facts = dict[str, str]
NEVER = r"(?!)"
"""A pattern that no path has."""


@dataclass(frozen=True)
class OriginalCase:
    """The files of one case as published.

    name: of the case.
    images: by channel.
    labels: by reference or rater.
    mask: of the organ, if the data set has one.
    facts: what the case table says of it; ``patient`` is always there.
    further: other files that its label maps are made from.
    """

    name: str
    images: Mapping[str, Path]
    labels: Mapping[str, Path]
    mask: Path | None
    facts: Facts
    further: Mapping[str, Path] = field(default_factory=dict)


def _no_facts(_: str) -> Facts:
    return {}


def _complete(_: Path, cases: Mapping[str, OriginalCase]) -> dict[str, OriginalCase]:
    return dict(cases)


def _no_table(_: Path) -> dict[str, Facts]:
    return {}


@dataclass(frozen=True)
class Layout:
    """The layout of a published data set.

    Patterns are regular expressions of the end of a path, with ``/`` between folders. Their groups, joined by ``_``,
    make the name of the case. In the place of ``{variant}`` comes the part of the pattern for the chosen variant.

    channels: pattern of each channel's images.
    labels: pattern of each reference or rater; the first one is the default.
    mask: pattern of the masks; empty if there are none.
    variants: the pattern's part of each version of the images.
    raters: those of ``labels`` that are people.
    alternatives: further patterns of a label, for files that are named otherwise.
    patient: the patient of a case, from its name.
    facts: further columns of the case table, from a case's name.
    table: further columns of it by case, from files of the data set.
    name: of a case; the groups of the pattern take the place of ``{}``.
    mask_values: those of the mask that count; all but 0 if there are none.
    complete: adds to the cases what no pattern finds.
    draw: makes the label maps of a case, where they are no images.
    """

    channels: Mapping[str, str]
    labels: Mapping[str, str]
    mask: str = ""
    variants: Mapping[str, str] = field(default_factory=dict)
    raters: tuple[str, ...] = ()
    alternatives: Mapping[str, str] = field(default_factory=dict)
    patient: Callable[[str], str] = str
    facts: Callable[[str], Facts] = _no_facts
    table: Callable[[Path], dict[str, Facts]] = _no_table
    name: str = "{}"
    mask_values: tuple[int, ...] = ()
    complete: Callable[[Path, Mapping[str, OriginalCase]], dict[str, OriginalCase]] = _complete
    draw: Callable[[OriginalCase], dict[str, NDArray[np.uint8]]] | None = None

    def find(self, root: Path, variant: str | None) -> dict[str, OriginalCase]:
        """All cases below a folder, complete or not, by name.

        Args:
            root: the folder; links in it are followed.
            variant: which version of the images.
        """
        part = self.variants.get(variant or next(iter(self.variants), ""), "")
        images = {name: _pattern(text, part) for name, text in self.channels.items()}
        labels = {name: _pattern(text, part) for name, text in self.labels.items()}
        others = {name: _pattern(text, part) for name, text in self.alternatives.items()}
        mask = _pattern(self.mask, part)
        files: dict[str, dict[str, dict[str, Path]]] = {}
        kinds = {"image": images, "label": labels, "other": others, "mask": {"": mask} if self.mask else {}}
        for path in _files(root):
            place = "/" + path.relative_to(root).as_posix()
            for kind, patterns in kinds.items():
                for which, pattern in patterns.items():
                    if match := pattern.search(place):
                        case = files.setdefault(self.name.format("_".join(match.groups())), {})
                        case.setdefault(kind, {}).setdefault(which, path)
        table = self.table(root)
        cases = {
            name: OriginalCase(
                name,
                files[name].get("image", {}),
                {**files[name].get("other", {}), **files[name].get("label", {})},
                files[name].get("mask", {}).get(""),
                {"patient": self.patient(name), **self.facts(name), **table.get(name, {})},
            )
            for name in sorted(files, key=_numbers)
            if "image" in files[name] or "label" in files[name]
        }
        return self.complete(root, cases)


def _pattern(text: str, part: str) -> re.Pattern[str]:
    return re.compile(r"/" + text.replace("{variant}", part) + r"$")


def _files(folder: Path) -> Iterable[Path]:
    """All files below a folder, without the hidden ones, in the order of their names."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _numbers(name: str) -> list[tuple[int, str]]:
    """A key that sorts volume-9 before volume-10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]
