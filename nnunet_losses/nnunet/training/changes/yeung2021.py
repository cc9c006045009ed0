"""The recipe of Yeung et al. 2021, the paper on the Mixed Focal loss (arXiv 2102.04525v1).

Its text could not be read. The paper uses the library MIScnn, whose example on KiTS19 stands in for what is unknown.
"""

from typing_extensions import override

from nnunet_losses.nnunet.training.changes.choices import Choice
from nnunet_losses.nnunet.training.changes.parts import (
    OwnFusion,
    OwnRate,
    StopsEarly,
    WithoutDeepSupervision,
    rate_on_plateau,
)
from nnunet_losses.nnunet.training.fusion import Fusion

EXAMPLE = "MIScnn's example on KiTS19"

CHOICES = (
    Choice("library", "MIScnn; here nnU-Net imitates it", "paper", "abstract and README"),
    Choice("network", "nnU-Net's plain U-Net", "assumed", "MIScnn's standard network is a plain U-Net"),
    Choice("deep supervision", "none", "assumed", "the authors add it in a later version"),
    Choice("optimiser", "Adam, learning rate 1e-4, no weight decay", "assumed", EXAMPLE),
    Choice("schedule", "learning rate times 0.1, down to 1e-5, after 20 epochs in which the training loss did not fall "
           "by 1e-4", "assumed", EXAMPLE),
    Choice("length", "1000 epochs of 150 iterations, or until the training loss has not fallen for 150 epochs",
           "assumed", EXAMPLE),
    Choice("batch size", "2", "assumed", EXAMPLE, by="study"),
    Choice("patch", "KiTS19: 80 x 160 x 160; BraTS20: 96³", "assumed", f"{EXAMPLE}; BraTS20 not found", by="study"),
    Choice("spacing", "KiTS19: 3.22 x 1.62 x 1.62 mm; BraTS20: 1 mm", "assumed", EXAMPLE, by="study"),
    Choice("patch selection", "anywhere in a random case", "assumed", EXAMPLE),
    Choice("augmentation", "nnU-Net's", "assumed", "MIScnn's example has much of it"),
    Choice("intensities", "KiTS19: clipped to [-79, 304] HU, z-score; BraTS20: z-score", "assumed", EXAMPLE,
           by="data set"),
    Choice("loss", "of each sample, then their mean; the background counts as a class", "code", "loss-functions.py"),
    Choice("inference", "windows half a patch apart, mean of the probabilities, no mirror images", "assumed", EXAMPLE),
    Choice("threshold", "the most probable class", "assumed", "not found"),
    Choice("cross-validation", "three folds", "assumed", EXAMPLE, by="study"),
    Choice("precision", "mixed on a GPU, gradients clipped at 12", "assumed", "as in nnU-Net"),
)  # fmt: skip


class Yeung2021(OwnFusion, OwnRate, StopsEarly, WithoutDeepSupervision):
    """A plain U-Net, Adam, a plateau schedule."""

    fusion = Fusion("uniform", "probabilities", mirrored=False)
    first_rate = 1e-4
    patience = 150

    @override
    def change_settings(self) -> None:
        super().change_settings()
        self.oversample_foreground_percent = 0.0

    @override
    def pools_batch(self) -> bool:
        return False

    @override
    def rate(self, epoch: int) -> float:
        # Keras, which MIScnn trains with, counts one epoch less than PyTorch
        return rate_on_plateau(
            self.first_rate, self.watched(), epoch, lowest=1e-5, factor=0.1, patience=19, threshold=1e-4,
            threshold_mode="abs",
        )  # fmt: skip


CHANGE = Yeung2021
