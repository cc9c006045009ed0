"""The key `original` of a data-set file: a data set as its makers publish it."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from nnunet_losses.base.config import ConfigModel, Different, Line, Many, Pair, Says, key
from nnunet_losses.base.names import name_problem
from nnunet_losses.data.addresses import CHECKSUM, Address, Expanded, Limits

LayoutName = Literal["kits19", "brats20", "lits", "msseg2016", "isbi2015", "openms", "luna16", "isles22", "autopet"]
MOST_FILES = 100_000
Value = Annotated[int, Field(ge=0, le=65_535)]


def _inside(path: str) -> str:
    if any(name_problem(part) for part in path.split("/")):
        raise ValueError(f"'{path}' is not a path below the data set's folder; write it like case_00000/imaging.nii.gz")
    return path


class Fetched(ConfigModel):
    """A file to download, or one for each case."""

    url: Address = key("its address; `{case}` stands for a number of `cases`: `case_{case:05d}.nii.gz`")
    to: Annotated[Line, AfterValidator(_inside)] | None = key(
        "where it belongs in the data set's own layout, with `{case}` as in `url`",
        default=None,
        absent="an archive, which is unpacked",
    )
    cases: Pair[Annotated[int, Field(ge=0, le=999_999_999)]] | None = key(
        "first and last number that `{case}` stands for", default=None, absent="a single file"
    )
    checksum: Annotated[str, Says("md5:, sha1: or sha256: and the hexadecimal sum")] | None = key(
        "its checksum", default=None, pattern=CHECKSUM, absent="the one that the server states, or else recorded"
    )
    limits: Limits = key("what is refused as a decompression bomb", default=Limits())

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.cases is None:
            return self
        first, last = self.cases
        if not first <= last < first + MOST_FILES:
            raise ValueError(f"cases must be [first number, last number] of at most {MOST_FILES:,} files")
        if self.to is None or self.checksum is not None:
            raise ValueError("a file for each case needs 'to' and cannot have one 'checksum'")
        for pattern in (self.url, self.to):
            try:
                depends = pattern.format(case=first) != pattern.format(case=first + 1)
            except (LookupError, ValueError):
                depends = False
            if not depends:
                raise ValueError(f"'{pattern}' does not depend on the case; write its number as {{case:05d}}")
        return self

    def files(self) -> list[tuple[str, str | None]]:
        """Address and place of each file."""
        if self.cases is None:
            return [(self.url, self.to)]
        numbers = range(self.cases[0], self.cases[1] + 1)
        return [(self.url.format(case=n), str(self.to).format(case=n)) for n in numbers]


class Crop(ConfigModel):
    """The box that a case is cut to."""

    to: Literal["label", "mask"] = key("what the box encloses: voxels of the label map, or the source's mask")
    values: Many[Value] = key(
        "of `label`: the values in the box, as in the source", default=(), absent="all but background"
    )
    margin: int = key("added on each side", default=0, unit="voxels", ge=0)


class Original(ConfigModel):
    """A data set in the layout that its makers publish it in, with what a paper does to it before training.

    Its files are looked for in `resources/<name of the data set>`, where downloads are put, too.
    """

    layout: LayoutName = key("which layout")
    path: Expanded | None = key(
        "the folder with the files as published", default=None, absent="`resources/<name of the data set>`"
    )
    files: Many[Fetched] = key("what is downloaded", default=(), absent="nothing: a person puts the files there")
    page: Address | None = key("the web page where a person registers and downloads", default=None, absent="none")
    wanted: Many[Line] = key("what to download there", default=(), absent="all")
    cases: int | None = key("number of labelled cases that must be there", default=None, ge=1, absent="not checked")
    exclude: dict[Line, Line] = key("cases to leave out: case and reason", default={}, absent="none")
    variant: Line | None = key("which of several versions of the images", default=None, absent="the layout's first")
    channels: Annotated[Many[Line], Different] = key(
        "which channels, in this order", default=(), absent="all of the layout"
    )
    reference: Line | None = key(
        "the label map to learn: one of the layout's, or `majority`, `union` or `intersection` of its raters",
        default=None,
        absent="the layout's first",
    )
    values: dict[Value, Value] = key("label values to replace: old and new", default={}, absent="none")
    axes: Literal["stored", "ras"] = key(
        "order and direction of the voxels' axes: as stored, or to the right, anterior and superior", default="stored"
    )
    label_header: Literal["own", "image"] = key(
        "where a label map lies: where its header says, or on the image's voxels whatever it says", default="own"
    )
    regrid: bool = key(
        "bring images that lie on another grid than the label map to its grid, by linear interpolation; they must show "
        "the same place, for nothing is registered",
        default=False,
    )
    headers_from: Expanded | None = key(
        "a folder of the same images with right headers (for LiTS, `imagesTr` of the Decathlon's Task03_Liver), used "
        "for images whose own header has no geometry",
        default=None,
        absent="such images are named in the log, and kept as they are",
    )
    crop: Crop | None = key("cut each case to a box", default=None, absent="the whole image")
    clip: Pair[float] | None = key("lowest and highest value of the images", default=None, absent="as stored")
    rescale: bool = key("map the range of `clip` to [0, 1]", default=False)
    close_mask: int = key("dilate and erode the mask so many times", default=0, unit="voxels", ge=0)
    grow_mask: int = key("dilate the mask so many times, after that", default=0, unit="voxels", ge=0)
    mask: bool = key("outside the source's mask, set images to their lowest value", default=False)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.clip is not None and not self.clip[0] < self.clip[1]:
            raise ValueError(f"clip must be [lowest, highest], got {list(self.clip)}")
        if self.rescale and self.clip is None:
            raise ValueError("rescale needs 'clip', the range that becomes [0, 1]")
        if not self.files and self.page is None and self.path is None:
            raise ValueError("the key 'original' needs 'files', 'page' or 'path': where the data come from")
        return self
