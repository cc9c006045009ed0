"""Operations fused into one by torch.compile where a GPU makes that worth it."""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

FUSED_ON = {"cuda"}
"""Kinds of devices. (ROCm's is called cuda, too.)"""


class _Fused:
    """A function compiled at its first call, for any shape. If that fails, it is not tried again."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._compiled: Callable[..., Any] | None = None
        self._failed = False

    def __call__(self, *tensors: Tensor) -> Any:
        if self._failed or tensors[0].device.type not in FUSED_ON:
            return None
        try:
            if self._compiled is None:
                self._compiled = torch.compile(self._function, dynamic=True)
            return self._compiled(*tensors)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # no compiler, no Triton, a version that fails: whatever it is, it can do without
            self._failed = True
            reason = str(error).strip().splitlines()[:1]
            warnings.warn(
                f"torch.compile failed ({type(error).__name__}: {' '.join(reason)[:200]}); distances are computed "
                f"without it, which takes about four times as long.",
                RuntimeWarning,
                stacklevel=2,
            )
            return None


@cache
def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as one operation that keeps nothing in between in memory.

    Args:
        function: of tensors on one device, a composition of a few operations of torch.

    Returns:
        A function of the same arguments, with the same results; or with None where it cannot be had, and the caller
        must do without: on a CPU, or where torch.compile does not work.
    """
    return _Fused(function)
