"""What depends on the device."""

import torch
from torch import Tensor

SYNCHRONOUS = {"cpu"}
"""Kinds of devices on which an operation is over when Python goes on."""


def asynchronous(x: Tensor) -> bool:
    """Whether operations on ``x`` are only queued.

    Then a small one takes as long as a large one, and whatever needs a value on the host waits until the queue is
    empty: in a training, for the network's forward pass, while nothing is queued for the time after it.
    """
    return x.device.type not in SYNCHRONOUS


def exact_type(x: Tensor) -> torch.dtype:
    """The most exact type that the device of ``x`` has."""
    return torch.float32 if x.device.type == "mps" else torch.float64
