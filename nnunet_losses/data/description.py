"""The keys of a data-set file (config/datasets/*.yaml): types, limits, defaults and help, checked before any work."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator

from nnunet_losses.base.config import (
    ConfigModel,
    Different,
    Line,
    Many,
    Pair,
    Says,
    checked,
    key,
    named_file,
    read_yaml,
    shown,
)
from nnunet_losses.base.dataset import DATASET_NAME
from nnunet_losses.base.errors import UserError
from nnunet_losses.data.addresses import CHECKSUM, Address, AddressPattern, CaseName, Expanded, Limits
from nnunet_losses.data.originals.options import Original
from nnunet_losses.data.own.options import Bids, Table
from nnunet_losses.data.phantom_options import Phantom

MOST_CASES = 100_000


def _label(value: Any) -> Any:
    values = value if isinstance(value, list | tuple) else [value]
    if not values or any(not isinstance(v, int) or isinstance(v, bool) or not 0 <= v <= 65_535 for v in values):
        raise ValueError(f"must be a whole number from 0 to 65,535 or a list of them, got {shown(value)}")
    return tuple(values) if isinstance(value, list) else value


Label = Annotated[Any, AfterValidator(_label), Says("a whole number or a list of them")]


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
    """Where the data come from: exactly one of the keys."""

    path: Expanded | None = key(
        "a folder in nnU-Net's raw layout, or a task of the Medical Segmentation Decathlon; it is only read",
        default=None,
        absent="none",
    )
    table: Table | None = key("a table of the paths of images and label maps of any kind", default=None)
    bids: Bids | None = key("a BIDS folder with label maps among its derivatives", default=None)
    download: (
        Annotated[
            Annotated[Archive, Tag("<archive>")] | Annotated[FileByFile, Tag("<files>")],
            Discriminator(_kind_of_download),
        ]
        | None
    ) = key("an archive, or images and labels one by one", default=None)
    original: Original | None = key("a published data set in its makers' own layout", default=None)
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
    def chosen(self) -> Path | Table | Bids | Archive | FileByFile | Original | Phantom:
        """The one that is given."""
        if self.path is not None:
            return Path(self.path).expanduser()
        chosen = self.table or self.bids or self.download or self.original or self.phantom
        assert chosen is not None
        return chosen


def _cases_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """Replace ``volume-{28..32}`` by the names that it stands for, and refuse a name that comes twice."""
    result: list[str] = []
    for name in names:
        match = re.fullmatch(r"([^{}]*)\{(\d+)\.\.(\d+)\}([^{}]*)", name)
        if match is None:
            result.append(name)
            continue
        before, first, last, after = match.groups()
        if not int(first) <= int(last) < int(first) + MOST_CASES:
            raise ValueError(f"'{name}' is not a range of cases; write it like volume-{{0..27}}")
        width = len(first) if first.startswith("0") else 0
        result += [f"{before}{number:0{width}d}{after}" for number in range(int(first), int(last) + 1)]
    if len(set(result)) < len(result):
        raise ValueError("names a case twice")
    return tuple(result)


PaperCases = Annotated[Many[Line], Field(min_length=1), AfterValidator(_cases_of)]


class PaperFold(ConfigModel):
    """One fold of a paper's split; cases in neither part are not used."""

    train: PaperCases = key("cases to train on; `volume-{33..130}` stands for all from 33 to 130")
    val: PaperCases = key("cases to predict and to score")

    @model_validator(mode="after")
    def _are_apart(self) -> Self:
        if both := sorted(set(self.train) & set(self.val)):
            raise ValueError(f"the case {both[0]} is in 'train' and in 'val'; remove it from one")
        return self


class About(ConfigModel):
    """What a person wants to know before the download."""

    access: Literal["open", "registration"] = key("whether anybody can download it, or only a registered person")
    page: Address | None = key("its web page", default=None, absent="none")
    size: Line | None = key("size of the download, and of the files where that differs", default=None, absent="unknown")
    modalities: Many[Line] = key("what the images are", default=())
    patients: int | None = key("number of labelled patients", default=None, ge=1, absent="unknown")
    paper: Line | None = key("which paper uses it, and how it splits the cases", default=None, absent="none")
    notes: Many[str] = key("what to know of the files and the labels", default=())


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
    not_finite: float | None = key(
        "the number that takes the place of NaN and infinity in images, such as 0, the background; such values make "
        "every loss NaN",
        default=None,
        absent="images that hold them are refused",
        allow_inf_nan=False,
    )

    about: About | None = key("what to know before the download", default=None, absent="nothing")
    paper_folds: Many[PaperFold] = key(
        "the paper's split, written to `splits_final.json` beside the data: a study uses it with `folds: {file: ...}`",
        default=(),
        absent="none",
    )
    case_table: Expanded | None = key(
        "a CSV file with a row for each case, whose column `case` has the case's name, and any other columns: patient, "
        "site, scanner; in the folder `source.path`, or a path of its own",
        default=None,
        absent="`source.table.file`, else none",
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
        if self.source.original is not None and not self.labels:
            raise ValueError("published files do not name their labels; add 'labels'")
        if isinstance(self.source.chosen, Table | Bids) and not self.labels:
            raise ValueError("source.table and source.bids do not name the labels; add 'labels'")
        return self

    @property
    def knows_cases(self) -> bool:
        """Whether the prepared data set has a table with more than the names of its cases, such as their patients."""
        return isinstance(self.source.chosen, Original | Bids | Table)

    @property
    def case_table_file(self) -> Path | None:
        """Where the case table lies."""
        if self.case_table is None:
            return None if self.source.table is None else Path(self.source.table.file).expanduser()
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
        path = named_file(entry, folder)
        if not path.is_file():
            there = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
            raise UserError(f"There is no data-set file {path}; {folder} has {there or 'none'}.")
        name = load_dataset_description(path).name
        for other, file in files.items():
            if other[:10] == name[:10]:
                raise UserError(f"{file} and {path} both describe a {name[:10]}; give one of them another number.")
        files[name] = path
    return files
