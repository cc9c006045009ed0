"""Which losses a data set calls for, each with its reason and the evidence that it rests on."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from nnunet_losses.losses.catalogue import CATALOGUE

SPARSE = 0.01
"""Median share of foreground below which background dominates."""
MANY = 3
"""Median number of lesions of a case from which sizes within a case matter."""
UNEQUAL = 0.5
"""Gini coefficient of sizes from which large lesions hide small ones."""
LONG = 4.0
"""Length of a lesion, in diameters of the ball of its volume, from which it is thin; a ball has 1.7, a rod 10 times as
long as thick 4.1."""

FEWEST_CASES = 6
"""With fewer, a signed-rank test of two losses cannot reach p < .05: the smallest p is 2 / 2^cases."""

_MA = "Ma et al. 2021, Med Image Anal 71:102035, and the authors' nnU-Net tables"
_BASELINE = "DiceCrossEntropyTrainer"


@dataclass(frozen=True)
class Proposal:
    """One loss to try.

    trainer: its name.
    reason: what in the data calls for it.
    evidence: a publication with its numbers.
    pilot: whether the pilot has it, too.
    """

    trainer: str
    reason: str
    evidence: str
    pilot: bool = False

    def __str__(self) -> str:
        return f"{self.reason[0].upper()}{self.reason[1:]}. Evidence: {self.evidence}."


@dataclass(frozen=True)
class Seen:
    """What proposals depend on, over all labels.

    foreground: median share of foreground of the label that has least.
    lesions: largest median number of lesions of a case.
    gini: largest Gini coefficient of sizes.
    few_voxels: largest share of lesions of at most 10 voxels.
    labels: number of labels.
    empty_cases: largest number of cases without a label.
    length: see `LONG`; the largest of the labels' medians.
    cases: number of cases.
    """

    foreground: float
    lesions: float
    gini: float
    few_voxels: float
    labels: int
    empty_cases: int
    length: float
    cases: int

    @classmethod
    def of(cls, facts: pd.DataFrame, length: float) -> "Seen":
        """What the rows of `nnunet_losses.data.imbalance.imbalance` say."""
        return cls(
            float(facts["foreground_median"].min()),
            float(facts["lesions_median"].max()),
            float(facts["gini"].fillna(0).max()),
            float(facts["few_voxels"].fillna(0).max()),
            len(facts),
            int(facts["empty_cases"].max()),
            length,
            int(facts["cases"].max()),
        )

    @property
    def sparse(self) -> bool:
        """Whether background dominates."""
        return self.foreground < SPARSE

    @property
    def uneven(self) -> bool:
        """Whether there are many lesions of unequal sizes."""
        return self.lesions >= MANY and (self.gini >= UNEQUAL or self.few_voxels >= 0.2)


def propose(seen: Seen) -> list[Proposal]:
    """The losses to compare, the baseline first."""
    return list(_proposals(seen))


def _proposals(seen: Seen) -> Iterator[Proposal]:
    yield Proposal(
        _BASELINE,
        "The baseline: nnU-Net's own loss",
        f"{_MA}, V1: within .03 Dice of the best of 20 losses on liver, liver tumour, pancreas and multi-organ",
        pilot=True,
    )
    yield Proposal(
        "DiceTopKTrainer",
        "a general competitor: cross-entropy of the hardest voxels instead of all",
        f"{_MA}, V1: first of 20 losses on liver (.969, baseline .962); V2: first of 6 on liver tumour (.669, .628)",
        pilot=not seen.uneven,
    )
    if seen.sparse:
        yield Proposal(
            "TverskyTrainer",
            f"foreground is {seen.foreground:.2%} of the voxels: a missed voxel costs more than an added one",
            "Salehi et al. 2017, arXiv 1706.05721, MS lesions of 15 subjects: Dice 56.4 at 0.3 / 0.7, 53.4 with the "
            "Dice loss; no repeats",
            pilot=True,
        )
        yield Proposal(
            "AsymmetricSimilarityTrainer",
            "the same idea with another balance (beta 1.5)",
            "Hashemi et al. 2019, IEEE Access 7:1721; average recall in Shirokikh et al. 2020: lung nodules .81 (Dice "
            ".80), liver tumours .71 (.70)",
        )
    if seen.uneven:
        sizes = f"sizes with a Gini coefficient of {seen.gini:.2f}"
        if seen.few_voxels:
            sizes += f", {seen.few_voxels:.0%} of the lesions of at most 10 voxels"
        yield Proposal(
            "DiceTrainer",
            "the control of the next one: the same loss, each voxel weighing the same",
            f"{_MA}, V1: liver tumour .619, baseline .601",
            pilot=True,
        )
        yield Proposal(
            "DiceTrainer_iw",
            f"{seen.lesions:g} lesions in a typical case, {sizes}: each lesion weighs the same",
            "Shirokikh et al. 2020, arXiv 2007.10033, liver tumours: average recall .79 instead of .70, but 5 times as "
            "many false positives and lower overlap of what is found (.49, .63); one training each",
            pilot=True,
        )
        yield Proposal(
            "ConnectedComponentTrainer",
            f"{sizes}: the loss is computed around each lesion by itself",
            "Bouteille et al. 2025, arXiv 2511.17146, five brain MRI sets: recall up, Dice hardly changed, slightly "
            "more false positives",
        )
        yield Proposal(
            "BlobTrainer",
            "the earlier loss per lesion, all other lesions masked out",
            "Kofler et al. 2022, arXiv 2205.08209; Bouteille et al. 2025 found the one above better in general",
        )
    else:
        yield Proposal(
            "DiceTrainer",
            "one region term alone: what cross-entropy adds",
            f"{_MA}, V1: liver tumour .619, baseline .601; pancreas .836, baseline .825",
            pilot=True,
        )
        yield Proposal(
            "CrossEntropyTrainer",
            "voxels alone: what the Dice term adds",
            f"{_MA}, V1: liver .967, baseline .962; liver tumour .564, baseline .601",
        )
        yield Proposal(
            "DiceHausdorffTrainer",
            "few, compact objects: distance to the surface counts",
            f"{_MA}, V1: first of 20 on liver tumour (.629, baseline .601), not on liver (.956, .962)",
        )
    if seen.labels > 2:
        yield Proposal(
            "DiceFocalTrainer",
            f"{seen.labels} labels of unequal difficulty",
            f"{_MA}, V1: first of 20 on multi-organ (.855, baseline .851) and on pancreas (.842, .825)",
        )
    if seen.length >= LONG and "SkeletonRecall" in CATALOGUE:
        yield Proposal(
            "SkeletonRecallTrainer",
            f"thin structures: {seen.length:.1f} times as long as a ball of their volume is thick",
            "Kirchhoff et al. 2024, ECCV, arXiv 2404.03010: best on five sets of thin structures",
            pilot=True,
        )


def remarks(seen: Seen) -> list[str]:
    """What else the data say about the choice, but no loss follows from it."""
    found = []
    if seen.cases < FEWEST_CASES:
        found.append(
            f"{seen.cases} cases are too few for a verdict: with fewer than {FEWEST_CASES}, no difference between two "
            "losses is significant (p < .05), however large. The studies show that all works."
        )
    if seen.length >= LONG and "SkeletonRecall" not in CATALOGUE:
        found.append(
            f"Some objects are thin ({seen.length:.1f} times as long as a ball of their volume is thick). Skeleton "
            "Recall (arXiv 2404.03010) is made for them and is not in this package."
        )
    if seen.empty_cases:
        found.append(
            f"{seen.empty_cases} cases have no foreground. Region losses alone (Dice, Tversky) hardly penalise false "
            "alarms there; cross-entropy does. The Dice of these cases is undefined or 0: look at false positives too."
        )
    if not seen.sparse and not seen.uneven:
        found.append(
            "The objects are large and few. On liver and pancreas the losses proposed here lie within .02 Dice (Ma et "
            "al. 2021), and two losses with the same released code differ by .014 on pancreas: expect a tie, and "
            "repeat with several seeds."
        )
    return found
