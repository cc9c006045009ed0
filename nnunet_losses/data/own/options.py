"""The keys `source.table` and `source.bids` of a data-set file."""

from typing import Annotated, Literal

from pydantic import Field

from nnunet_losses.base.config import ConfigModel, Different, Line, Many, Says, key
from nnunet_losses.data.addresses import Expanded

Merge = Literal["masks", "values", "majority", "union", "intersection"]
Value = Annotated[int, Field(ge=0, le=65_535)]


class _Labels(ConfigModel):
    merge: Merge | None = key(
        "how several label maps of a case become one: `masks` (what is not 0 in the first becomes 1, in the second 2, "
        "...; later ones cover earlier ones), `values` (values stay; later ones cover earlier ones), or what a "
        "`majority`, the `union` or the `intersection` of raters marked",
        default=None,
        absent="each case must have one label map",
    )
    values: dict[Value, Value] = key(
        "label values to replace, old and new: `{255: 1}`; before label maps are merged", default={}, absent="none"
    )


class Table(_Labels):
    """A table of paths.

    Images may be NIfTI, NRRD, MetaImage, GIPL, a folder with one DICOM series, or pictures in 2D.
    """

    file: Expanded = key(
        "a CSV file with a row for each case: `case`, the paths of its images and label maps (absolute, or from the "
        "folder of the table), and any other columns, such as `patient` and `site`"
    )
    images: Annotated[dict[Line, Line], Says("a table of channel: column")] = key(
        "the column of each channel, in the order of the channels",
        default={},
        absent="`image` or all `image_<channel>`",
    )
    label: Annotated[Many[Line], Different] = key(
        "the columns of the label maps", default=(), absent="`label` and all `label_<name>`"
    )


class Bids(_Labels):
    """A BIDS folder: images by subject and session, label maps in a folder of `derivatives`."""

    folder: Expanded = key("the folder with `sub-<label>` folders; it is only read")
    images_from: Line | None = key(
        "the folder of `derivatives` to take images from, for example registered ones", default=None, absent="the data"
    )
    channels: Annotated[dict[Line, Line], Field(min_length=1), Says("a table of channel: end of the file names")] = key(
        "the end of the names of each channel's images: `{FLAIR: FLAIR, T1: T1w, T1ce: ce-gadolinium_T1w}`"
    )
    derivatives: Line = key("the folder of `derivatives` with the label maps")
    label: Annotated[Many[Line], Field(min_length=1), Different] = key(
        "the ends of the names of the label maps: `[label-lesion_mask]` or `[dseg]`"
    )
