"""The recipe of Shirokikh et al. 2020, the paper on inverse weighting (arXiv 2007.10033), as its code has it."""

from typing import Any

import torch
from typing_extensions import override

from nnunet_losses.nnunet.training.changes import fpnresunet, lesionsampling
from nnunet_losses.nnunet.training.changes.choices import Choice
from nnunet_losses.nnunet.training.changes.parts import OwnFusion, OwnRate, WithoutAugmentation
from nnunet_losses.nnunet.training.fusion import Fusion

SHARE_OF_FIRST_RATE = 0.8

CHOICES = (
    *fpnresunet.CHOICES,
    Choice("optimiser", "SGD, learning rate 1e-2, Nesterov momentum 0.9, no weight decay", "code", "core.config"),
    Choice("schedule", "learning rate times 0.1 from epoch 80 of 100 on", "code", "core.config"),
    Choice("length", "100 epochs of 100 iterations", "code", "core.config"),
    Choice("batch size", "2", "code", "experiment's config", by="study"),
    Choice("patch", "128³", "code", "experiment's config", by="study"),
    Choice("spacing", "the median of the images, to which nnU-Net resamples", "assumed",
           "each image's own in the code, which nnU-Net does not train on", by="study"),
    *lesionsampling.CHOICES,
    Choice("augmentation", "none", "code", "tumor_sampling.config"),
    Choice("crop", "LiTS: the liver without its tumours and 5 voxels, also at the test; LUNA16: the lungs and 5 voxels",
           "code", "notebook/data_preprocessing", by="data set"),
    Choice("intensities", "LiTS: clipped to [-300, 300] HU; LUNA16: to [-1000, 300] HU; then to [0, 1]", "code",
           "iw/dataset", by="data set"),
    Choice("normalisation", "nnU-Net's of CT after that: clipped at percentiles of the foreground, z-score", "assumed",
           "nnU-Net normalises every CT; none in the paper", by="data set"),
    Choice("Dice", "of each sample, not of the batch", "code", "iw/torch.py"),
    Choice("inference", "windows of 160³, 144 apart, mean of the logits, no mirror images", "code", "unet.config"),
    Choice("threshold", "0.5", "code", "iw/metric.py"),
    Choice("split", "LiTS: 98 volumes to train, 28 to test; LUNA16: subsets 0 to 7 and 8 to 9", "code",
           "config/assets/cross_val", by="data set"),
    Choice("seed", "0xBadCafe; here those of the study", "code", "core.config", by="study"),
    Choice("precision", "mixed on a GPU, gradients clipped at 12", "assumed", "as in nnU-Net"),
)  # fmt: skip


class Shirokikh2020(
    OwnFusion, WithoutAugmentation, OwnRate, lesionsampling.LesionSamplingTrainer, fpnresunet.PyramidTrainer
):
    """FPN ResUNet on patches by lesion, SGD, no augmentation."""

    fusion = Fusion("uniform", "logits", step=0.9, window=160, mirrored=False)
    first_rate = 1e-2

    @override
    def pools_batch(self) -> bool:
        return False

    @override
    def make_optimizer(self, parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, self.first_rate, momentum=0.9, nesterov=True)

    @override
    def rate(self, epoch: int) -> float:
        return self.first_rate * (1.0 if epoch < SHARE_OF_FIRST_RATE * self.num_epochs else 0.1)


CHANGE = Shirokikh2020
