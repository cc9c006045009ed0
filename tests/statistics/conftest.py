"""Small studies with known answers."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import pytest


def cases_table(
    values: Mapping[str, Sequence[float]],
    *,
    metric: str = "dice",
    unit: str = "1",
    status: Mapping[str, Sequence[str]] | None = None,
    **columns: object,
) -> pd.DataFrame:
    """A tidy table of cases c0, c1, … from values by trainer, five folds in turn."""
    parts = []
    for trainer, column in values.items():
        n = len(column)
        part = pd.DataFrame(
            {
                "dataset": "Dataset001_Toy",
                "configuration": "3d_fullres",
                "trainer": trainer,
                "fold": np.arange(n) % 5,
                "seed": 0,
                "case": [f"c{i}" for i in range(n)],
                "label": "lesion",
                "metric": metric,
                "value": np.asarray(column, dtype=float),
                "unit": unit,
                "status": "ok" if status is None or trainer not in status else list(status[trainer]),
            }
        )
        parts.append(part.assign(**columns))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def make_cases() -> Callable[..., pd.DataFrame]:
    return cases_table


@pytest.fixture
def study() -> pd.DataFrame:
    """Four trainers, 40 cases, skewed paired scores; D is better, C equals B."""
    rng = np.random.default_rng(3)
    hard = rng.beta(5, 2, 40)
    values = {
        name: np.clip(hard + rng.normal(gain, 0.05, 40), 0, 1) for name, gain in [("A", 0), ("B", 0.01), ("D", 0.06)]
    }
    return cases_table({**values, "C": values["B"]})
