"""How many examples a fuzzing test tries: a few, or as many as the variable NNUNET_LOSSES_FUZZ says."""

import os
from pathlib import Path

from hypothesis import HealthCheck, settings


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
