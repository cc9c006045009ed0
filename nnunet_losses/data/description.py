"""What a data-set file says (config/datasets/*.yaml), checked key by key before any work starts."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from nnunet_losses.base.dataset import check_dataset_name
from nnunet_losses.base.errors import UserError
from nnunet_losses.data.keys import check_keys
from nnunet_losses.data.phantom import Phantom

KEYS = ("name", "source", "licence", "citation", "labels", "regions_class_order", "description")
CHECKSUM = re.compile(r"(md5:[0-9a-f]{32}|sha1:[0-9a-f]{40}|sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class LocalFolder:
    """A folder that exists already: nnU-Net's raw layout, or a task of the Medical Segmentation Decathlon."""

    path: Path


@dataclass(frozen=True)
class Archive:
    """One archive to download (.tar, .tar.gz, .zip) that holds such a folder; its checksum is required."""

    url: str
    checksum: str  # "md5:...", "sha1:..." or "sha256:..."


@dataclass(frozen=True)
class FileByFile:
    """Images and labels to download one by one; ``{case}`` in an address stands for the case's number.

    No checksum is published for such data, so the first download is recorded and every later one compared with it.
    """

    cases: tuple[int, ...]
    case_name: str  # for example "patient{case:02d}"
    images: Mapping[str, str]  # channel name -> address
    label: str
    labels: Mapping[str, Any]


Source = Phantom | LocalFolder | Archive | FileByFile


@dataclass(frozen=True)
class DatasetDescription:
    """One data set: its name in nnU-Net, where it comes from, and under which terms.

    ``labels`` renames (or regroups into regions) the labels of the source; empty keeps them.
    """

    name: str
    source: Source
    licence: str = ""
    citation: str = ""
    labels: Mapping[str, Any] = field(default_factory=dict)
    regions_class_order: tuple[int, ...] = ()
    description: str = ""


def load_dataset_description(path_or_mapping: Path | str | Mapping[str, Any]) -> DatasetDescription:
    """Read and check a data-set file (or the mapping it would hold).

    Raises:
        UserError: the file is missing or no YAML, a key is unknown or missing, a value is wrong, a variable is not set.
    """
    if isinstance(path_or_mapping, Mapping):
        return _description(path_or_mapping, "data set")
    path = Path(path_or_mapping)
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        raise UserError(f"There is no data-set file {path}; see config/datasets for those that exist.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}.") from error
    return _description(content, str(path))


def expand_variables(text: str, where: str) -> str:
    """Replace every ``${NAME}`` by the environment's value; raises UserError if it is not set."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise UserError(f"{where} uses ${{{name}}}, which is not set; run 'export {name}=...' first.")
        return os.environ[name]

    return re.sub(r"\$\{(\w+)\}", value, text)


def _description(content: Any, where: str) -> DatasetDescription:
    check_keys(content, KEYS, where, required=("name", "source"))
    texts = {}
    for key in ("licence", "citation", "description"):
        texts[key] = content.get(key) or ""
        if not isinstance(texts[key], str):
            raise UserError(f"{where}: '{key}' must be text, got {texts[key]!r}.")
    labels = content.get("labels") or {}
    if labels:
        check_labels(labels, where)
    order = content.get("regions_class_order") or ()
    if any(isinstance(value, Sequence) for value in labels.values()) and not order:
        raise UserError(
            f"{where}: labels holds regions, so 'regions_class_order' is needed (see nnU-Net's region-based training)."
        )
    return DatasetDescription(
        name=check_dataset_name(content["name"]),
        source=_source(content["source"], labels, f"{where}: source"),
        labels=labels,
        regions_class_order=tuple(order),
        **texts,
    )


def check_labels(labels: Any, where: str) -> None:
    """Raise UserError unless labels is {name: integer or list of integers} with ``background: 0``."""
    if not isinstance(labels, Mapping):
        raise UserError(f"{where}: labels must be a table of name: value, got {labels!r}.")
    for name, value in labels.items():
        values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        if not values or any(not isinstance(v, int) or isinstance(v, bool) for v in values):
            raise UserError(f"{where}: label '{name}' must be an integer or a list of integers, got {value!r}.")
    if labels.get("background") != 0:
        raise UserError(f"{where}: labels must hold 'background: 0'.")


def _source(content: Any, labels: Mapping[str, Any], where: str) -> Source:
    check_keys(content, ("phantom", "path", "download"), where)
    if len(content) != 1:
        raise UserError(f"{where}: give exactly one of phantom, path, download; got {', '.join(content) or 'none'}.")
    kind, value = next(iter(content.items()))
    if kind == "phantom":
        return Phantom.from_mapping(value or {})
    if kind == "path":
        return LocalFolder(Path(_text(value, f"{where}.path")).expanduser())
    keys = ("url", "checksum", "cases", "case_name", "images", "label")
    check_keys(value, keys, f"{where}.download")
    if "url" in value:
        check_keys(value, ("url", "checksum"), f"{where}.download", required=("url", "checksum"))
        if not CHECKSUM.fullmatch(str(value["checksum"])):
            raise UserError(
                f"{where}.download.checksum must be md5:, sha1: or sha256: and the hexadecimal sum, "
                f"got {value['checksum']!r}."
            )
        return Archive(_text(value["url"], f"{where}.download.url"), value["checksum"])
    return _file_by_file(value, labels, f"{where}.download")


def _file_by_file(value: Mapping[str, Any], labels: Mapping[str, Any], where: str) -> FileByFile:
    keys = ("cases", "case_name", "images", "label")
    check_keys(value, keys, where, required=keys)
    if not labels:
        raise UserError(f"{where}: files that are downloaded one by one say nothing of their labels; add 'labels'.")
    cases = value["cases"]
    if not (
        isinstance(cases, list) and len(cases) == 2 and all(isinstance(c, int) for c in cases) and cases[0] <= cases[1]
    ):
        raise UserError(f"{where}.cases must be [first number, last number], got {cases!r}.")
    if not isinstance(value["images"], Mapping) or not value["images"]:
        raise UserError(f"{where}.images must be a table of channel name: address, got {value['images']!r}.")
    source = FileByFile(
        cases=tuple(range(cases[0], cases[1] + 1)),
        case_name=_text(value["case_name"], f"{where}.case_name"),
        images={str(k): _text(v, f"{where}.images.{k}") for k, v in value["images"].items()},
        label=_text(value["label"], f"{where}.label"),
        labels=labels,
    )
    for pattern in (source.case_name, source.label, *source.images.values()):
        try:
            varies = pattern.format(case=1) != pattern.format(case=2)
        except (KeyError, IndexError, ValueError) as error:
            raise UserError(
                f"{where}: '{pattern}' is no pattern; write the number as {{case:02d}} ({error!r})."
            ) from error
        if not varies:
            raise UserError(f"{where}: '{pattern}' does not depend on the case; write its number as {{case:02d}}.")
    return source


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise UserError(f"{where} must be text, got {value!r}.")
    return expand_variables(value, where)
