"""The methods text says what was done, and nothing that was not."""

import dataclasses

import pandas as pd

from nnunet_losses.report.comparison import Comparison, Decision
from nnunet_losses.report.methods import LONG, methods, provenance
from nnunet_losses.report.verdict import verdict
from nnunet_losses.statistics.ranking.decision import SEEDS_ALIKE


def changed(comparison: Comparison, **facts: object) -> str:
    return "\n".join(methods(dataclasses.replace(comparison, **facts)))


def test_the_design_counts_losses_cases_folds_and_seeds(comparison: Comparison) -> None:
    design = methods(comparison)[0]
    assert design.startswith("We compared 5 loss functions (")
    assert "in nnU-Net 2.8.1 on Dataset901_Phantom (15 cases, 3 folds, configuration 3d_fullres)." in design
    assert "Each was trained with 1 random seed." in design
    assert design.endswith("All trainer names contain 20epochs and 50iters.")


def test_found_trainings_claim_no_common_conditions(comparison: Comparison) -> None:
    text = changed(comparison, provenance={"found_in": "/results"})
    assert "which does not tell whether plans, splits, augmentation and schedule were the same" in text
    assert "only the loss differed" not in text
    assert "The primary metric was Dice." in text
    assert "Versions of the software were not recorded." in text


def test_trainings_by_other_recipes_are_not_said_to_differ_in_the_loss_alone(comparison: Comparison) -> None:
    loss = {"changes": {"densenet": "FC-DenseNet"}}
    text = changed(comparison, provenance={**comparison.provenance, "losses": {"DiceTrainer_densenet": loss}})
    assert "more than the loss differed (densenet: FC-DenseNet)." in text
    assert "only the loss differed" not in text


def test_metrics_are_defined_the_primary_first(comparison: Comparison) -> None:
    text = methods(comparison)[1]
    assert text.startswith("The primary metric was Dice. We report Dice (Dice ")
    assert "; precision (share of predicted voxels that are true, TP / (TP + FP)); recall (" in text


def test_undefined_values_of_the_primary_metric_are_counted(comparison: Comparison) -> None:
    assert "undefined" not in methods(comparison)[3], "every Dice of this study is defined"
    rows = pd.DataFrame(
        {
            "metric": ["dice", "dice", "dice", "dice", "recall"],
            "resolved": ["worst", "worst", "left out", "perfect", "worst"],
            "status": ["prediction_empty", "prediction_empty", "both_empty", "both_empty", "prediction_empty"],
            "n": [2, 1, 1, 4, 9],
        }
    )
    assert (
        " Of the undefined values of the primary metric, 3 (prediction empty) were counted as the worst possible "
        "value, 1 (both empty) was left out for all losses and 4 (both empty) were counted as perfect."
    ) in changed(comparison, statistics={**comparison.statistics, "undefined": rows})


def test_checks_are_those_that_were_made(comparison: Comparison) -> None:
    assert (
        " As checks we used a sign-flip permutation test of the mean difference, a Bayesian signed-rank test with a "
        "region of practical equivalence of ±0.01, Friedman's test with Iman and Davenport's correction and Nemenyi's "
        "critical difference and a linear mixed model with a random intercept per case. "
        "Whether differences from the baseline depend on site and age was examined with a permutation test of Welch's "
        "statistic of ranks (Neubert and Brunner 2007; Pauly et al. 2015), with Holm's correction over covariates and "
        "losses. Of numbers, age was cut at the median, 47."
    ) in methods(comparison)[3]
    assert "As checks" not in changed(comparison, statistics={})


def test_the_decision_is_told_as_it_was_made(comparison: Comparison) -> None:
    told = changed(comparison)
    assert "simultaneous 95 % intervals (90 % for equivalence) and a margin of 0.01" in told
    assert "hold for new trainings on these data as well as new cases" in told
    assert "but for the decisions above, the intervals of means" in told
    assert "fixed beforehand" not in told
    declared = Decision(alpha=0.1, declared="declared before training (1 March 2026)")
    told = changed(comparison, decision=declared)
    assert "90 % intervals (80 % for equivalence)" in told
    assert told.count("declared before training (1 March 2026).") == 1
    assert "The primary metric, fixed beforehand, was Dice." in told


def test_seeds_that_act_alike_are_told_of_where_they_do(comparison: Comparison) -> None:
    said = (
        "As seeds acted alike in all folds (F test of loss × seed, p < 0.1), the same variance over the seeds was added"
    )
    assert said not in changed(comparison)
    decisions = comparison.statistics["decisions"].assign(reason=SEEDS_ALIKE)
    assert said in changed(comparison, statistics={**comparison.statistics, "decisions": decisions})


def test_models_trained_once_are_not_said_to_be_losses(comparison: Comparison) -> None:
    decisions = comparison.statistics["decisions"].assign(subject="models")
    told = changed(comparison, statistics={**comparison.statistics, "decisions": decisions})
    assert "the intervals hold for new cases of these models only" in told
    assert "but for the decisions above" not in told


def test_long_facts_are_blocks_of_their_own() -> None:
    facts, blocks = provenance(
        {"versions": {"a": "1", "b": "2"}, "found_in": "x\ny", "note": "z", "k": "w" * (LONG + 1)}
    )
    assert facts == [("Versions", "a 1, b 2"), ("Note", "z")]
    assert blocks == [("Found in", "x\ny"), ("K", "w" * (LONG + 1))]


def test_the_unit_of_analysis_is_the_cluster_if_there_is_one(comparison: Comparison) -> None:
    text = changed(comparison, provenance={**comparison.provenance, "cluster": "patient"})
    assert "The unit of analysis is the patient" in text and "a bootstrap over patients" in text
    assert "cases of one patient are not taken for independent, and every patient weighs the same" in text
    assert "over all cases, ties included" not in text


def test_clusters_with_cases_in_several_folds_are_told(comparison: Comparison) -> None:
    def told(patients: pd.Series) -> tuple[str, str]:
        rows = patients.rename("value").reset_index().assign(covariate="patient")
        given = dataclasses.replace(
            comparison,
            provenance={**comparison.provenance, "cluster": "patient"},
            tables={**comparison.tables, "covariates": rows},
        )
        return methods(given)[-3], verdict(given.views[0]).detail

    cases = comparison.cases.drop_duplicates(["dataset", "case"]).set_index(["dataset", "case"])
    for text in told("p" + cases["fold"].astype(str)):
        assert "several folds" not in text
    mixed = "p" + cases["fold"].astype(str)
    mixed.iloc[0] = next(patient for patient in mixed if patient != mixed.iloc[0])
    written, shown = told(mixed)
    assert "1 of " in written and "had cases in several folds, so that networks had learned from other" in written
    assert "1 of " in shown and "patients has cases in several folds" in shown
