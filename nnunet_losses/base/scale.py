"""What lengths and sizes are measured in: millimetres, or pixels where images have no spacing.

The scale is a fact of each image (`nnunet_losses.base.images.Geometry`). An evaluation writes it into its tables: the
column ``unit`` of cases and of lesions, and ``dimensions`` of lesions. Statistics and reports read it from there.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from nnunet_losses.base.metrics import Metric

if TYPE_CHECKING:
    import pandas as pd


class Length(StrEnum):
    """Units of length."""

    MM = "mm"
    PX = "px"


AREA_MM = "mm²"
_VOLUME = "ml"


@dataclass(frozen=True)
class Scale:
    """Units of one data set.

    length: unit of distances and diameters.
    size: unit of volumes, in 2D of areas: "ml", "mm²", or "px" (a number of pixels).
    dimensions: of the images as they are measured; a volume of one slice has two.
    """

    length: Length = Length.MM
    size: str = _VOLUME
    dimensions: int = 3

    @classmethod
    def of_image(cls, length: Length, dimensions: int, *, thick: bool) -> "Scale":
        """The scale of an image.

        dimensions: as it is measured.
        thick: whether its file has a third axis, so that a slice of it has a volume.
        """
        if length is Length.PX:
            return cls(length, str(length), dimensions)
        return cls(length, _VOLUME if thick else AREA_MM, dimensions)

    @classmethod
    def of_tables(cls, cases: "pd.DataFrame", lesions: "pd.DataFrame | None" = None) -> "Scale":
        """The scale of the rows of one data set; earlier versions measured everything in mm."""
        units = set(cases["unit"].unique())
        if lesions is not None and "unit" in lesions:
            units |= set(lesions["unit"].unique())
        length = Length.PX if Length.PX in units else Length.MM
        flat = length is Length.PX or AREA_MM in units
        dimensions = 2 if flat else 3
        if lesions is not None and len(lesions) and "dimensions" in lesions:
            dimensions = int(lesions["dimensions"].iloc[0])
        return cls.of_image(length, dimensions, thick=not flat)

    @property
    def ball(self) -> str:
        """What a diameter belongs to: ``sphere`` or ``disc``."""
        return "sphere" if self.dimensions == 3 else "disc"

    @property
    def extent(self) -> str:
        """What the size of a lesion is: ``volume`` or ``area``."""
        return "volume" if self.dimensions == 3 else "area"

    def metric(self, metric: Metric) -> Metric:
        """A metric of the catalogue with the units and words of this scale.

        >>> from nnunet_losses.base.metrics import metric_named
        >>> Scale(Length.PX, "px", 2).metric(metric_named("nsd_3mm")).long_name
        'NSD at 3 px'
        """
        unit = {str(Length.MM): str(self.length), _VOLUME: self.size}.get(metric.unit, metric.unit)
        return replace(
            metric, unit=unit, long_name=self._said(metric.long_name), description=self._said(metric.description)
        )

    def _said(self, words: str) -> str:
        if self.length is Length.PX and words.endswith(f" {Length.MM}"):
            words = f"{words.removesuffix(Length.MM)}{Length.PX}"
        if self.size == _VOLUME:
            return words
        for volume, area in (("Volume", "Area"), ("volume", "area")):
            words = words.replace(volume, area)
        return words


def mixed(units: Collection[str]) -> bool:
    """Whether some values are in millimetres and others in pixels."""
    return {str(Length.MM), str(Length.PX)} <= {str(unit) for unit in units}
