"""Noise of seeds, folds as units, power."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from nnunet_losses.statistics import Results
from nnunet_losses.statistics.estimators.corrected_t import corrected_t
from nnunet_losses.statistics.ranking.folds import fold_test_table
from nnunet_losses.statistics.ranking.noise import noise_tables
from nnunet_losses.statistics.ranking.power import power_table

MakeCases = Callable[..., pd.DataFrame]


def test_an_effect_is_set_beside_the_noise_of_the_seeds(make_cases: MakeCases) -> None:
    # Means over cases: A 0.50 and 0.54 with two seeds (SD 0.0283), B 0.46 with one.
    cases = pd.concat(
        [
            make_cases({"A": [0.4, 0.6], "B": [0.4, 0.52]}),
            make_cases({"A_seed1": [0.44, 0.64]}, seed=1),
        ]
    )
    (panel,) = Results.of(cases, baseline="B").panels()
    noise, effects = noise_tables(panel)
    a = noise.set_index("trainer").loc["A"]
    assert a[["n_seeds", "mean"]].tolist() == pytest.approx([2, 0.52])
    assert a[["sd_seed", "sd_case"]].tolist() == pytest.approx([np.sqrt(0.0008)] * 2)
    row = effects.iloc[0]
    assert row["difference"] == pytest.approx(0.06)
    assert row["noise"] == pytest.approx(np.sqrt(0.0008 / 2 + 0.0008))
    assert row["ratio"] == pytest.approx(0.06 / np.sqrt(0.0012))
    assert "one seed" in row["reason"]


def test_without_repeats_the_noise_is_unknown(study: pd.DataFrame) -> None:
    (panel,) = Results.of(study, baseline="A").panels()
    effects = noise_tables(panel)[1]
    assert effects[["noise", "ratio"]].isna().all().all()
    assert (effects["reason"] == "no trainer was repeated with another seed").all()


def test_nadeau_and_bengio_by_hand(make_cases: MakeCases) -> None:
    d = np.array([0.01, 0.03, 0.02, 0.05, 0.04])
    t, p, low, high = corrected_t(d[:, None])
    # mean 0.03, variance 0.00025: 0.03 / √((1/5 + 1/4)·0.00025)
    assert t[0] == pytest.approx(0.03 / np.sqrt(0.45 * 0.00025))
    assert p[0] == pytest.approx(2 * stats.t.sf(t[0], 4))
    assert (low[0] + high[0]) / 2 == pytest.approx(0.03)
    (panel,) = Results.of(make_cases({"A": d, "B": np.zeros(5)}), baseline="B").panels()
    row = fold_test_table(panel).iloc[0]
    assert (row["folds"], row["t"]) == (5, pytest.approx(t[0]))
    (single,) = Results.of(make_cases({"A": d, "B": np.zeros(5)}).assign(fold=0), baseline="B").panels()
    assert fold_test_table(single).iloc[0]["reason"].startswith("one fold")


def test_eleven_losses_need_twelve_cases_for_holm(make_cases: MakeCases) -> None:
    rng = np.random.default_rng(0)
    (panel,) = Results.of(make_cases({f"T{i}": rng.random(10) for i in range(11)}), baseline="T0").panels()
    row = power_table(panel).iloc[0]
    assert (row["pairs"], row["n_for_holm"]) == (55, 12)
    assert row["smallest_p"] == 2**-9
    assert "takes 12 cases" in row["reason"]
    effect = row["detectable_difference"] / row["paired_sd"]
    assert TTestPower().power(effect, nobs=10, alpha=0.05) == pytest.approx(0.8, abs=1e-6)
