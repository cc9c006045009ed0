"""What is measured and how: one frozen object, printed in every report."""

import dataclasses
import itertools
import math
from collections.abc import Mapping

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.metrics.challenges import CHALLENGES
from nnunet_losses.base.metrics.lesion import STRATA_MM, Strata
from nnunet_losses.base.metrics.surface import at_tolerance


@dataclasses.dataclass(frozen=True)
class EvaluationSettings:
    """Definitions that change a number. Lengths are in mm; for images without spacing they are in pixels.

    tolerances_mm: tolerances of the normalised surface distance; the first is the one called `nsd`.
    strata_mm: lesion sizes as (name, upper bound of the equivalent diameter in mm), ascending, the last without bound;
        a lesion belongs to the first stratum whose bound it does not reach.
    connectivity: voxel neighbourhood of a component in 3D (6, 18 or 26; in 2D 4, 8, 8).
    beta: of the F-beta score; 2 weighs recall over precision.
    iou_threshold: a pair of components is a true positive above it; below 0.5, where a component could be in several
        pairs, they are matched one to one.
    overlap_fraction: share of a component that the other side must cover in the overlap-fraction matching.
    margin_mm: calibration is measured in the boxes around the reference lesions, grown by it on every side.
    calibration_bins: equal-width bins of probability.
    threshold_logit_max, threshold_logit_step: grid of probability thresholds, evenly spaced in log-odds around 0.5.
    preset: a challenge whose scores are measured too; None for none.
    """

    tolerances_mm: tuple[float, ...] = (1.0, 2.0)
    strata_mm: Strata = STRATA_MM
    connectivity: int = 26
    beta: float = 2.0
    iou_threshold: float = 0.5
    overlap_fraction: float = 0.5
    margin_mm: float = 5.0
    calibration_bins: int = 15
    threshold_logit_max: float = 7.0
    threshold_logit_step: float = 0.25
    preset: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tolerances_mm", tuple(float(t) for t in self.tolerances_mm))
        strata = self.strata_mm.items() if isinstance(self.strata_mm, Mapping) else self.strata_mm
        object.__setattr__(self, "strata_mm", tuple((str(name), float(bound)) for name, bound in strata))
        bounds = [bound for _, bound in self.strata_mm]
        names = [name for name, _ in self.strata_mm]
        _require(bool(self.tolerances_mm), "tolerances_mm", self.tolerances_mm, "at least one tolerance")
        _require(
            all(0 < t < math.inf for t in self.tolerances_mm)
            and len(set(self.tolerances_mm)) == len(self.tolerances_mm),
            "tolerances_mm",
            self.tolerances_mm,
            "different positive numbers",
        )
        _require(
            bool(bounds)
            and bounds[0] > 0
            and all(low < high for low, high in itertools.pairwise(bounds))
            and bounds[-1] == math.inf
            and len(set(names)) == len(names)
            and all(name.isidentifier() and name not in ("iou", "fraction", "centre") for name in names),
            "strata_mm",
            self.strata_mm,
            "different one-word names with ascending upper bounds in mm, the last one infinite",
        )
        _require(self.connectivity in (6, 18, 26), "connectivity", self.connectivity, "6, 18 or 26")
        _require(0 < self.beta < math.inf, "beta", self.beta, "a positive number")
        _require(0 <= self.iou_threshold < 1, "iou_threshold", self.iou_threshold, "in [0, 1)")
        _require(0 < self.overlap_fraction <= 1, "overlap_fraction", self.overlap_fraction, "in (0, 1]")
        _require(0 <= self.margin_mm < math.inf, "margin_mm", self.margin_mm, "a number of at least 0")
        _require(self.calibration_bins >= 1, "calibration_bins", self.calibration_bins, "at least 1")
        _require(
            0 < self.threshold_logit_step <= self.threshold_logit_max <= 15,
            "threshold_logit_step",
            (self.threshold_logit_step, self.threshold_logit_max),
            "0 < step <= threshold_logit_max <= 15",
        )
        _require(self.preset is None or self.preset in CHALLENGES, "preset", self.preset, " or ".join(CHALLENGES))

    def nsd_names(self, base: str) -> dict[str, float]:
        """Metric name -> tolerance in mm: the first tolerance keeps the plain name."""
        first, *others = self.tolerances_mm
        return {base: first, **{at_tolerance(base, tolerance): tolerance for tolerance in others}}


def _require(holds: bool, key: str, value: object, wanted: str) -> None:
    if not holds:
        raise UserError(f"evaluation settings: {key} is {value}, expected {wanted}")
