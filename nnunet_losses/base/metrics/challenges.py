"""Scores as challenges define them: which there are, and where each definition was read.

Each preset adds metrics, whose names begin with its own, to the table of cases; they stand beside the others. Values
are computed in `nnunet_losses.evaluation.challenges`, for every label or region of ``dataset.json``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from nnunet_losses.base.metrics.metric import Metric, count, distance, score, volume


@dataclass(frozen=True)
class Ranking:
    """How a challenge makes one ranking of its scores.

    weights: by score, what its rank counts for. tie: the score that parts those with the same mean rank, that of
        the last label or region; empty if none.
    by_case: ranks are taken in every case and averaged over scores and cases, else of the means over all cases.
    source: where the rule was read. leaves_out: scores that the challenge ranks and the preset does not measure.
    """

    weights: Mapping[str, float]
    source: str
    tie: str = ""
    by_case: bool = False
    leaves_out: str = ""


@dataclass(frozen=True)
class Challenge:
    """The scores of one challenge.

    name: as a study or ``--preset`` names it.
    title: what is scored.
    source: the code or page that the definition was read in.
    metrics: its scores of a case.
    leaves_out: what the challenge also scores, and this preset does not; empty if nothing.
    ranking: how its scores become one ranking; None if that could not be read in the organisers' own words.
    """

    name: str
    title: str
    source: str
    metrics: tuple[Metric, ...]
    leaves_out: str = ""
    ranking: Ranking | None = None


_HITS = "a lesion counts as found if any voxel of it is predicted"
_RANKS = "its ranking"


def _dice(name: str, empty: str, **facts: bool) -> Metric:
    return score(f"{name}_dice", f"Dice ({_title(name)})", f"Dice of the voxels; {empty}.", **facts)


def _title(name: str) -> str:
    return _TITLES[name]


_TITLES = {
    "isles22": "ISLES'22",
    "isles24": "ISLES'24",
    "isles24_2025": "ISLES'24, edition of 2025",
    "isles26": "ISLES'26",
    "brats2023": "BraTS 2023",
    "brats2023_men": "BraTS 2023 MEN",
    "brats2023_met": "BraTS 2023 MET",
    "autopet": "autoPET",
    "autopet3": "autoPET III",
    "msseg": "MSSEG",
    "isbi2015": "ISBI 2015",
    "shifts": "Shifts 2.0",
    "wmh2017": "WMH 2017",
    "lits": "LiTS",
    "kits23": "KiTS'23",
    "hecktor21": "HECKTOR'21",
    "panoptica": "panoptica",
}


def _isles(
    name: str, matching: str, source: str, leaves_out: str = _RANKS, ranking: Ranking | None = None
) -> Challenge:
    title = _title(name)
    return Challenge(
        name,
        f"{title}: infarcts",
        source,
        (
            _dice(name, "1 if both sides are empty"),
            score(f"{name}_lesion_f1", f"Lesion F1 ({title})", f"Lesion F1; {matching}; 1 if both sides are empty."),
            volume(f"{name}_volume_difference_ml", f"Volume difference ({title})", "Absolute volume difference."),
            count(f"{name}_count_difference", f"Lesion count difference ({title})", "Absolute difference of counts."),
        ),
        leaves_out,
        ranking,
    )


def _brats(name: str, what: str, dilations: str, minimum_mm3: int) -> Challenge:
    title = _title(name)
    rule = (
        f"reference lesions are merged by {dilations}, those up to {minimum_mm3} mm³ are dropped; a missed lesion and "
        "a false positive component count as"
    )
    worst = (0.0, BRATS_PENALTY_MM)
    return Challenge(
        name,
        f"{title}: {what}",
        "rachitsaluja/BraTS-2023-Metrics metrics.py @43c9052",
        (
            score(f"{name}_lesion_dice", f"Lesion-wise Dice ({title})", f"Mean Dice of the lesions; {rule} 0."),
            distance(
                f"{name}_lesion_hd95", f"Lesion-wise HD95 ({title})", f"Mean HD95 of the lesions; {rule} 374 mm.",
                bounds=worst,
            ),
            _dice(name, "1 if both sides are empty, 0 if one is"),
            distance(
                f"{name}_hd95", f"HD95 ({title})",
                "HD95 over surface elements weighted by area; 0 if both sides are empty, 374 mm if one is.",
                bounds=worst,
            ),
        ),
        "its ranking, and sensitivity and specificity, which are not ranked",
    )  # fmt: skip


BRATS_PENALTY_MM = 374.0
"""What a missed lesion or a false positive counts as: about the diagonal of the images, 240 × 240 × 155 mm."""

_PRESETS = [
    _isles(
        "isles22",
        f"26 neighbours; {_HITS}, and a component as false if it hits no lesion",
        "ezequieldlrosa/isles22 utils/eval_utils.py @31b7c8c; isles22_docker_evaluation evaluation.py @fcb59ff",
    ),
    _isles(
        "isles24",
        "pairs one to one, the largest IoU first, at IoU ≥ 0.5",
        "ezequieldlrosa/isles24 utils/eval_utils.py @34c6637 (August 2024)",
    ),
    _isles(
        "isles24_2025",
        "pairs one to one, the largest IoU first, at IoU ≥ 0.2",
        "ezequieldlrosa/isles24 utils/eval_utils.py @94b3486 (December 2025)",
    ),
    _isles(
        "isles26",
        "pairs one to one, the largest IoU first, at IoU ≥ 0.25",
        "the organisers' file as kept in OrenGurevitch/isles26-ranking-aware-selection @5d158d7",
        "the area under the precision-recall curve of the voxels",
        Ranking(
            dict.fromkeys(
                ("isles26_dice", "isles26_lesion_f1", "isles26_volume_difference_ml", "isles26_count_difference"), 1.0
            ),
            "the challenge's design document as quoted in OrenGurevitch/isles26-ranking-aware-selection @5d158d7",
            by_case=True,
            leaves_out="the area under the precision-recall curve of the voxels",
        ),
    ),
    _brats("brats2023", "gliomas (GLI, SSA, PED)", "3 dilations with 18 neighbours", 50),
    _brats("brats2023_men", "meningiomas", "1 dilation with 18 neighbours", 50),
    _brats("brats2023_met", "metastases", "1 dilation with 18 neighbours", 2),
    *(
        Challenge(
            name,
            f"{_title(name)}: lesions in whole-body PET",
            source,
            (
                _dice(name, empty, **facts),
                volume(
                    f"{name}_false_positive_volume_ml", f"False positive volume ({_title(name)})",
                    "Volume of predicted components (18 neighbours) that hit no lesion.", rewards_silence=True,
                ),
                volume(
                    f"{name}_false_negative_volume_ml", f"False negative volume ({_title(name)})",
                    "Volume of lesions (18 neighbours) that no component hits.", **facts,
                ),
            ),
            leaves_out,
            ranking,
        )
        for name, source, empty, facts, leaves_out, ranking in (
            (
                "autopet", "lab-midas/autoPET val_script.py @468179b (I and II)", "0 without reference", {}, "",
                Ranking(
                    {
                        "autopet_dice": 0.5, "autopet_false_positive_volume_ml": 0.25,
                        "autopet_false_negative_volume_ml": 0.25,
                    },
                    "the evaluation pages of autoPET and autoPET II",
                    tie="autopet_dice",
                ),
            ),
            (
                "autopet3", "ClinicalDataScience/autoPETIII evaluation-metrics/evaluation_metrics.py @9b3dd51",
                "not defined without reference", {"needs_reference": True},
                "its ranking by tracer and centre", None,
            ),
        )
    ),
    Challenge(
        "msseg",
        "MSSEG 2016 and MSSEG-2: lesions of multiple sclerosis",
        "Inria-Empenn/Anima-Public animaSegPerf* @d9fb323",
        (
            *(
                score(
                    f"msseg_lesion_{name}", f"Lesion {words} (MSSEG)",
                    f"Lesion {words}; 6 neighbours, components up to 3 mm³ removed; a lesion counts if more than 10 % "
                    "of it is covered, by components of which at most 70 % lie outside all lesions.",
                    needs_reference=True,
                )
                for name, words in (("recall", "recall"), ("precision", "precision"), ("f1", "F1"))
            ),
            count(
                "msseg_negative_count", "Components in negative cases (MSSEG)",
                "Predicted components above 3 mm³ in a case without reference.", rewards_silence=True,
            ),
            volume(
                "msseg_negative_volume_ml", "Volume in negative cases (MSSEG)",
                "Volume of predicted components above 3 mm³ in a case without reference.", rewards_silence=True,
            ),
        ),
        "surface distances (the released code computes them wrongly), and the ranking",
    ),
    Challenge(
        "isbi2015",
        "ISBI 2015: longitudinal lesions of multiple sclerosis",
        "jcreinhold/lesion-metrics lesion_metrics/metrics.py @f259cad; Carass et al. 2017",
        (
            score(
                "isbi2015_score", "Score without correlation (ISBI 2015)",
                "(Dice/8 + PPV/8 + (1 − LFPR)/4 + LTPR/4) · 4/3; 18 neighbours, any overlap counts.",
                needs_reference=True,
            ),
        ),
        "the correlation of volumes, the mean over two raters, and the scale on which raters reach 90",
    ),
    Challenge(
        "shifts",
        "Shifts 2.0: lesions of multiple sclerosis",
        "Shifts-Project/shifts mswml/metrics.py @81b8094",
        (
            score(
                "shifts_ndsc", "Normalised Dice (Shifts 2.0)",
                "Dice with false positives weighted as if the lesions filled 0.1 % of the image; 1 if both sides are "
                "empty.",
            ),
            score(
                "shifts_lesion_f1", "Lesion F1 (Shifts 2.0)",
                "Lesion F1; 6 neighbours; a component is true, and a lesion found, at IoU ≥ 0.25 with any of the other "
                "side; 1 if both sides are empty.",
            ),
        ),
        "the retention curve, which needs a map of uncertainty; voxels outside the brain are not left out",
    ),
    Challenge(
        "wmh2017",
        "WMH 2017: white matter hyperintensities",
        "hjkuijf/wmhchallenge evaluation.py",
        (
            _dice("wmh2017", "not defined if both sides are empty"),
            Metric(
                "wmh2017_volume_difference", "Relative volume difference (WMH 2017)", "1", False,
                "Absolute difference of the volumes as a share of the reference's.", needs_reference=True,
            ),
            score(
                "wmh2017_lesion_recall", "Lesion recall (WMH 2017)", f"26 neighbours; {_HITS}; 1 without reference.",
            ),
            score(
                "wmh2017_lesion_f1", "Lesion F1 (WMH 2017)",
                "Harmonic mean of recall (1 without reference) and precision (1 without prediction).",
            ),
        ),
        "HD95, whose contours are drawn slice by slice, and the ranking; other pathology must be the label 'ignore'",
    ),
    Challenge(
        "lits",
        "LiTS: liver and its tumours",
        "PatrickChrist/lits-challenge-scoring helpers/calc_metric.py @090307d",
        (_dice("lits", "1 if both sides are empty"),),
        "detection, surface distances, tumour burden, and the Dice over all cases together",
    ),
    Challenge(
        "kits23",
        "KiTS'21 and '23: kidney and masses, masses, tumour, in this order in dataset.json",
        "neheller/kits23 kits23/evaluation/metrics.py, configuration/labels.py @c108835",
        (
            _dice("kits23", "1 if both sides are empty, 0 if one is"),
            score(
                "kits23_nsd", "NSD (KiTS'23)",
                "Share of both surfaces within 1.033, 1.133 or 1.150 mm of the other, by region; 1 if both sides are "
                "empty, 0 if one is.",
            ),
        ),
        ranking=Ranking(
            {"kits23_dice": 1.0, "kits23_nsd": 1.0},
            "neheller/kits23 kits23/evaluation/ranking.py @c108835",
            tie="kits23_dice",
        ),
    ),
    Challenge(
        "hecktor21",
        "HECKTOR 2021: tumours of head and neck",
        "voreille/hecktor src/aicrowd_evaluator @0117ff1",
        (
            _dice("hecktor21", "0 if the prediction is empty", needs_reference=True),
            distance(
                "hecktor21_hd95", "HD95 (HECKTOR'21)",
                "HD95 over surface elements weighted by area; 0 if the prediction is empty, as the code has it.",
                needs_reference=True, rewards_silence=True,
            ),
        ),
        "its ranking by the median of HD95; images are not cut to the bounding box",
    ),
    Challenge(
        "panoptica",
        "panoptica's defaults: panoptic quality",
        "BrainLesion/panoptica @b0ac3e4",
        tuple(
            score(
                f"panoptica_{name}", f"{words} (panoptica)",
                f"{words}; pairs one to one, the largest IoU first, at IoU ≥ 0.5.", **facts,
            )
            for name, words, facts in (
                ("rq", "Recognition quality", {}),
                ("sq", "Segmentation quality", {"needs_reference": True}),
                ("pq", "Panoptic quality", {}),
            )
        ),
    ),
]  # fmt: skip

CHALLENGES: dict[str, Challenge] = {preset.name: preset for preset in _PRESETS}
"""The presets by name."""
CHALLENGE_METRICS: dict[str, Metric] = {metric.name: metric for preset in _PRESETS for metric in preset.metrics}
"""Their metrics by name."""
