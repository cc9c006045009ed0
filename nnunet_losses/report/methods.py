"""A methods section that can be pasted into a paper, and how the report was made."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from nnunet_losses.base.states import Resolution
from nnunet_losses.report.comparison import Comparison, records
from nnunet_losses.report.names import in_sentence
from nnunet_losses.report.numbers import as_declared, count, enumerate_words
from nnunet_losses.statistics.estimators.retraining import ALIKE

_STATISTICS = (
    "The unit of analysis is the {unit}, pooled over the test folds; values of several seeds were averaged within a "
    "case{averaged}. All intervals are 95 % intervals: those of means from the adjusted empirical likelihood ratio "
    "(Chen et al. 2008), calibrated with F (with fewer than ten {unit}s, from Student's t), all others from a "
    "bootstrap over {unit}s. {Nouns} were ranked by their mean; the interval of a rank and the share of bootstrap "
    "samples in which a {noun} ranks first come from the same resamples for all {nouns}. Paired differences are "
    "Hodges-Lehmann estimates over all {unit}s, ties included. Pairs of {nouns} were compared with the two-sided "
    "Wilcoxon signed-rank test at a level of 5 %; p-values were corrected with Holm's method over all pairs of "
    "{nouns} within a data set, label and metric. Metrics other than the primary one are exploratory."
)
_CAVEAT = (
    "Cases of one fold share a trained network, and folds share training cases; {what}the intervals of means and "
    "ranks and the tests over cases therefore describe new cases for these networks rather than new trainings. Where "
    "training sets share an effect of their own, the corrected resampled t-test of Nadeau and Bengio (2003), given "
    "beside, is the safeguard."
)


def methods(comparison: Comparison) -> list[str]:
    """Paragraphs on design, metrics and statistics, made from what was done."""
    return [
        _design(comparison),
        _metrics(comparison),
        *_decisions(comparison),
        _statistics(comparison) + _undefined(comparison) + _checks(comparison) + _subgroups(comparison),
        _caveat(comparison),
        _software(comparison),
    ]


def _statistics(comparison: Comparison) -> str:
    cluster = comparison.cluster
    words = {"noun": comparison.noun, "nouns": comparison.nouns, "Nouns": comparison.nouns.capitalize()}
    if not cluster:
        return _STATISTICS.format(unit="case", averaged="", **words)
    averaged = (
        f", and those of cases within their {cluster} (summary measures, Matthews et al. 1990): cases of one "
        f"{cluster} are not taken for independent, and every {cluster} weighs the same; lesions were resampled by "
        f"{cluster} (cluster bootstrap, Field and Welsh 2007)"
    )
    several, all_clusters = comparison.clusters_in_several_folds
    caution = (
        f" {several} of {count(all_clusters, cluster)} had cases in several folds, so that networks had learned from "
        f"other cases of a {cluster} that they predict; the values may be too good for a new {cluster}."
        if several
        else ""
    )
    return _STATISTICS.format(unit=cluster, averaged=averaged, **words) + caution


def _subgroups(comparison: Comparison) -> str:
    tests = comparison.statistics.get("interactions")
    if tests is None or tests.empty:
        return ""
    names = list(dict.fromkeys(tests["covariate"].astype(str)))
    cut = [
        f"{name} was {rule}" for name, rule in dict(zip(tests["covariate"], tests["rule"], strict=True)).items() if rule
    ]
    return (
        f" Whether differences from the baseline depend on {enumerate_words(names, 9)} was examined with a permutation "
        "test of Welch's statistic of ranks (Neubert and Brunner 2007; Pauly et al. 2015), with Holm's correction over "
        f"covariates and {comparison.nouns}.{f' Of numbers, {enumerate_words(cut, 9)}.' if cut else ''}"
    )


def _design(comparison: Comparison) -> str:
    cases = comparison.cases
    versions = comparison.provenance.get("versions", {})
    nnunet = f" {versions['nnunetv2']}" if "nnunetv2" in versions else ""
    losses = [comparison.name(t) for t in comparison.trainers]
    sets = [
        f"{name} ({count(part['case'].nunique(), 'case')}, {count(part['fold'].nunique(), 'fold')}"
        f"{_configurations(part)})"
        for name, part in cases.groupby(cases["dataset"].astype(str))
    ]
    seeds = cases["seed"].nunique()
    if "found_in" in comparison.provenance:  # existing trainings, made under conditions that we did not control
        return (
            f"We {'compared' if len(losses) > 1 else 'evaluated'} {count(len(losses), 'trainer')} "
            f"({enumerate_words(losses, 40)}) of nnU-Net on {enumerate_words(sets, 40)}, from out-of-fold predictions "
            "found in a results folder, which does not tell whether plans, splits, augmentation and schedule were the "
            "same."
        )
    if "table" in comparison.provenance:
        repeats = f" {count(seeds, 'seed')} of a model were averaged." if seeds > 1 else ""
        return (
            f"We {'compared' if len(losses) > 1 else 'evaluated'} {count(len(losses), 'model')} "
            f"({enumerate_words(losses, 40)}) on {enumerate_words(sets, 40)}, from a table of their results for each "
            f"case, which does not tell how they were trained, nor how the results were measured.{repeats}"
        )
    text = (
        f"We compared {count(len(losses), 'loss function')} ({enumerate_words(losses, 40)}) in nnU-Net{nnunet} on "
        f"{enumerate_words(sets, 40)}. {_shared(comparison)} Each was trained with {count(seeds, 'random seed')}."
    )
    if comparison.shared_options:
        text += f" All trainer names contain {enumerate_words(comparison.shared_options, 40)}."
    return text


def _shared(comparison: Comparison) -> str:
    """What all trainings had in common, and which differed in more than the loss."""
    losses = comparison.provenance.get("losses", {}).values()
    changes = {word: text for loss in losses for word, text in loss.get("changes", {}).items()}
    within = "Within a data set and configuration, all networks shared plans"
    if not changes:
        return f"{within}, splits, augmentation and schedule; only the loss differed."
    told = "; ".join(f"{word}: {text}" for word, text in changes.items())
    return f"{within} and splits. Where a trainer's name says so, more than the loss differed ({told})."


def _configurations(cases: pd.DataFrame) -> str:
    """``, configuration 2d``; nothing where none is named."""
    names = sorted(filter(None, cases["configuration"].astype(str).unique()))
    return f", configuration{'s' if len(names) > 1 else ''} {enumerate_words(names)}" if names else ""


def _metrics(comparison: Comparison) -> str:
    described = []
    first = comparison.views[0]
    for name in comparison.metrics:
        metric = first.of_metric(name).metric
        described.append(f"{in_sentence(metric.long_name)} ({in_sentence(metric.description.rstrip('.'))})")
    primary = in_sentence(comparison.metric(comparison.primary_metric).long_name)
    chosen = ", fixed beforehand," if comparison.decision.declared.startswith("declared before") else ""
    return f"The primary metric{chosen} was {primary}. We report {'; '.join(described)}."


def _undefined(comparison: Comparison) -> str:
    """What undefined values of the primary metric were counted as."""
    table = comparison.statistics.get("undefined")
    if table is None or not (table["metric"] == comparison.primary_metric).any():
        return ""
    primary = table[table["metric"] == comparison.primary_metric]
    counted = records(primary.groupby(["resolved", "status"], sort=False)["n"].sum().reset_index())
    words = {
        Resolution.WORST: "counted as the worst possible value",
        Resolution.PERFECT: "counted as perfect",
        Resolution.LEFT_OUT: f"left out for all {comparison.nouns}",
    }
    told = [
        f"{row['n']} ({row['status'].replace('_', ' ')}) {'was' if row['n'] == 1 else 'were'} "
        f"{words[Resolution(row['resolved'])]}"
        for row in counted
    ]
    return f" Of the undefined values of the primary metric, {enumerate_words(told, 9)}."


def _checks(comparison: Comparison) -> str:
    """The further analyses that were made."""
    used = []
    pairs = comparison.statistics.get("pairwise")
    if pairs is not None and "p_signflip" in pairs:
        used.append("a sign-flip permutation test of the mean difference")
    if pairs is not None and "p_better" in pairs:
        rope = pairs.loc[pairs["metric"] == comparison.primary_metric, "rope"].max()
        used.append(f"a Bayesian signed-rank test with a region of practical equivalence of ±{rope:g}")
    if "nemenyi" in comparison.statistics:
        used.append("Friedman's test with Iman and Davenport's correction and Nemenyi's critical difference")
    if "mixed" in comparison.statistics:
        used.append("a linear mixed model with a random intercept per case")
    return f" As checks we used {enumerate_words(used, 9)}." if used else ""


def _decisions(comparison: Comparison) -> list[str]:
    """How losses were decided between; nothing if there was nothing to decide."""
    table = comparison.statistics.get("decisions")
    own = None if table is None else table[table["metric"] == comparison.primary_metric]
    if own is None or own.empty:
        return []
    alpha = comparison.decision.alpha
    unit = comparison.metric(comparison.primary_metric).unit
    margin = as_declared(own["margin"].iloc[0], unit)
    levels = f"{100 * (1 - alpha):g} % intervals ({100 * (1 - 2 * alpha):g} % for equivalence)"
    text = (
        f"A pair of {comparison.nouns} was called equivalent, better, worse, not worse, not better or undecided from "
        f"simultaneous {levels} and a margin of {margin} (Piaggio et al. 2012). "
    )
    if (own["subject"] == "losses").any():
        text += (
            "The intervals hold for new trainings on these data as well as new cases: in each fold (with one "
            "fold, for each seed) the Hodges-Lehmann difference of every pair was estimated, an effect of each "
            f"{comparison.noun} fitted to them by least squares, and the variance of a {comparison.noun} taken as "
            "its residual mean square over the folds or the pooled one, whichever was larger (one that varied "
            "more than the others had its own degrees of freedom, Satterthwaite 1946, and was not pooled if p < "
            "0.01 by an F test with Bonferroni's correction); all pairs were compared at once with the "
            "studentised range (Tukey 1953)."
        )
        if ((own["subject"] == "losses") & (own["reason"] != "")).any():
            text += (
                f" As seeds acted alike in all folds (F test of {comparison.noun} × seed, p < {ALIKE:g}), the same "
                "variance over the seeds was added (Satterthwaite 1946)."
            )
    else:
        text += (
            f"As each {comparison.noun} was trained once, the intervals hold for new cases of these models only; they "
            "are Hodges-Lehmann intervals over cases with Bonferroni's correction for all pairs."
        )
    declared = comparison.decision.declared
    return [text + (f" The decision was {declared}." if declared else "")]


def _caveat(comparison: Comparison) -> str:
    table = comparison.statistics.get("decisions")
    decided = table is not None and (table["subject"] == "losses").any()
    return _CAVEAT.format(what="but for the decisions above, " if decided else "")


def _software(comparison: Comparison) -> str:
    versions = comparison.provenance.get("versions", {})
    if not versions:
        return "Versions of the software were not recorded."
    return f"Software: {', '.join(f'{name} {version}' for name, version in versions.items())}."


LONG = 160  # characters beyond which a value is shown as a block of its own


def provenance(runs: Mapping[str, Any]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """What is known of how the report was made: short facts, and long ones (label, text)."""
    facts: list[tuple[str, str]] = []
    blocks: list[tuple[str, str]] = []
    for key, value in runs.items():
        label = str(key).replace("_", " ").capitalize()
        if isinstance(value, Mapping) and key == "versions":
            facts.append((label, ", ".join(f"{name} {version}" for name, version in value.items())))
            continue
        text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
        (blocks if len(text) > LONG or "\n" in text else facts).append((label, text))
    return facts, blocks
