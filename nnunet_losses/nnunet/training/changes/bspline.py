"""B-spline weighted soft voting: probabilities of overlapping windows, averaged under weights that end at their border.

Hashemi et al. 2018 (arXiv 1803.11078) name it; degree and overlap are not known.
"""

from nnunet_losses.nnunet.training.changes.choices import Choice
from nnunet_losses.nnunet.training.changes.parts import OwnFusion
from nnunet_losses.nnunet.training.fusion import Fusion

CHOICES = (
    Choice("fusion", "probabilities of overlapping windows, averaged under B-spline weights", "paper", "abstract"),
    Choice("weights", "a cubic B-spline along each axis, whose support is the window", "assumed", "not found"),
    Choice("overlap", "windows half a window apart", "assumed", "as in nnU-Net"),
    Choice("mirroring", "nnU-Net's eight mirror images, averaged as logits", "assumed", "as in nnU-Net"),
)  # fmt: skip


class BSplineTrainer(OwnFusion):
    """Predicts with B-spline weighted soft voting."""

    fusion = Fusion("bspline", "probabilities")


CHANGE = BSplineTrainer
