"""The recipe of Ma et al. 2021, the loss odyssey (Med Image Anal 71, 102035): nnU-Net V1, as its code has it."""

from typing import Any

import torch
from typing_extensions import override

from nnunet_losses.nnunet.training.changes.choices import Choice
from nnunet_losses.nnunet.training.changes.parts import OwnRate, StopsEarly, WithoutDeepSupervision, rate_on_plateau

KEPT = 0.93
IMPROVEMENT = 1e-3

CHOICES = (
    Choice("network", "that of nnU-Net's plans; the paper's is V1's, a U-Net with instance normalisation", "assumed",
           "V1's widths are not in V2's plans"),
    Choice("deep supervision", "none", "code", "the trainer of nnU-Net V1 in SegLossOdyssey"),
    Choice("optimiser", "Adam with AMSGrad, learning rate 3e-4, weight decay 3e-5", "code", "the same"),
    Choice("schedule", "learning rate times 0.2 after 30 epochs in which the training loss did not fall by 1e-3",
           "code", "the same"),
    Choice("training loss", "moving average: 0.93 of the last, 0.07 of the new one", "assumed", "not in our notes"),
    Choice("length", "at most 1500 epochs of 250 iterations, or until the training loss has not fallen for 50 epochs",
           "code", "the same"),
    Choice("fall", "by 1e-3, whatever the learning rate", "assumed", "the threshold of the schedule"),
    Choice("batch size", "as planned", "code", "3d_fullres", by="study"),
    Choice("patch", "as planned", "code", "3d_fullres", by="study"),
    Choice("patch selection", "a third of the patches on foreground", "code", "oversampling of 0.33"),
    Choice("augmentation", "nnU-Net's of today", "assumed", "V1's differs in details"),
    Choice("Dice", "of the batch", "code", "batch_dice True"),
    Choice("inference", "nnU-Net's", "assumed", "Gaussian weights and mirror images in V1 too"),
    Choice("threshold", "the most probable class", "assumed", "as in nnU-Net"),
    Choice("cross-validation", "five folds", "code", "test/data_splits; whether all were run is not known", by="study"),
    Choice("precision", "mixed on a GPU, gradients clipped at 12", "assumed", "as in nnU-Net"),
)  # fmt: skip


class Ma2021(OwnRate, StopsEarly, WithoutDeepSupervision):
    """nnU-Net V1: Adam with AMSGrad, a plateau schedule, no deep supervision."""

    first_rate = 3e-4
    decay = 3e-5
    patience = 50
    improvement = IMPROVEMENT

    @override
    def pools_batch(self) -> bool:
        return True

    @override
    def make_optimizer(self, parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, self.first_rate, weight_decay=self.decay, amsgrad=True)

    @override
    def watched(self) -> list[float]:
        average: list[float] = []
        for loss in self._logged("train_losses"):
            average.append(KEPT * average[-1] + (1 - KEPT) * loss if average else loss)
        return average

    @override
    def rate(self, epoch: int) -> float:
        return rate_on_plateau(
            self.first_rate, self.watched(), epoch, factor=0.2, patience=30, threshold=IMPROVEMENT, threshold_mode="abs"
        )


CHANGE = Ma2021
