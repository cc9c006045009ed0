"""The worked cases: studies of known truth end in the headline that fits, as often as the committed figures say."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "answer_simulation.json"


@pytest.fixture(scope="module")
def simulation(benchmark_script: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_script("answer_simulation")


@pytest.mark.slow
@pytest.mark.parametrize("case", range(11))
def test_the_headline_fits_the_truth(simulation: ModuleType, case: int) -> None:
    truth = simulation.TRUTHS[case]
    studies = [simulation.study(truth, seed) for seed in range(3)]
    assert sum(study["fits"] for study in studies) >= 2, [study["rule"] for study in studies]
    assert not any(study["false winner"] for study in studies)


def test_in_the_committed_simulation_every_truth_is_met_as_often_as_it_must_be(simulation: ModuleType) -> None:
    found = json.loads(RESULTS.read_text())
    assert list(found) == [truth.name for truth in simulation.TRUTHS]
    for truth in simulation.TRUTHS:
        assert found[truth.name]["repeats"] >= 200
        assert found[truth.name]["fits"] >= truth.least, truth.name
        assert found[truth.name]["false winner"] <= 0.05, truth.name


def test_every_rule_is_known_by_its_words(simulation: ModuleType) -> None:
    assert simulation.rule_of("A and B lead; which is better is undecided (3 seeds would decide).") == 6
    assert simulation.rule_of("Of these trained models, A is best: ...") == 2
    assert simulation.rule_of("something else") == 0
