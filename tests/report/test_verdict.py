"""The verdict says what the numbers say, and no more."""

from typing import Any

import pandas as pd
import pytest

from nnunet_losses.report.comparison import Comparison
from nnunet_losses.report.verdict import Verdict, verdict

BASE, RIVAL, THIRD = "nnUNetTrainer", "DiceTrainer", "FocalTrainer"
WHERE = {"dataset": "D", "configuration": "2d", "label": "lesion", "metric": "dice"}


def judged(
    means: dict[str, float], pairs: list[tuple[str, str, float, float]], *, n: int = 24, jobs: Any = None
) -> Verdict:
    """The verdict on means and pairs (a, b, difference a − b, p after Holm)."""
    identity = {"dataset": "D", "configuration": "2d", "fold": 0, "seed": 0}
    cases = pd.DataFrame(
        [
            {**identity, "trainer": t, "case": f"c{i}", "label": "lesion", "metric": "dice", "value": m, "unit": "1",
             "status": "ok"}
            for t, m in means.items() for i in range(n)
        ]
    )  # fmt: skip
    ordered = sorted(means, key=lambda t: -means[t])
    ranking = pd.DataFrame(
        [
            {**WHERE, "trainer": t, "n": n, "mean": means[t], "mean_low": means[t] - 0.03, "mean_high": means[t] + 0.03,
             "rank": i + 1, "p_first": 0.9 if i == 0 else 0.1}
            for i, t in enumerate(ordered)
        ]
    )  # fmt: skip
    pairwise = pd.DataFrame(
        [
            {**WHERE, "trainer_a": a, "trainer_b": b, "n": n, "difference": d, "low": d - 0.01, "high": d + 0.01,
             "p_holm": p}
            for a, b, d, p in pairs
        ],
        columns=[*WHERE, "trainer_a", "trainer_b", "n", "difference", "low", "high", "p_holm"],
    )  # fmt: skip
    tables = {"cases": cases} | ({} if jobs is None else {"jobs": pd.DataFrame([{**identity, **job} for job in jobs])})
    statistics = {"ranking": ranking, "pairwise": pairwise}
    return verdict(Comparison(tables=tables, statistics=statistics, title="T", baseline=BASE).views[0])


def test_a_clear_winner_is_called_best() -> None:
    found = judged({BASE: 0.6, RIVAL: 0.7}, [(RIVAL, BASE, 0.1, 0.001)])
    assert found.headline == "Dice is best."
    assert "highest mean Dice, 0.700 [0.67, 0.73] over 24 cases" in found.detail
    assert "+0.100 [0.090, 0.110] (p = 0.001)" in found.detail


def test_nothing_separable_is_said_first() -> None:
    found = judged({BASE: 0.69, RIVAL: 0.7}, [(RIVAL, BASE, 0.01, 0.4)])
    assert found.headline == "No two losses can be told apart."
    assert "better than" not in found.detail


def test_a_leader_not_separable_from_one_names_it() -> None:
    pairs = [(RIVAL, BASE, 0.1, 0.001), (RIVAL, THIRD, 0.01, 0.5), (THIRD, BASE, 0.09, 0.001)]
    found = judged({BASE: 0.6, RIVAL: 0.7, THIRD: 0.69}, pairs)
    assert found.headline == "Dice leads; 1 of the other 2 losses cannot be told from it."
    assert "better than nnUNetTrainer" in found.detail
    assert "not demonstrably than Focal" in found.detail


def test_a_leader_that_only_others_separate_is_not_called_better() -> None:
    pairs = [(RIVAL, BASE, 0.02, 0.3), (RIVAL, THIRD, 0.01, 0.5), (THIRD, BASE, 0.05, 0.01)]
    found = judged({BASE: 0.68, RIVAL: 0.7, THIRD: 0.69}, pairs)
    assert found.headline == "Dice ranks first, but cannot be told from the other 2 losses."


def test_the_direction_of_a_pair_does_not_matter() -> None:
    turned = judged({BASE: 0.6, RIVAL: 0.7}, [(BASE, RIVAL, -0.1, 0.001)])
    assert turned == judged({BASE: 0.6, RIVAL: 0.7}, [(RIVAL, BASE, 0.1, 0.001)])


def test_a_higher_mean_with_worse_cases_is_not_hidden() -> None:
    found = judged({BASE: 0.69, RIVAL: 0.7}, [(RIVAL, BASE, -0.02, 0.01)])
    assert found.headline == "Dice has the best mean, but case by case nnUNetTrainer did better."


def test_too_few_cases_are_named_as_the_reason() -> None:
    found = judged({BASE: 0.6, RIVAL: 0.7}, [(RIVAL, BASE, 0.1, 0.25)], n=3)
    assert "With 3 cases and 1 pair, no difference, however large" in found.detail
    assert "(smallest possible p 0.25)" in found.detail


def test_enough_cases_need_no_excuse() -> None:
    assert "however large" not in judged({BASE: 0.6, RIVAL: 0.7}, [(RIVAL, BASE, 0.1, 0.25)], n=24).detail


def test_untested_is_not_best() -> None:
    assert judged({BASE: 0.6, RIVAL: 0.7}, []).headline == "Dice ranks first, untested."


def test_the_cost_is_of_completed_runs_and_failures_are_counted() -> None:
    def job(trainer: str, seconds: float, status: str) -> dict[str, Any]:
        return {"trainer": trainer, "seconds": seconds, "peak_memory_mb": 2048.0, "hardware": "x", "epochs": 1,
                "status": status}  # fmt: skip

    jobs = [job(BASE, 3600, "completed"), job(RIVAL, 7200, "completed"), job(RIVAL, 60, "diverged")]
    found = judged({BASE: 0.6, RIVAL: 0.7}, [(RIVAL, BASE, 0.1, 0.001)], jobs=jobs)
    assert "One training took 2.0\u00a0h and 2.0\u00a0GB, 2.00 times the baseline's time." in found.detail
    assert "1 of 3 runs did not complete (Dice 1)" in found.detail


@pytest.mark.parametrize("means", [{BASE: 0.6}])
def test_a_single_loss_has_nothing_to_compare(means: dict[str, float]) -> None:
    assert "nothing to compare" in judged(means, []).headline
