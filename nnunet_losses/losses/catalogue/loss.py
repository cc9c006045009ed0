"""What every loss is: a function of (logits, target, voxel weight), and a module that holds its settings."""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn

from nnunet_losses.base.parameter import Parameter

_MODES = ("regions", "include_background", "batch")

CIRCUMSTANCES = ("spacing", "epoch", "instances", "class_frequencies")
"""What a functional may take by keyword besides hyper-parameters and modes. Each has a default, None or epoch 0, so
that a loss can be used on its own:

``spacing``
    Physical size of a voxel along each axis of S, from the plans and the level of resolution; None is 1 along each.
``epoch``
    The epoch of the training, from 0, for schedules. A schedule is a function of the epoch and so survives resuming.
``instances``
    (B, L, *S) component numbers as `label_components` gives them, with background 0; L is 1 for labels, else the number
    of regions. With None, the loss labels the components itself, on the CPU.
``class_frequencies``
    (C,) share of the voxels of the training cases that belongs to each class or region; None takes those of the batch.
"""


class Loss(nn.Module):
    """A loss function with fixed settings.

    A subclass names its ``functional`` (logits, target, voxel_weight, *, hyper-parameters, modes) -> scalar
    and describes its hyper-parameters; the default values are those of the functional's signature.

    Args:
        regions: sigmoid over overlapping regions instead of softmax over labels.
        include_background: count class 0 of labels as a class; None takes the loss's default. Regions have no
            background channel.
        batch: pool the samples of the batch (over all processes of a distributed training) before a region loss applies
            its formula; voxel-wise losses always take the mean over the batch.

    Raises:
        TypeError: there is no such hyper-parameter.
        ValueError: a value is out of range, or ``include_background`` is False where no class can be left out.
    """

    functional: ClassVar[Callable[..., Tensor]]
    hyper_parameters: ClassVar[tuple[Parameter, ...]] = ()
    """In the order in which trainers' names spell them. (``parameters`` is torch's word for what is trained.)"""
    formula: ClassVar[str]
    reference: ClassVar[str]
    of_sums: ClassVar[bool] = False
    """Whether all sums over voxels come from `region_statistics`, `voxel_mean` and `sample_mean`, and the formula
    treats each sample by itself. A loss per lesion then costs one pass instead of one for each lesion."""
    background_default: ClassVar[bool]
    """Whether class 0 of labels counts as a class by default; always True for voxel-wise losses."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "functional" not in cls.__dict__:
            return
        accepted = inspect.signature(cls.functional).parameters
        background = accepted.get("include_background")
        cls.background_default = True if background is None else background.default
        cls.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                *(accepted[p.keyword].replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in cls.hyper_parameters),
                _keyword("regions", False, bool),
                _keyword("include_background", None, bool | None),
                _keyword("batch", False, bool),
            ]
        )

    def __init__(
        self,
        *,
        regions: bool = False,
        include_background: bool | None = None,
        batch: bool = False,
        **values: Any,
    ) -> None:
        super().__init__()
        known = {p.keyword: p for p in self.hyper_parameters}
        for name, value in (self.defaults() | values).items():
            if name not in known:
                names = ", ".join(known) or "none"
                raise TypeError(f"{type(self).__name__} has no hyper-parameter {name!r}; it has: {names}")
            setattr(self, name, known[name].check(value))
        self._accepted = frozenset(inspect.signature(type(self).functional).parameters)
        if include_background is None:
            include_background = self.background_default
        if not include_background and "include_background" not in self._accepted:
            raise ValueError(f"{type(self).__name__} is voxel-wise: no class can be left out of it")
        self.regions = regions
        self.include_background = include_background
        self.batch = batch

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """The default value of every hyper-parameter, by keyword, in canonical order."""
        signature = inspect.signature(cls.functional).parameters
        return {p.keyword: signature[p.keyword].default for p in cls.hyper_parameters}

    def settings(self) -> dict[str, Any]:
        """Every hyper-parameter and mode with its value, by keyword."""
        return {name: getattr(self, name) for name in (*(p.keyword for p in self.hyper_parameters), *_MODES)}

    @property
    def needs(self) -> frozenset[str]:
        """Those of `CIRCUMSTANCES` that this loss takes."""
        return self._accepted.intersection(CIRCUMSTANCES)

    def forward(
        self, logits: Tensor, target: Tensor, voxel_weight: Tensor | None = None, **circumstances: Any
    ) -> Tensor:
        """The loss, a scalar of at least float32.

        Args:
            logits: (B, C, *S), any float type, 2D or 3D.
            target: (B, 1, *S) integer labels or, with ``regions``, (B, C, *S) of any type.
            voxel_weight: None, (B, 1, *S) or (B, C, *S), ≥ 0. A voxel of weight 0 has no influence on value and
                gradient, whatever its label. Of weights per class, a voxel-wise loss takes that of the voxel's true
                class, a region loss that of the class it sums over.
            circumstances: any of `CIRCUMSTANCES`; those that this loss does not take are ignored.

        Raises:
            TypeError: there is no such circumstance.
            ValueError: shapes, types or labels do not fit together.
        """
        if unknown := circumstances.keys() - set(CIRCUMSTANCES):
            raise TypeError(f"{min(unknown)} is not a circumstance of a loss; there are: {', '.join(CIRCUMSTANCES)}")
        options = {name: value for name, value in (self.settings() | circumstances).items() if name in self._accepted}
        return type(self).functional(logits, target, voxel_weight, **options)

    def extra_repr(self) -> str:
        """Every setting with its value; nnU-Net writes it into debug.json."""
        return ", ".join(f"{name}={value!r}" for name, value in self.settings().items())


def _keyword(name: str, default: Any, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
