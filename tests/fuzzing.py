"""What fuzzing tests share.

Each tries a few examples in the usual run of the suite, or as many as the variable NNUNET_LOSSES_FUZZ says.
"""

import os
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from nnunet_losses.base.errors import UserError


def examples(few: int) -> settings:
    """Settings of a fuzzing test.

    Args:
        few: examples in the usual run of the suite.
    """
    return settings(
        max_examples=int(os.environ.get("NNUNET_LOSSES_FUZZ", few)),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    )


def files_in(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, to see afterwards that nothing else was written or changed."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def outcome(call: Callable[[], object]) -> str:
    """What came of it; anything but our own error is raised."""
    try:
        call()
    except UserError as error:
        return str(error)
    return "done"


@st.composite
def damaged(draw: st.DrawFn, sound: bytes) -> bytes:
    """A file with some bytes changed, and perhaps the end missing."""
    content = bytearray(sound)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(content) - 1))
        new = draw(st.binary(min_size=1, max_size=4))
        content[place : place + len(new)] = new
    return bytes(content[: draw(st.integers(0, len(content)))]) if draw(st.booleans()) else bytes(content)
