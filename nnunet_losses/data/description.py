"""The keys of a data-set file (config/datasets/*.yaml): types, limits, defaults and help, checked before any work."""

import os
import re
import string
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator

from nnunet_losses.base.config import ConfigModel, Different, Line, Many, Pair, Says, checked, key, read_yaml, shown
from nnunet_losses.base.dataset import DATASET_NAME
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.names import name_problem
from nnunet_losses.data.phantom_options import Phantom

MOST_CASES = 100_000
CHECKSUM = r"^(md5:[0-9a-f]{32}|sha1:[0-9a-f]{40}|sha256:[0-9a-f]{64})$"


def expand_variables(text: str) -> str:
    """Replace every ``${NAME}`` by the environment's value.

    Raises:
        ValueError: the variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise ValueError(f"uses ${{{name}}}, which is not set; run 'export {name}=...' first")
        return os.environ[name]

    return re.sub(r"\$\{(\w+)\}", value, text)


def _pattern(text: str) -> str:
    try:
        fields = [field for field in string.Formatter().parse(text) if field[1] is not None]
    except ValueError as error:
        raise ValueError(f"'{text}' is not a pattern ({error}); write the case's number as {{case:02d}}") from None
    if not fields:
        raise ValueError(f"'{text}' does not depend on the case; write its number as {{case:02d}}")
    for _, name, spec, conversion in fields:
        if name != "case" or conversion or not re.fullmatch(r"(0?\d)?d?", spec or ""):
            raise ValueError(f"'{text}' is not a pattern; write the case's number as {{case:02d}}")
    return text


def _name_of_case(pattern: str) -> str:
    if problem := name_problem(pattern.format(case=0)):
        raise ValueError(f"'{pattern}' {problem}; give a name that a file can have, such as patient{{case:02d}}")
    return pattern


def _label(value: Any) -> Any:
    values = value if isinstance(value, list | tuple) else [value]
    if not values or any(not isinstance(v, int) or isinstance(v, bool) or not 0 <= v <= 65_535 for v in values):
        raise ValueError(f"must be a whole number from 0 to 65,535 or a list of them, got {shown(value)}")
    return tuple(values) if isinstance(value, list) else value


def is_web_address(url: str) -> bool:
    """Whether ``url`` is an address that can be downloaded from."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _address(url: str) -> str:
    if not is_web_address(url):
        raise ValueError(f"'{url}' is not a web address (http:// or https://); for files of your own, use 'path'")
    return url


Expanded = Annotated[Line, AfterValidator(expand_variables)]
Pattern = Annotated[Expanded, AfterValidator(_pattern), Says("text that holds the case's number: {case:02d}")]
Address = Annotated[Expanded, AfterValidator(_address), Says("an address that begins with https:// or http://")]
AddressPattern = Annotated[Pattern, AfterValidator(_address), Says("an address with the case's number: {case:02d}")]
CaseName = Annotated[Pattern, AfterValidator(_name_of_case)]
Label = Annotated[Any, AfterValidator(_label), Says("a whole number or a list of them")]


class Limits(ConfigModel):
    """Limits beyond which an archive is refused as a decompression bomb, that is, one made to fill a disk."""

    size_gb: float = key("largest size of an archive's unpacked content", default=500.0, unit="GB", gt=0)
    ratio: float = key(
        "largest ratio of unpacked to packed size; up to 0.1 GB, any ratio is allowed", default=100.0, ge=1
    )
    files: int = key("largest number of files in an archive", default=200_000, ge=1)


class Archive(ConfigModel):
    """A download of one archive (.tar, .tar.gz, .zip) that holds a folder as described for `source.path`."""

    url: Address = key("address of the archive")
    checksum: Annotated[str, Says("md5:, sha1: or sha256: and the hexadecimal sum")] = key(
        "checksum of the archive", pattern=CHECKSUM
    )
    limits: Limits = key("what is refused as a decompression bomb", default=Limits())


class FileByFile(ConfigModel):
    """A download of images and labels one by one. The checksums are recorded at the first download."""

    cases: Pair[Annotated[int, Field(ge=0, le=999_999_999)]] = key("first and last number of the cases")
    case_name: CaseName = key("name of a case; `{case}` stands for its number: `patient{case:02d}`")
    images: Annotated[dict[Line, AddressPattern], Field(min_length=1), Says("a table of channel name: address")] = key(
        "address of the image of each channel"
    )
    label: AddressPattern = key("address of the label map")

    @field_validator("cases")
    @classmethod
    def _ascend(cls, cases: tuple[int, int]) -> tuple[int, int]:
        first, last = cases
        if not first <= last < first + MOST_CASES:
            raise ValueError(f"must be [first number, last number] of at most {MOST_CASES:,} cases, got {list(cases)}")
        return cases

    @property
    def numbers(self) -> range:
        """The cases' numbers."""
        return range(self.cases[0], self.cases[1] + 1)


def _kind_of_download(value: Any) -> str:
    by_file = isinstance(value, FileByFile) or (isinstance(value, dict) and set(value) & set(FileByFile.model_fields))
    return "<files>" if by_file else "<archive>"


