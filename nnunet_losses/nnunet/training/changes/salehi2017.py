"""The recipe of Salehi, Erdogmus, Gholipour 2017, the paper on the Tversky loss (arXiv 1706.05721)."""

from typing_extensions import override

from nnunet_losses.nnunet.training.changes import autonet
from nnunet_losses.nnunet.training.changes.choices import Choice
from nnunet_losses.nnunet.training.changes.parts import OwnFusion, OwnRate, WithoutAugmentation
from nnunet_losses.nnunet.training.fusion import WHOLE, Fusion

CHOICES = (
    *autonet.CHOICES,
    Choice("optimiser", "Adam, learning rate 1e-4", "paper", "section 2"),
    Choice("weight decay", "0", "assumed", "none is mentioned"),
    Choice("schedule", "learning rate times 0.9 every 1000 steps", "paper", "section 2, where 'steps' is misprinted"),
    Choice("length", "1000 epochs", "paper", "section 2"),
    Choice("iterations", "8 an epoch: each of 7 or 8 training volumes once", "assumed", "batch size not given"),
    Choice("batch size", "1", "assumed", "not given; the whole volume fills the paper's GPU", by="study"),
    Choice("patch", "128 x 224 x 256: the whole image", "paper", "section 3", by="study"),
    Choice("spacing", "1.25 x 1 x 1 mm", "assumed", "the registered grid's is not given", by="study"),
    Choice("registration", "none", "assumed", "rigid to a reference that the paper does not name", by="data set"),
    Choice("patch selection", "none", "paper", "whole images"),
    Choice("augmentation", "none", "assumed", "none is mentioned"),
    Choice("intensities", "z-score", "assumed", "as in nnU-Net; not given", by="data set"),
    Choice("inference", "the whole image in one pass, no mirror images", "paper", "section 3"),
    Choice("threshold", "0.5", "paper", "section 3"),
    Choice("cross-validation", "two folds", "paper", "section 3; who is in which is not given", by="study"),
    Choice("precision", "mixed on a GPU, gradients clipped at 12", "assumed", "as in nnU-Net"),
)


class StepwiseRate(OwnRate):
    """Adam at 1e-4, times 0.9 every 1000 steps."""

    first_rate = 1e-4

    @override
    def rate(self, epoch: int) -> float:
        return float(self.first_rate * 0.9 ** (epoch * self.num_iterations_per_epoch // 1000))


class Salehi2017(OwnFusion, WithoutAugmentation, StepwiseRate, autonet.AutoNetTrainer):
    """Whole volumes, Adam, no augmentation."""

    fusion = Fusion("uniform", "logits", step=1.0, window=WHOLE, mirrored=False)

    @override
    def change_settings(self) -> None:
        super().change_settings()
        self.oversample_foreground_percent = 0.0


CHANGE = Salehi2017
