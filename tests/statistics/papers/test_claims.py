"""Claims of papers, judged by the intervals of the decision card."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.states import Verdict
from nnunet_losses.statistics import TABLES, compare
from nnunet_losses.statistics.papers.claims import Claim, Direction, claims_table, difference, gain, trend
from nnunet_losses.statistics.tables.decision import DECISIONS
from nnunet_losses.study.claims import claims_files, read_claims

CONFIG = Path(__file__).parents[3] / "config" / "claims"
NAMES = {name: (name, "") for name in "ABCDE"}
HALF = 0.02  # of every interval of a pair


def decisions(values: dict[str, float], *, metric: str = "recall", half: float = HALF) -> pd.DataFrame:
    """The words on all pairs of losses with these benefits, each interval of the same width, a margin of 0.01."""
    names = list(values)
    rows = []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            d = values[a] - values[b]
            ends = {"low": d - half, "high": d + half, "low_90": d - 0.8 * half, "high_90": d + 0.8 * half}
            rows.append({"trainer_a": a, "trainer_b": b, "difference": d, "word": "undecided", **ends})
    blank = {name: 0.0 if kind in ("float64", "int64") else "" for name, kind in DECISIONS.types.items()}
    usual = {"dataset": "D", "configuration": "c", "label": "l", "metric": metric, "subject": "losses", "margin": 0.01}
    return pd.DataFrame([{**blank, **usual, "n": 9, "trainings": 3, **row} for row in rows])


def claim(*contrasts, direction: str = "higher", metric: str = "recall", steps=()) -> Claim:
    return Claim("paper", "claim", "It is so.", metric, Direction(direction), contrasts, steps)


def judged(table: pd.DataFrame, one: Claim, names=NAMES) -> pd.Series:
    found = claims_table(table, [one], names)
    return TABLES["claims"].check(found).iloc[0]


def of_two(d: float, direction: str, half: float = HALF) -> str:
    table = decisions({"A": 0.5 + d, "B": 0.5}, half=half)
    return judged(table, claim(difference(["A"], ["B"]), direction=direction))["verdict"]


@pytest.mark.parametrize(
    ("d", "half", "direction", "verdict"),
    [
        (0.05, 0.02, "higher", "holds"),
        (0.05, 0.02, "lower", "does not hold"),
        (0.05, 0.02, "equal", "does not hold"),
        (0.05, 0.06, "higher", "undecided"),
        (-0.05, 0.02, "higher", "does not hold"),
        (-0.03, 0.035, "higher", "does not hold"),  # at most +0.005, less than the margin
        (0.002, 0.001, "higher", "does not hold"),  # real, and too small to matter
        (0.002, 0.001, "equal", "holds"),
        (0.002, 0.030, "equal", "undecided"),
        (0.005, 0.012, "not lower", "holds"),
        (-0.05, 0.02, "not lower", "does not hold"),
        (-0.05, 0.02, "not higher", "holds"),
        (-0.05, 0.06, "not lower", "undecided"),
    ],
)
def test_the_verdict_follows_from_interval_and_margin(d, half, direction, verdict):
    assert of_two(d, direction, half) == verdict


def test_a_contrast_is_the_sum_of_its_pairs_and_so_is_its_interval():
    table = decisions({"A": 0.9, "B": 0.6, "C": 0.5, "D": 0.4})
    row = judged(table, claim(difference(["A", "B"], ["C", "D"])))
    assert row[["difference", "low", "high"]].tolist() == pytest.approx([0.3, 0.3 - HALF, 0.3 + HALF])
    row = judged(table, claim(gain(("A", "B"), ("C", "D"))))
    assert row[["difference", "low", "high"]].tolist() == pytest.approx([0.2, 0.2 - 2 * HALF, 0.2 + 2 * HALF])
    assert row["contrast"] == "(A − B) − (C − D)"


def test_the_change_of_a_trend_is_that_of_a_straight_line():
    values = {"A": 0.50, "B": 0.53, "C": 0.55, "D": 0.61, "E": 0.64}
    slope = np.polyfit(range(5), list(values.values()), 1)[0]
    row = judged(decisions(values), claim(trend("ABCDE"), steps="ABCDE"))
    assert row["difference"] == pytest.approx(4 * slope)
    assert (row["verdict"], row["contrast"]) == ("holds", "from A to E")


def test_a_trend_is_judged_by_the_steps_that_were_trained_if_its_ends_were():
    table = decisions({"A": 0.5, "C": 0.6, "E": 0.7})
    row = judged(table, claim(trend("ABCDE"), steps="ABCDE"), {name: (name, "") for name in "ACE"})
    assert (row["verdict"], row["difference"]) == ("holds", pytest.approx(0.2))
    assert row["reason"] == "without B, D, not trained here"
    row = judged(table, claim(trend("ACEB"), steps="ACEB"), {name: (name, "") for name in "ACE"})
    assert row["reason"] == "not trained: B"


def test_the_best_is_judged_among_those_that_were_trained():
    row = judged(
        decisions({"A": 0.7, "B": 0.5}), claim(difference(["A"], ["B"]), difference(["A"], ["Z"])),
    )  # fmt: skip
    assert (row["verdict"], row["reason"]) == ("holds", "without Z, not trained here")


def test_a_trend_that_falls_somewhere_for_certain_does_not_hold():
    row = judged(decisions({"A": 0.5, "B": 0.7, "C": 0.6, "D": 0.8}), claim(trend("ABCD"), steps="ABCD"))
    assert row["low"] > 0
    assert row["verdict"] == "does not hold"
    assert row["reason"].startswith("not one direction throughout: from B to C")


def test_the_weakest_of_several_contrasts_decides():
    table = decisions({"A": 0.7, "B": 0.5, "C": 0.69})
    row = judged(table, claim(difference(["A"], ["B"]), difference(["A"], ["C"])))
    assert (row["verdict"], row["contrast"]) == ("undecided", "A − C")


def test_a_metric_of_which_low_values_are_good_is_judged_by_its_values():
    table = decisions({"A": -10.0, "B": -6.0}, metric="hd95")  # benefits: A is 4 mm farther away
    row = judged(table, claim(difference(["A"], ["B"]), metric="hd95", direction="higher"))
    assert row["difference"] == pytest.approx(4)
    assert row["verdict"] == "holds"
    turned = judged(table, claim(difference(["B"], ["A"]), metric="hd95", direction="lower"))
    assert (turned["difference"], turned["low"]) == pytest.approx((-4, -4 - HALF))
    assert turned["verdict"] == "holds"


def test_what_cannot_be_tested_says_why():
    table = decisions({"A": 0.7, "B": 0.5})
    assert judged(table, claim(difference(["A"], ["Z"])))["reason"] == "not trained: Z"
    assert judged(table, claim(difference(["A"], ["B"]), metric="dice"))["reason"] == "not measured: dice"
    lost = table.assign(word="not comparable", reason="A collapsed")
    row = judged(lost, claim(difference(["A"], ["B"])))
    assert (row["verdict"], row["reason"]) == (str(Verdict.NOT_TESTABLE), "A collapsed")


def test_the_second_choice_of_a_loss_is_taken_where_the_first_was_not_trained():
    names = {"A": ("other", ""), "B": ("B", "")}
    row = judged(decisions({"A": 0.7, "B": 0.5}), claim(difference(["best|other"], ["B"])), names)
    assert (row["verdict"], row["contrast"]) == ("holds", "other − B")


def test_verdict_and_card_agree_on_a_pair(study):
    found = compare(
        study, baseline="A", resamples=200, claims=[claim(difference(["D"], ["A"]), metric="dice")], loss_names=NAMES
    )
    pair = found["decisions"].query("trainer_a == 'D' and trainer_b == 'A' and metric == 'dice'").iloc[0]
    row = found["claims"].iloc[0]
    assert row[["difference", "low", "high"]].tolist() == pair[["difference", "low", "high"]].tolist()
    assert (pair["word"], row["verdict"]) == ("better", "holds")


@pytest.mark.slow
def test_the_gap_between_recall_and_precision_is_measured_where_a_claim_is_about_it(study):
    recall, precision = study.assign(metric="recall"), study.assign(metric="precision", value=study["value"] - 0.1)
    precision.loc[precision["trainer"] == "D", "value"] -= 0.2
    found = compare(
        pd.concat([study, recall, precision]), baseline="A", resamples=200, loss_names=NAMES,
        claims=[claim(difference(["D"], ["A"]), metric="recall_precision_gap")],
    )  # fmt: skip
    assert found["claims"]["difference"].iloc[0] == pytest.approx(0.2)
    assert "recall_precision_gap" not in set(found["ranking"]["metric"])


def test_the_claims_of_the_papers_can_be_read():
    claims = read_claims(sorted(CONFIG.glob("*.yaml")))
    assert len({c.paper for c in claims}) == 5
    assert all(sum(c.weights.values()) == pytest.approx(0) for one in claims for c in one.contrasts)


SIDES = "difference: {first: [DiceTrainer], second: [CrossEntropyTrainer]}"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("metric: dice", "has none of trend, difference, best, gain; give exactly one"),
        ("metric: dise\n    " + SIDES, "names the metric 'dise', which does not exist"),
        (
            "metric: dice\n    difference: {first: [DiceTrainer], second: [TverskyTrainer_fp0.3]}",
            "Write TverskyTrainer",
        ),
        ("metric: dice\n    direction: better\n    " + SIDES, "direction must be one of higher, lower"),
    ],
)
def test_a_wrong_claim_is_one_sentence(tmp_path, keys, said):
    file = tmp_path / "paper.yaml"
    file.write_text(f"paper: A paper\nclaims:\n  - name: one\n    says: So.\n    source: page 1\n    {keys}\n")
    with pytest.raises(UserError) as error:
        read_claims([file])
    assert said in str(error.value)
    assert str(file) in str(error.value)


def test_a_study_that_names_claims_which_do_not_exist_is_told_which_there_are(tmp_path):
    (tmp_path / "paper.yaml").touch()
    with pytest.raises(UserError, match=r"for 'papre'; there are paper\.$"):
        claims_files(["papre"], tmp_path)
