"""What almost every loss is made of: sums over voxels and log probabilities from one pass, and the means at the end.

`region_statistics` gives the weighted sums that a region loss is a formula of, `log_probabilities` the log probability
of the truth that a voxel-wise loss is a formula of, and `statistics_and_log_probabilities` both, for a compound loss.
Each reads logits and target once forward and once backward, block by block, so that every temporary stays in cache. All
compute in at least float32 and need no memory but that of the result and of the gradient: float32 probabilities are
stored in the gradient's memory until the backward pass, those of half precision are computed again. On a GPU, where an
operation on a small tensor takes as long as one on a large tensor, a batch is one block (`devices`).

Notation: p probability, g reference (0 or 1), w voxel weight.
"""

from nnunet_losses.losses.primitives.arithmetic import ratio, safe_power
from nnunet_losses.losses.primitives.devices import asynchronous, exact_type
from nnunet_losses.losses.primitives.inputs import check_inputs
from nnunet_losses.losses.primitives.means import sample_mean, voxel_mean, weight_of_truth
from nnunet_losses.losses.primitives.numbers import count_by_number
from nnunet_losses.losses.primitives.parts import NumberedParts, Parts, Runs, in_parts
from nnunet_losses.losses.primitives.ranks import gather_over_ranks, one_rank_alone, several_ranks, sum_over_ranks
from nnunet_losses.losses.primitives.sums import (
    STATISTICS,
    log_probabilities,
    region_statistics,
    statistics_and_log_probabilities,
)

__all__ = [
    "STATISTICS",
    "NumberedParts",
    "Parts",
    "Runs",
    "asynchronous",
    "check_inputs",
    "count_by_number",
    "exact_type",
    "gather_over_ranks",
    "in_parts",
    "log_probabilities",
    "one_rank_alone",
    "ratio",
    "region_statistics",
    "safe_power",
    "sample_mean",
    "several_ranks",
    "statistics_and_log_probabilities",
    "sum_over_ranks",
    "voxel_mean",
    "weight_of_truth",
]
