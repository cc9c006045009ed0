"""The mean of a base loss over parts of the patch, one for each lesion."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from nnunet_losses.losses.catalogue import Loss
from nnunet_losses.losses.per_lesion.base_loss import make_base
from nnunet_losses.losses.per_lesion.components import label_components
from nnunet_losses.losses.primitives import (
    NumberedParts,
    Runs,
    asynchronous,
    check_inputs,
    count_by_number,
    in_parts,
    one_rank_alone,
    sum_over_ranks,
    weight_of_truth,
)

Cut = Callable[[Tensor], Tensor]
"""Component numbers (*S), 0 elsewhere -> the number of each voxel's part; 0 belongs to every part."""


def instance_loss(
    cut: Cut,
    logits: Tensor,
    target: Tensor,
    voxel_weight: Tensor | None,
    *,
    base: str | Loss,
    global_weight: float,
    instance_weight: float,
    batch: bool,
    instances: Tensor | None,
    class_frequencies: Tensor | None,
    modes: dict[str, bool | None],
    circumstances: dict[str, Any],
) -> Tensor:
    """global_weight·L(patch) + instance_weight·(mean over samples of the mean over their parts of L(part)).

    Each class (or region) is taken by itself against all others, as two classes (or one region), and cut into one part
    for each of its components; the parts of all classes count alike. Samples without components do not enter the mean,
    which is 0 if there are no others. Pooling (``batch``) concerns L(patch) only.
    """
    check_inputs(logits, target, voxel_weight, regions=bool(modes["regions"]))
    x = logits.to(torch.promote_types(logits.dtype, torch.float32))
    total = x.flatten()[:0].sum()
    if global_weight > 0:
        whole = make_base(base, batch=batch, **modes)
        value = whole(x, target, voxel_weight, class_frequencies=class_frequencies, **circumstances)
        total = total + global_weight * value
    if instance_weight == 0:
        return total
    if voxel_weight is None:
        voxel_weight = torch.ones_like(target[:, :1], dtype=torch.float32)
    one_part = make_base(base, batch=False, **modes)
    of_part = "class_frequencies" in one_part.needs and class_frequencies is None
    at_once = asynchronous(x) and one_part.of_sums and not of_part
    means = []
    with one_rank_alone(), torch.autocast(logits.device.type, enabled=False):
        for samples in [slice(None)] if at_once else [slice(n, n + 1) for n in range(len(x))]:
            problems = _class_problems(
                x[samples],
                target[samples],
                voxel_weight[samples],
                None if instances is None else instances[samples],
                class_frequencies,
                regions=bool(modes["regions"]),
            )
            mean_of = _mean_of_numbered_parts if at_once else _mean_of_parts
            means.append(mean_of(cut, one_part, problems, circumstances, total))
    mean, count = sum_over_ranks(torch.stack(means).sum(0))
    return total + instance_weight * mean / count.clamp_min(1)


class ClassProblem(NamedTuple):
    """One class of B samples against all others: K = 2 channels for labels (others, class), 1 for a region."""

    logits: Tensor  # (B, K, *S)
    target: Tensor  # (B, 1, *S), 1 where the class is
    weight: Tensor  # (B, 1, *S) or (B, K, *S)
    ids: Tensor  # (B, *S), numbers of the components of the class, 0 elsewhere
    frequencies: Tensor | None  # (K,)


def _class_problems(
    logits: Tensor,
    target: Tensor,
    weight: Tensor,
    ids: Tensor | None,
    frequencies: Tensor | None,
    *,
    regions: bool,
) -> Iterator[ClassProblem]:
    """The classes of samples, (B, C, *S), that may have components; ``ids`` (B, L, *S) or None."""
    counts = weight > 0 if regions else (weight > 0).any(1, keepdim=True)
    here = (target.bool() if regions else target) * counts
    if ids is None:
        maps = (here if regions else here[:, 0].to(torch.int16)).cpu().numpy()
        found = torch.stack([torch.from_numpy(label_components(one)) for one in maps]).to(logits.device)
        ids = found if regions else found[:, None]
    for c in range(0 if regions else 1, logits.shape[1]):
        own = here[:, c : c + 1] if regions else here == c
        numbers = ids[:, c if regions else 0] * own[:, 0]
        share = None if frequencies is None else frequencies[c : c + 1]
        if regions:
            own_weight = weight if weight.shape[1] == 1 else weight[:, c : c + 1]
            yield ClassProblem(logits[:, c : c + 1], target[:, c : c + 1], own_weight, numbers, share)
            continue
        if share is not None:
            share = torch.cat([1 - share, share])
        yield ClassProblem(_two_logits(logits, c), own.to(torch.uint8), _two_weights(weight, target, c), numbers, share)


