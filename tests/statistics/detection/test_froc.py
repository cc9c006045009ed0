"""FROC: hand-worked, against MONAI, and the published records by the corrected definitions."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from monai.metrics.froc import compute_froc_curve_data, compute_froc_score

from nnunet_losses.statistics import Results
from nnunet_losses.statistics.detection.curves import (
    CPM_POINTS,
    Curves,
    average_precision,
    average_recall,
    curves,
    detections,
    precision_at,
    recall_at,
)
from nnunet_losses.statistics.detection.froc import _bootstrap_p
from nnunet_losses.statistics.detection.froc import froc_tables as tables_of_rosters

MakeCases = Callable[..., pd.DataFrame]


def froc_tables(
    lesions: pd.DataFrame, cases: pd.DataFrame, *, baseline: str, resamples: int
) -> dict[str, pd.DataFrame]:
    return tables_of_rosters(Results.of(cases, baseline=baseline, lesions=lesions).rosters, resamples=resamples)


def toy(cases: int = 2) -> Curves:
    # Three lesions: two in case 0 (found at 0.9 and 0.4), one in case 1 (missed); false positives at 0.8 and 0.2.
    one = np.ones(2)
    found = detections(
        cases,
        (np.array([0, 0]), np.array([0.9, 0.4]), one),
        (np.array([1, 0]), np.array([0.8, 0.2]), one),
        (np.array([0, 0, 1]), np.ones(3)),
    )
    return curves(found, np.ones((1, cases)))


def test_the_curve_by_hand() -> None:
    curve = toy()
    assert curve.recall[0] == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert curve.per_case[0] == pytest.approx([0, 0.5, 0.5, 1])
    assert curve.precision[0] == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])
    assert recall_at(np.array([0, 0.25, 0.5, 2]), curve)[0] == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert average_precision(curve)[0] == pytest.approx(1 / 3 * 1 + 1 / 3 * 2 / 3)
    assert average_recall(curve, up_to=2)[0] == pytest.approx((0.5 * 1 / 3 + 1.5 * 2 / 3) / 2)
    assert precision_at(np.array([0.3, 0.5, 0.9]), curve)[0] == pytest.approx([1, 2 / 3, np.nan], nan_ok=True)


def test_an_image_with_neither_lesion_nor_prediction_counts() -> None:
    assert toy(4).per_case[0] == pytest.approx(toy(2).per_case[0] / 2)


def test_a_resample_is_the_curve_of_the_drawn_cases() -> None:
    rng = np.random.default_rng(0)
    hit = (rng.integers(6, size=20), rng.random(20).round(1), np.ones(20))
    invented = (rng.integers(6, size=30), rng.random(30).round(1), np.ones(30))
    lesions = (np.r_[hit[0], rng.integers(6, size=10)], np.ones(30))
    found = detections(6, hit, invented, lesions)
    counts = np.array([2, 0, 1, 3, 0, 0])

    def copies(events: tuple) -> tuple:
        times = counts[events[0]]
        return tuple(np.repeat(column, times) for column in events)

    drawn = detections(6, copies(hit), copies(invented), copies(lesions))
    ours, theirs = curves(found, counts[None]), curves(drawn, np.ones((1, 6)))
    points = np.array(CPM_POINTS)
    assert recall_at(points, ours) == pytest.approx(recall_at(points, theirs), abs=1e-6)
    assert average_precision(ours) == pytest.approx(average_precision(theirs), abs=1e-6)


def test_cpm_is_monais_froc_score() -> None:
    rng = np.random.default_rng(4)
    hits, invented, n = rng.random(40), rng.random(400), 30
    # MONAI leaves out the lowest threshold, hence the false positive below all points.
    fps, sensitivity = compute_froc_curve_data(np.r_[invented, -1.0], hits, num_targets=55, num_images=n)
    expected = compute_froc_score(np.asarray(fps), np.asarray(sensitivity), eval_thresholds=CPM_POINTS)
    one = np.zeros(55, dtype=int)
    found = detections(
        n,
        (one[:40], hits, np.ones(40)),
        (np.zeros(401, dtype=int), np.r_[invented, -1.0], np.ones(401)),
        (one, np.ones(55)),
    )
    curve = curves(found, np.ones((1, n)))
    assert recall_at(np.array(CPM_POINTS), curve).mean() == pytest.approx(expected, abs=1e-6)


@pytest.fixture
def lits(lits_lesions: Callable[[str], pd.DataFrame], make_cases: MakeCases) -> dict[str, pd.DataFrame]:
    lesions = pd.concat([lits_lesions(loss) for loss in ("bce", "dl", "iwdl")])
    values = {loss: np.ones(28) for loss in ("bce", "dl", "iwdl")}
    cases = make_cases(values, dataset="LiTS", configuration="published", label="tumour")
    cases["case"] = cases["case"].str.removeprefix("c")
    return froc_tables(lesions, cases, baseline="bce", resamples=2000)


def test_corrected_definitions_agree_with_the_published_ones_without_their_bootstrap(
    lits: dict[str, pd.DataFrame],
) -> None:
    # Every LiTS image has a record, so only the grid of thresholds differs: the full-sample numbers of
    # lits_expected.csv within 0.005, while the published bootstrap mean is 0.012 to 0.027 higher.
    table = lits["froc"].set_index(["trainer", "measure"])["value"]
    for loss, average, cpm, ceiling in [("bce", 0.5184, 0.4436, 0.6159), ("dl", 0.6778, 0.5901, 0.7464)]:
        assert table[loss, "average_recall"] == pytest.approx(average, abs=0.005)
        assert table[loss, "cpm"] == pytest.approx(cpm, abs=0.012)
        assert table[loss, "max_recall"] == pytest.approx(ceiling, abs=5e-5)
    assert table["iwdl", "false_positives_per_case"] == pytest.approx(19.9643, abs=5e-5)


def test_differences_are_paired_by_case(lits: dict[str, pd.DataFrame]) -> None:
    froc = lits["froc"].set_index(["trainer", "measure"])
    pair = lits["froc_pairwise"].set_index(["trainer_a", "trainer_b", "measure"]).loc[("dl", "iwdl", "cpm")]
    assert pair["difference"] == pytest.approx(froc.loc[("dl", "cpm"), "value"] - froc.loc[("iwdl", "cpm"), "value"])
    assert pair["low"] < pair["difference"] < pair["high"]
    widths = [froc.loc[(t, "cpm"), "high"] - froc.loc[(t, "cpm"), "low"] for t in ("dl", "iwdl")]
    assert pair["high"] - pair["low"] < np.hypot(*widths)  # pairing removes what the cases share


def test_the_p_of_a_difference_is_twice_the_smaller_tail_beyond_zero() -> None:
    samples = np.r_[np.full(4, -0.1), np.full(95, 0.2), np.nan]
    assert _bootstrap_p(samples, 8) == pytest.approx(2 * (1 + 4) / (1 + 99))
    assert _bootstrap_p(-samples, 8) == _bootstrap_p(samples, 8)
    assert _bootstrap_p(np.zeros(50), 8) == 1
    assert np.isnan(_bootstrap_p(samples, 7))


def test_curves_have_a_band_around_them(lits: dict[str, pd.DataFrame]) -> None:
    for name, y in [("froc_curve", "recall"), ("pr_curve", "precision")]:
        curve = lits[name]
        assert ((curve["low"] <= curve[y] + 0.02) & (curve[y] <= curve["high"] + 0.02)).all()
    froc = lits["froc_curve"].query("trainer == 'dl'")
    assert froc["recall"].is_monotonic_increasing
    assert froc["fp_per_case"].iloc[-1] == pytest.approx(3.6786, abs=5e-5)


def test_without_scores_or_with_few_cases_there_is_a_reason(
    lits_lesions: Callable[[str], pd.DataFrame], make_cases: MakeCases
) -> None:
    lesions = lits_lesions("bce")
    cases = make_cases({"bce": np.ones(3)}, dataset="LiTS", configuration="published", label="tumour")
    cases["case"] = ["0", "1", "2"]
    few = froc_tables(lesions, cases, baseline="bce", resamples=100)["froc"]
    assert few["value"].notna().all()
    assert few["low"].isna().all()
    assert few["reason"].str.startswith("n = 3").all()
    none = froc_tables(lesions.assign(score_max=np.nan), cases, baseline="bce", resamples=100)["froc"]
    assert none["value"].isna().all()
    assert none["reason"].str.startswith("no scores").all()


def test_two_seeds_of_a_case_share_its_weight(
    lits_lesions: Callable[[str], pd.DataFrame], make_cases: MakeCases
) -> None:
    first, second = lits_lesions("bce"), lits_lesions("dl").assign(trainer="bce_seed1", seed=1)
    cases = make_cases({"bce": np.ones(28)}, dataset="LiTS", configuration="published", label="tumour")
    cases["case"] = cases["case"].str.removeprefix("c")
    both = pd.concat([cases, cases.assign(trainer="bce_seed1", seed=1)])
    table = froc_tables(pd.concat([first, second]), both, baseline="bce", resamples=100)["froc"].set_index("measure")
    assert table.loc["cpm", ["trainer", "n_cases", "n_lesions"]].tolist() == ["bce", 28, 138]
    # Largest recalls 0.6159 and 0.7464, false positives 6.4286 and 3.6786 of the single runs.
    assert table.loc["max_recall", "value"] == pytest.approx((0.6159 + 0.7464) / 2, abs=1e-4)
    assert table.loc["false_positives_per_case", "value"] == pytest.approx((6.4286 + 3.6786) / 2, abs=1e-4)
