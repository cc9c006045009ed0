"""Temperature scaling, fitted on the other folds alone."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit

from nnunet_losses.statistics import Results
from nnunet_losses.statistics.calibration import calibration_tables as tables_of_rosters
from nnunet_losses.statistics.estimators.temperature import fit_temperature

MakeCases = Callable[..., pd.DataFrame]
Z = np.arange(-6, 6.01, 0.25)


def rows_of(temperature: float, trainer: str, case: int, *, seed: int = 0, voxels: int = 1000) -> pd.DataFrame:
    """A case whose share of foreground at log-odds z is that of z / temperature, exactly."""
    foreground = np.rint(voxels * expit(Z / temperature)).astype(int)
    return pd.DataFrame(
        {
            "dataset": "Dataset001_Toy", "configuration": "3d_fullres", "trainer": trainer, "fold": case % 5,
            "seed": seed, "case": f"c{case}", "label": "lesion", "bin": np.arange(len(Z)), "log_odds": Z,
            "background": voxels - foreground, "foreground": foreground,
        }
    )  # fmt: skip


def calibration_tables(rows: pd.DataFrame, cases: pd.DataFrame) -> dict[str, pd.DataFrame]:
    results = Results.of(cases, baseline="B", log_odds=rows)
    return tables_of_rosters(results.log_odds, results.rosters)


def test_the_temperature_is_that_of_an_independent_optimiser_on_raw_log_odds() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(0, 4, 400)
    truth = rng.random(400) < expit(z / 2.5)

    def loss(temperature: float) -> float:
        return float(np.mean(np.where(truth, np.logaddexp(0, -z / temperature), np.logaddexp(0, z / temperature))))

    wanted = minimize_scalar(loss, bounds=(0.1, 10), method="bounded", options={"xatol": 1e-9}).x
    assert fit_temperature(z, (~truth).astype(float), truth.astype(float)) == pytest.approx(wanted, rel=1e-5)


def test_voxels_that_no_temperature_can_explain_end_at_the_limit() -> None:
    right, one = np.array([-1.0, 1.0]), np.array([1.0, 0.0])
    assert fit_temperature(right, one, one[::-1]) == pytest.approx(1 / 20)
    assert fit_temperature(right, one[::-1], one) == pytest.approx(20)
    assert np.isnan(fit_temperature(right, 0 * one, 0 * one))


def test_a_network_that_is_twice_too_certain_is_mended(make_cases: MakeCases) -> None:
    rows = pd.concat([rows_of(2.0, "A", i) for i in range(10)] + [rows_of(1.0, "B", i) for i in range(10)])
    found = calibration_tables(rows, make_cases({"A": np.ones(10), "B": np.ones(10)}))
    summary = found["temperature_scaling"].set_index("trainer")
    assert summary["temperature"].to_dict() == pytest.approx({"A": 2.0, "B": 1.0}, abs=0.01)
    assert summary.loc["A", "ece_before"] > 0.05
    assert summary.loc["A", "ece_after"] < 0.002
    assert summary.loc["A", "nll_after"] < summary.loc["A", "nll_before"]
    assert summary.loc["A", "gain"] == pytest.approx(summary.loc["A", "nll_before"] - summary.loc["A", "nll_after"])
    p = expit(Z)
    truth = np.rint(1000 * expit(Z / 2)) / 1000
    assert summary.loc["A", "brier_before"] == pytest.approx(np.mean(truth * (1 - p) ** 2 + (1 - truth) * p**2))
    bins = np.minimum((p * 15).astype(int), 14)
    ece = sum(abs((truth - p)[bins == b].sum()) for b in range(15)) / len(p)
    assert summary.loc["A", "ece_before"] == pytest.approx(ece)
    curve = found["reliability"].query("trainer == 'A' and scaling == 'after'")
    assert curve["count"].sum() == 10 * 1000 * len(Z)
    np.testing.assert_allclose(curve["accuracy"], curve["confidence"], atol=0.004)


def test_no_case_helps_to_scale_itself_and_every_case_weighs_the_same(make_cases: MakeCases) -> None:
    truth = [1.0, 1.0, 1.0, 1.0, 3.0]
    rows = pd.concat([rows_of(t, "B", i, voxels=100 if i else 1000) for i, t in enumerate(truth)])
    found = calibration_tables(rows, make_cases({"B": np.ones(5)}))["temperatures"].set_index("fold")
    assert found.loc[4, "temperature"] == pytest.approx(1.0, abs=0.02)  # from the other four alone
    assert found.loc[0, "temperature"] > 1.1
    assert found["n"].tolist() == [4] * 5
    # ten times the voxels in case 0 do not change the fold that is fitted with it
    equal = pd.concat([rows_of(t, "B", i, voxels=100) for i, t in enumerate(truth)])
    again = calibration_tables(equal, make_cases({"B": np.ones(5)}))["temperatures"].set_index("fold")
    assert found.loc[1, "temperature"] == pytest.approx(again.loc[1, "temperature"], rel=0.01)


def test_one_fold_has_no_temperature_and_says_why(make_cases: MakeCases) -> None:
    rows = pd.concat([rows_of(2.0, "B", 5 * i) for i in range(6)])
    found = calibration_tables(rows, make_cases({"B": np.ones(30)}, fold=0))
    summary = found["temperature_scaling"].iloc[0]
    assert summary["reason"] == "one fold: no other folds to fit a temperature on"
    assert np.isnan(summary["nll_after"])
    assert summary["nll_before"] > 0
    assert set(found["reliability"]["scaling"]) == {"before"}


def test_seeds_are_averaged_within_a_case(make_cases: MakeCases) -> None:
    both = [rows_of(2.0, f"B_seed{s}", i, seed=s) for i in range(10) for s in (1, 2)]
    cases = pd.concat([make_cases({f"B_seed{s}": np.ones(10)}, seed=s) for s in (1, 2)])
    results = Results.of(cases, baseline="B_seed1", log_odds=pd.concat(both))
    found = tables_of_rosters(results.log_odds, results.rosters)
    assert found["temperature_scaling"]["n"].tolist() == [10]
    assert found["reliability"].query("scaling == 'before'")["count"].sum() == 10 * 1000 * len(Z)
    assert len(found["temperatures"]) == 10
