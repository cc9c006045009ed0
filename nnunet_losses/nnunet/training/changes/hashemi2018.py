"""The recipe of Hashemi et al. 2018, the paper on the asymmetric similarity loss (arXiv 1803.11078).

Only its abstracts could be read: most choices are assumed, and follow the same group's paper of 2017.
"""

from nnunet_losses.nnunet.training.changes import bspline, densenet, lesionsampling
from nnunet_losses.nnunet.training.changes.choices import Choice
from nnunet_losses.nnunet.training.changes.parts import WithoutAugmentation
from nnunet_losses.nnunet.training.changes.salehi2017 import StepwiseRate
from nnunet_losses.nnunet.training.fusion import Fusion

CHOICES = (
    *densenet.CHOICES,
    Choice("optimiser", "Adam, learning rate 1e-4, no weight decay", "assumed", "as in Salehi et al. 2017"),
    Choice("schedule", "learning rate times 0.9 every 1000 steps", "assumed", "as in Salehi et al. 2017"),
    Choice("length", "100 epochs of 100 iterations", "assumed", "about the 8000 steps of Salehi et al. 2017"),
    Choice("batch size", "2", "assumed", "not found", by="study"),
    Choice("patch", "large: 128³", "assumed", "'large overlapping patches' in the abstract", by="study"),
    Choice("spacing", "1 mm", "assumed", "not found", by="study"),
    Choice("patch selection", "a selection there is", "paper", "abstract"),
    Choice("patch selection", "case by lesion count, half of the patches on a random lesion", "assumed", "not found"),
    Choice("augmentation", "none", "assumed", "not found; none in Salehi et al. 2017"),
    Choice("intensities", "z-score", "assumed", "as in nnU-Net; not found", by="data set"),
    *(choice for choice in bspline.CHOICES if choice.what != "mirroring"),
    Choice("mirroring", "none", "assumed", "follows from no augmentation"),
    Choice("threshold", "0.5", "assumed", "not found"),
    Choice("cross-validation", "five folds", "assumed", "not found", by="study"),
    Choice("precision", "mixed on a GPU, gradients clipped at 12", "assumed", "as in nnU-Net"),
)


class Hashemi2018(
    bspline.BSplineTrainer,
    WithoutAugmentation,
    StepwiseRate,
    lesionsampling.LesionSamplingTrainer,
    densenet.DenseNetTrainer,
):
    """FC-DenseNet on large patches, selected by lesion, and B-spline weighted soft voting."""

    fusion = Fusion("bspline", "probabilities", mirrored=False)


CHANGE = Hashemi2018