def _mean_of_numbered_parts(
    cut: Cut, base: Loss, problems: Iterable[ClassProblem], circumstances: dict[str, Any], like: Tensor
) -> Tensor:
    """The sum over samples of the mean over their parts, and how many samples have parts, for a base ``of_sums``.

    For a device: there is a value for each number that is possible, so that nothing waits for the device to say which
    there are.
    """
    several = list(problems)
    alone = len(several) == 1
    total, parts = like.new_zeros(len(several[0].ids)), like.new_zeros(len(several[0].ids))
    for problem in several:
        # of several classes, memory for one at a time
        arguments = cut, base, problem, circumstances
        of_class = (
            _sums_of_numbered_parts(*arguments)
            if alone
            else checkpoint(_sums_of_numbered_parts, *arguments, use_reentrant=False, preserve_rng_state=False)
        )
        total, parts = total + of_class[0], parts + of_class[1]
    return torch.stack([(total / parts.clamp_min(1)).sum(), (parts > 0).sum().to(total.dtype)])


def _sums_of_numbered_parts(
    cut: Cut, base: Loss, problem: ClassProblem, circumstances: dict[str, Any]
) -> tuple[Tensor, Tensor]:
    """For each sample of a batch, the sum of the values of its parts and how many it has, both (B,)."""
    *tensors, ids, frequencies = problem
    present = (count_by_number(ids.flatten(1)) > 0)[:, 1:]
    in_a_row = [y.flatten(2).transpose(0, 1).flatten(1)[None] for y in tensors]
    cells = torch.stack([cut(one) for one in ids]).flatten(1)
    with in_parts(NumberedParts(cells, present.shape[1])):
        values = base(*in_a_row, **circumstances | {"class_frequencies": frequencies}).view(len(ids), -1)
    return torch.where(present, values, 0).sum(1), present.sum(1)


def _two_logits(logits: Tensor, c: int) -> Tensor:
    """Logits (1, 2, *S) whose softmax is the probability of all other classes and of class c."""
    if logits.shape[1] == 2:
        return logits
    others = torch.cat([logits[:, :c], logits[:, c + 1 :]], 1).logsumexp(1, keepdim=True)
    return torch.cat([others, logits[:, c : c + 1]], 1)


def _two_weights(weight: Tensor, labels: Tensor, c: int) -> Tensor:
    """Weights of all other classes, by the true one, and of class c."""
    if weight.shape[1] == 1:
        return weight
    others = torch.where(labels == c, weight[:, :1], weight_of_truth(weight, labels, labels))
    return torch.cat([others, weight[:, c : c + 1]], 1)


def _values_of_parts(base: Loss, problem: ClassProblem, numbers: Tensor, circumstances: dict[str, Any]) -> Tensor:
    """The base on each part by itself, (parts,); number 0 belongs to every part."""
    tensors = problem.logits, problem.target, problem.weight
    circumstances = circumstances | {"class_frequencies": problem.frequencies}
    rest = numbers == 0
    frequencies_of_part = "class_frequencies" in base.needs and problem.frequencies is None
    if not base.of_sums or frequencies_of_part:
        # Elsewhere the weight is 0: a masked logit would still count as probability 1/2.
        logits, target, weight = tensors
        masks = [rest | (numbers == k) for k in numbers.unique() if k > 0]
        return torch.stack([base(logits, target, weight * mask, **circumstances) for mask in masks])
    flat = numbers.flatten()
    chosen = flat.nonzero()[:, 0]
    chosen = chosen[flat[chosen].argsort(stable=True)]
    sizes = flat[chosen].unique_consecutive(return_counts=True)[1].tolist()
    runs = [y.flatten(2)[..., chosen] for y in tensors]
    if shared := bool(rest.any()):
        sizes = [len(flat), *sizes]
        alone = (*tensors[:2], problem.weight * rest)
        runs = [torch.cat([y.flatten(2), run], -1) for y, run in zip(alone, runs, strict=True)]
    with in_parts(Runs(sizes, shared)):
        return base(*runs, **circumstances)


def _mean_of_parts(
    cut: Cut, base: Loss, problems: Iterable[ClassProblem], circumstances: dict[str, Any], like: Tensor
) -> Tensor:
    """The mean over the parts of one sample and 1, or 0 and 0 if it has none."""
    with_parts = [problem for problem in problems if problem.ids.any()]
    values = [_values_of_parts(base, problem, cut(problem.ids[0]), circumstances) for problem in with_parts]
    if not values:
        return like.new_zeros(2)
    mean = torch.cat(values).mean()
    return torch.stack([mean, torch.ones_like(mean)])
