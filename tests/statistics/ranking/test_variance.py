"""The parts of the variance: against an analysis of variance, and where each source alone varies."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.anova import anova_lm

from nnunet_losses.statistics import Results
from nnunet_losses.statistics.ranking.variance import variance_table

MakeCases = Callable[..., pd.DataFrame]


def shares(cases: pd.DataFrame, baseline: str = "A") -> dict[str, float]:
    (panel,) = Results.of(cases, baseline=baseline).panels()
    table = variance_table(panel)
    return dict(zip(table["source"], table["share"], strict=True))


def test_it_is_the_analysis_of_variance(study: pd.DataFrame) -> None:
    table = anova_lm(smf.ols("value ~ C(fold) + C(trainer) + C(fold):C(trainer)", study).fit())
    part = table["sum_sq"] / table["sum_sq"].sum()
    found = shares(study)
    assert found["loss"] == pytest.approx(part["C(trainer)"])
    assert found["training"] == pytest.approx(part["C(fold):C(trainer)"])
    assert found["fold"] == pytest.approx(part["C(fold)"])
    assert found["case"] + found["rest"] == pytest.approx(part["Residual"])
    (panel,) = Results.of(study, baseline="A").panels()
    by_fold = [panel.values[panel.folds == fold] for fold in range(5)]
    squares = [4 * ((own.mean(axis=1) - own.mean()) ** 2).sum() for own in by_fold]
    assert found["case"] == pytest.approx(sum(squares) / table["sum_sq"].sum())
    assert sum(found.values()) == pytest.approx(1)


@pytest.mark.parametrize("source", ["loss", "case", "fold", "training"])
def test_where_one_source_alone_varies_it_explains_all(make_cases: MakeCases, source: str) -> None:
    case = np.arange(20)
    values = {
        "loss": {"A": np.full(20, 0.5), "B": np.full(20, 0.6)},
        "case": {"A": (case // 5) / 10, "B": (case // 5) / 10},
        "fold": {"A": (case % 5) / 10, "B": (case % 5) / 10},
        "training": {"A": 0.5 + (case % 5 - 2) / 10, "B": 0.5 - (case % 5 - 2) / 10},
    }
    assert shares(make_cases(values[source]))[source] == pytest.approx(1)


def test_what_seeds_make_of_a_loss_is_training(make_cases: MakeCases) -> None:
    parts = []
    for seed, gain in ((1, 0.1), (2, -0.1)):
        part = make_cases({"A": np.full(10, 0.5 + gain), "B": np.full(10, 0.5 - gain)}, seed=seed)
        parts.append(part.assign(trainer=part["trainer"] + f"_seed{seed}"))
    assert shares(pd.concat(parts), "A_seed1")["training"] == pytest.approx(1)


def test_one_training_each_is_said_to_be_part_of_the_loss(make_cases: MakeCases) -> None:
    cases = make_cases({"A": np.linspace(0.3, 0.6, 10), "B": np.linspace(0.5, 0.7, 10)}, fold=0)
    (panel,) = Results.of(cases, baseline="A").panels()
    assert set(variance_table(panel)["reason"]) == {
        "one training per loss: what a training is worth is part of the loss"
    }


def test_nothing_varies_or_there_is_nothing(make_cases: MakeCases) -> None:
    assert np.isnan(list(shares(make_cases({"A": np.full(5, 0.5), "B": np.full(5, 0.5)})).values())).all()
    (panel,) = Results.of(make_cases({"A": [0.5]}), baseline="A").panels()
    assert variance_table(panel).empty