class Source(ConfigModel):
    """Where the data come from: exactly one of `path`, `download` and `phantom`."""

    path: Expanded | None = key(
        "a folder in nnU-Net's raw layout, or a task of the Medical Segmentation Decathlon; it is only read",
        default=None,
        absent="none",
    )
    download: (
        Annotated[
            Annotated[Archive, Tag("<archive>")] | Annotated[FileByFile, Tag("<files>")],
            Discriminator(_kind_of_download),
        ]
        | None
    ) = key("an archive, or images and labels one by one", default=None)
    phantom: Phantom | None = key("synthetic heads with lesions", default=None)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, content: Any) -> Any:
        if isinstance(content, dict) and set(content) <= set(cls.model_fields):
            if len(content) != 1:
                given = ", ".join(content) or "none"
                raise ValueError(f"source must have exactly one of the keys {', '.join(cls.model_fields)}, got {given}")
            ((name, value),) = content.items()
            if value is None:
                if name != "phantom":  # a phantom's options all have defaults
                    raise ValueError(f"source.{name} is empty; give it a value")
                return {name: {}}
        return content

    @property
    def chosen(self) -> Path | Archive | FileByFile | Phantom:
        """The one that is given."""
        if self.path is not None:
            return Path(self.path).expanduser()
        chosen = self.download or self.phantom
        assert chosen is not None
        return chosen


class DatasetDescription(ConfigModel):
    """A data set: its name in nnU-Net, where it comes from, and under which terms."""

    name: Line = key("name in nnU-Net: `Dataset`, three digits that no other data set of yours has, `_` and a name")
    source: Source = key("where the data come from")
    licence: str = key("licence of the data", default="", absent="none")
    citation: str = key("what to cite", default="", absent="none")
    description: str = key("what the data are", default="", absent="none")
    labels: Annotated[dict[Line, Label], Says("a table of name: value, or of name: list of values for a region")] = key(
        "new names for the label values of the source, or regions made of them, as in nnU-Net's `dataset.json`; "
        "required for data downloaded file by file",
        default={},
        absent="the source's",
    )
    regions_class_order: Annotated[Many[Annotated[int, Field(ge=0, le=65_535)]], Different] = key(
        "value of each region, as in nnU-Net's region-based training; required if `labels` has regions",
        default=(),
        absent="none",
    )

    case_table: Expanded | None = key(
        "a CSV file with a row for each case, whose column `case` has the case's name, and any other columns: patient, "
        "site, scanner; in the folder `source.path`, or a path of its own",
        default=None,
        absent="none",
    )

    @field_validator("name")
    @classmethod
    def _is_found_by_nnunet(cls, name: str) -> str:
        if not DATASET_NAME.fullmatch(name):
            raise ValueError(
                f"'{name}' is not a data-set name; nnU-Net expects Dataset, three digits, _ and a name: Dataset042_MS"
            )
        return name

    @field_validator("labels")
    @classmethod
    def _has_background(cls, labels: dict[str, Any]) -> dict[str, Any]:
        if labels and labels.get("background") != 0:
            raise ValueError("must hold 'background: 0'")
        return labels

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if any(isinstance(value, tuple) for value in self.labels.values()) and not self.regions_class_order:
            raise ValueError("labels has regions, so 'regions_class_order' is needed (see nnU-Net's documentation)")
        if isinstance(self.source.download, FileByFile) and not self.labels:
            raise ValueError("files that are downloaded one by one do not name their labels; add 'labels'")
        return self

    @property
    def case_table_file(self) -> Path | None:
        """Where the case table lies."""
        if self.case_table is None:
            return None
        source = self.source.chosen
        return (source if isinstance(source, Path) else Path()) / Path(self.case_table).expanduser()


def load_dataset_description(path_or_mapping: Path | str | Mapping[str, Any]) -> DatasetDescription:
    """Read and check a data-set file (or the mapping it would hold).

    Raises:
        UserError: the file is missing or no YAML, a key is unknown or missing, a value is wrong, a variable is not set.
    """
    if isinstance(path_or_mapping, Mapping):
        return checked(DatasetDescription, dict(path_or_mapping), "data set")
    content = read_yaml(path_or_mapping, "data-set file")
    return checked(DatasetDescription, content, str(path_or_mapping))


def find_descriptions(entries: Iterable[str], folder: Path) -> dict[str, Path]:
    """The files of a study's data sets, by the name of the data set in nnU-Net.

    Args:
        entries: names of files in ``folder`` without ``.yaml``, or paths of such files.
        folder: ``config/datasets``.

    Raises:
        UserError: a file is missing or wrong, or two describe data sets of one number.
    """
    files: dict[str, Path] = {}
    for entry in entries:
        path = Path(entry) if entry.endswith(".yaml") else folder / f"{entry}.yaml"
        if not path.is_file():
            there = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
            raise UserError(f"There is no data-set file {path}; {folder} has {there or 'none'}.")
        name = load_dataset_description(path).name
        for other, file in files.items():
            if other[:10] == name[:10]:
                raise UserError(f"{file} and {path} both describe a {name[:10]}; give one of them another number.")
        files[name] = path
    return files
