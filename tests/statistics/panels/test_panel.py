"""Which cases count, and what an undefined value counts as."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.statistics import Panel, Policy, Results, compare

MakeCases = Callable[..., pd.DataFrame]
nan = np.nan


def only(cases: pd.DataFrame, policy: Policy | None = None) -> Panel:
    (panel,) = Results.of(cases, baseline="B", policy=policy).panels()
    return panel


def test_the_baseline_comes_last_and_all_trainers_share_the_cases(make_cases: MakeCases) -> None:
    panel = only(make_cases({"B": [0.1, 0.2], "A": [0.3, 0.4]}))
    assert panel.trainers == ["A", "B"]
    assert panel.values.tolist() == [[0.3, 0.1], [0.4, 0.2]]


def test_a_case_that_one_trainer_has_undefined_is_left_out_for_all_or_counts_as_perfect(make_cases: MakeCases) -> None:
    # Case 1 has no lesion: A predicts none (undefined), B invents one (0).
    cases = make_cases(
        {"A": [0.8, nan, 0.6], "B": [0.7, 0.0, 0.5]},
        status={"A": ["ok", "both_empty", "ok"], "B": ["ok", "reference_empty", "ok"]},
    )
    left_out = only(cases)
    assert left_out.cases == ["c0", "c2"]
    assert left_out.coverage.set_index("trainer").loc["A", "n_both_empty"] == 1
    assert only(cases, Policy(both_empty="perfect")).values[1].tolist() == [1.0, 0.0]


def test_a_missed_lesion_has_the_worst_distance(make_cases: MakeCases) -> None:
    cases = make_cases(
        {"A": [3.0, nan], "B": [4.0, 9.0]}, metric="hd95", unit="mm", status={"A": ["ok", "prediction_empty"]}
    )
    assert only(cases).values.tolist() == [[3, 4], [9, 9]]  # the largest that was measured
    assert only(cases, Policy(worst={"hd95": 500})).values.tolist() == [[3, 4], [500, 9]]
    diagonal = make_cases({"A": [200, 210], "B": [200, 210]}, metric="image_diagonal", unit="mm")
    panel = only(pd.concat([cases, diagonal]))
    assert panel.values.tolist() == [[3, 4], [210, 9]]
    assert panel.coverage.set_index("trainer")["n_worst"].to_dict() == {"A": 1, "B": 0}
    assert only(cases, Policy(one_empty="exclude")).cases == ["c0"]


def test_recall_without_a_reference_is_undefined_whatever_was_predicted(make_cases: MakeCases) -> None:
    cases = make_cases({"A": [0.5, nan], "B": [0.5, nan]}, metric="recall", status={"A": ["ok", "reference_empty"]})
    assert only(cases).cases == ["c0"]


def test_a_case_missing_for_one_trainer_is_missing_for_all(make_cases: MakeCases) -> None:
    cases = make_cases({"A": np.arange(10) / 10, "B": np.arange(10) / 10})
    cases = cases[(cases["trainer"] != "A") | (cases["case"] != "c3")]
    panel = only(cases)
    assert "c3" not in panel.cases
    assert panel.coverage.set_index("trainer")["n_missing"].to_dict() == {"A": 1, "B": 0}
    worst = only(cases, Policy(missing="worst"))
    assert worst.values[worst.cases.index("c3")].tolist() == [0.0, 0.3]


def test_a_trainer_that_lacks_a_fold_is_left_out_instead_of_the_fold(make_cases: MakeCases) -> None:
    cases = make_cases({"A": np.arange(10) / 10, "B": np.arange(10) / 10, "C": np.arange(10) / 10})
    cases = cases[(cases["trainer"] != "C") | ~cases["fold"].isin([0, 1])]
    panel = only(cases)
    assert panel.trainers == ["A", "B"]
    assert len(panel.cases) == 10
    assert panel.coverage.set_index("trainer").loc["C", "reason"] == ("left out: 4 of 10 cases missing (more than 20%)")


def test_seeds_are_repeats_of_one_trainer(make_cases: MakeCases) -> None:
    cases = pd.concat(
        [
            make_cases({"B": [0.1, 0.2], "A": [0.5, 0.6]}),
            make_cases({"A_seed2": [0.7, 0.6]}, seed=2),
        ]
    )
    panel = only(cases)
    assert panel.trainers == ["A", "B"]
    assert panel.values[:, 0] == pytest.approx([0.6, 0.6])
    assert panel.coverage.set_index("trainer")["n_seeds"].to_dict() == {"A": 2, "B": 1}
    assert len(panel.repeats) == 6


def test_rounding_noise_does_not_break_ties(make_cases: MakeCases) -> None:
    panel = only(make_cases({"A": [0.3, 0.2], "B": [0.2, 0.1]}))
    assert len(set(panel.differences().ravel())) == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c.drop(columns="status"), r"lacks the columns \['status'\]"),
        (lambda c: c.iloc[:0], "is empty"),
        (lambda c: pd.concat([c, c]), "occur twice"),
        (lambda c: c.assign(status="fine"), "column 'status', row 1 holds 'fine'; allowed are 'ok'"),
        (lambda c: c[c["trainer"] == "A"], "baseline 'B' is not among the trainers"),
        (lambda c: c.assign(unit=["mm", "px"]), "data set Dataset001_Toy has values in mm and in px"),
        (lambda c: c.assign(metric="dise"), "Unknown metric 'dise'"),
        (lambda c: c.assign(value=[0.1, 87.0]), "dice of case 'c0', B, is 87, outside 0 to 1"),
    ],
)
def test_a_malformed_table_is_refused_in_one_sentence(
    make_cases: MakeCases, change: Callable[[pd.DataFrame], pd.DataFrame], sentence: str
) -> None:
    cases = change(make_cases({"A": [0.1], "B": [0.2]}))
    with pytest.raises(ValueError, match=sentence):
        Results.of(cases, baseline="B").panels()


def test_a_seed_in_the_name_stays_where_nothing_is_repeated(make_cases: MakeCases) -> None:
    cases = pd.concat([make_cases({"B_seed1": [0.1, 0.2]}, seed=1), make_cases({"A_seed1": [0.5, 0.6]}, seed=1)])
    (panel,) = Results.of(cases, baseline="B_seed1").panels()
    assert panel.trainers == ["A_seed1", "B_seed1"]


def test_the_baseline_may_be_named_by_any_of_its_repeats(make_cases: MakeCases) -> None:
    cases = pd.concat([make_cases({f"{t}_seed{s}": [0.1, 0.2]}, seed=s) for t in "AB" for s in (1, 2)])
    for name in ("B_seed1", "B_seed2", "B"):
        (panel,) = Results.of(cases, baseline=name).panels()
        assert panel.trainers == ["A", "B"]


def test_a_failed_repeat_is_a_repeat_in_every_table(make_cases: MakeCases) -> None:
    cases = pd.concat([make_cases({"B": [0.1, 0.2]}), make_cases({"A_seed1": [0.5, 0.6]}, seed=1)])
    jobs = pd.DataFrame(
        {
            "dataset": "Dataset001_Toy", "configuration": "3d_fullres", "trainer": ["A_seed1", "A_seed2"], "fold": 0,
            "seed": [1, 2], "status": ["completed", "diverged"], "seconds": 1.0, "peak_memory_mb": 1.0,
        }
    )  # fmt: skip
    tables = compare(cases, baseline="B", jobs=jobs, resamples=50, test_resamples=10, draws=50)
    assert set(tables["ranking"]["trainer"]) == {"A", "B"}
    assert tables["failures"]["trainer"].tolist() == ["A"]
