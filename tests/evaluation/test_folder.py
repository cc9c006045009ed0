"""From folders to tables."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import SimpleITK

from nnunet_losses.base.errors import UserError
from nnunet_losses.evaluation import (
    EvaluationSettings,
    Prediction,
    Reference,
    evaluate_case,
    evaluate_folders,
    folder,
)
from nnunet_losses.evaluation.plan import parts_dir, plan
from nnunet_losses.statistics.panels.policy import Policy
from nnunet_losses.statistics.panels.results import Results

DATASET = {"labels": {"background": 0, "a": 1, "b": 2}, "file_ending": ".nii.gz", "name": "Toy"}
AFFINE = np.diag([0.5, 2.0, 3.0, 1.0])
SHAPE = (6, 7, 8)


def random_image(seed):
    return (np.random.default_rng(seed).random(SHAPE) * 2.3).astype(np.uint8)


def save(image, path: Path, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(image, affine), path)


def probabilities_of(image):
    raw = 0.2 + np.stack([image == k for k in range(3)])
    return (raw / raw.sum(axis=0)).astype(np.float32)


@pytest.fixture
def study(tmp_path):
    """Three references, two trainers; nnU-Net's probabilities for the first."""
    for case in range(3):
        save(random_image(case), tmp_path / "labels" / f"case{case}.nii.gz")
        for trainer in (1, 2):
            image = random_image(10 * trainer + case)
            save(image, tmp_path / f"trainer{trainer}" / f"case{case}.nii.gz")
            stored = probabilities_of(image).transpose(0, 3, 2, 1)  # SimpleITK's order, as nnU-Net writes it
            np.savez_compressed(tmp_path / f"trainer{trainer}" / f"case{case}.npz", probabilities=stored)
    (tmp_path / "dataset.json").write_text(json.dumps(DATASET))
    return tmp_path


def run(study, trainer=1, out="tables", *, probabilities=False, identity=None, cases=None, **options):
    directory = study / f"trainer{trainer}"
    prediction = Prediction(directory, directory if probabilities else None, identity or {}, cases)
    options = {"dataset_json": study / "dataset.json", "progress": False, **options}
    return evaluate_folders(study / "labels", [prediction], study / out, **options)


def test_tables_hold_what_each_case_gives_on_its_own(study):
    # nibabel reads an image last axis first in memory; components are numbered in that order.
    found = run(study, probabilities=True, identity={"trainer": "Dice", "fold": 3})
    for case in range(3):
        made = Reference(np.asfortranarray(random_image(case)), (0.5, 2.0, 3.0), DATASET["labels"])
        image = random_image(10 + case)
        alone = evaluate_case(made, image, probabilities_of(image))
        for name, table in found.items():
            rows = table[table.case == f"case{case}"].reset_index(drop=True)
            assert (rows.dataset == "Toy").all()
            assert (rows.trainer == "Dice").all()
            assert (rows.fold == 3).all()
            pd.testing.assert_frame_equal(rows[alone[name].columns], alone[name], rtol=1e-6)


def test_what_is_returned_is_what_is_written_and_nothing_else_stays(study):
    found = run(study)
    assert sorted(path.name for path in (study / "tables").iterdir()) == [
        "calibration.parquet",
        "cases.parquet",
        "lesions.parquet",
        "log_odds.parquet",
        "thresholds.parquet",
    ]
    for name, table in found.items():
        pd.testing.assert_frame_equal(pd.read_parquet(study / "tables" / f"{name}.parquet"), table)
        assert list(table.columns[:6]) == ["dataset", "configuration", "trainer", "fold", "seed", "case"]


@pytest.mark.slow
def test_two_processes_give_the_same_tables(study):
    one, two = run(study), run(study, out="again", workers=2)
    for name in one:
        pd.testing.assert_frame_equal(one[name], two[name])


def test_an_interrupted_run_goes_on_where_it_stopped(study, monkeypatch):
    done = []
    original = folder._run

    def stop_at_the_third(job):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(job.case)
        return original(job)

    monkeypatch.setattr(folder, "_run", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run(study)
    assert not (study / "tables" / "cases.parquet").exists()

    resumed = []
    monkeypatch.setattr(folder, "_run", lambda job: resumed.append(job.case) or original(job))
    found = run(study)
    assert (done, resumed) == (["case0", "case1"], ["case2"])
    assert set(found["cases"].case) == {"case0", "case1", "case2"}


def test_a_worker_that_outlived_a_killed_run_may_be_at_the_same_case(study, monkeypatch):
    original = folder.evaluate_case

    def overtaken(*arguments):
        found = original(*arguments)
        if not parts_dir(study / "tables").exists():
            with monkeypatch.context() as patch:
                patch.setattr(folder, "evaluate_case", original)
                run(study, keep_cases=True)  # the other one measures everything meanwhile
        return found

    monkeypatch.setattr(folder, "evaluate_case", overtaken)
    found = run(study, keep_cases=True)
    assert found["cases"]["case"].nunique() == 3
    assert len(list(parts_dir(study / "tables").iterdir())) == 3  # no half-made one


def test_only_what_is_new_changed_or_incomplete_is_measured_again(study, monkeypatch):
    original, again = folder._run, []
    monkeypatch.setattr(folder, "_run", lambda job: again.append(job.case) or original(job))
    first = run(study, keep_cases=True)["cases"]
    again.clear()
    assert run(study, keep_cases=True)["cases"].equals(first)
    assert again == []
    save(random_image(99), study / "trainer1" / "case1.nii.gz")
    run(study, keep_cases=True)
    assert again == ["case1"]
    for part in parts_dir(study / "tables").iterdir():  # killed while it wrote
        if (pd.read_parquet(part / "lesions.parquet").case == "case2").all():
            (part / "cases.parquet").unlink()
    run(study, keep_cases=True)
    assert again == ["case1", "case2"]
    again.clear()
    run(study, settings=EvaluationSettings(beta=1))
    assert again == ["case0", "case1", "case2"]
    assert not parts_dir(study / "tables").exists()


def test_several_trainers_share_each_reference(study, monkeypatch):
    made = []
    monkeypatch.setattr(folder, "Reference", lambda *args: made.append(args) or Reference(*args))
    predictions = [
        Prediction(study / "trainer1", identity={"trainer": "A"}),
        Prediction(study / "trainer2", study / "trainer2", {"trainer": "B"}, cases=["case2", "case0"]),
    ]
    found = evaluate_folders(study / "labels", predictions, study / "t", dataset_json=DATASET, progress=False)
    assert len(made) == 3
    cases = found["cases"]
    assert cases.groupby("trainer").case.agg(lambda c: sorted(set(c))).to_dict() == {
        "A": ["case0", "case1", "case2"],
        "B": ["case0", "case2"],
    }
    assert set(found["thresholds"].trainer) == {"B"}
    alone = run(study, trainer=2, out="alone", cases=["case0"], probabilities=True)["cases"]
    together = cases[(cases.trainer == "B") & (cases.case == "case0")].reset_index(drop=True)
    pd.testing.assert_frame_equal(together.drop(columns="trainer"), alone.drop(columns="trainer"))


def test_a_job_measures_what_is_missing_and_says_how_many(study):
    predictions = [Prediction(study / f"trainer{trainer}") for trainer in (1, 2)]
    options = {"dataset_json": DATASET, "settings": EvaluationSettings()}
    job, *_ = plan(study / "labels", predictions, study / "tables", **options)
    assert folder._run(job).predictions == 2
    (job.tasks[1].part / "cases.parquet").unlink()
    written = (job.tasks[0].part / "cases.parquet").stat().st_mtime_ns
    assert folder._run(job).predictions == 1
    assert (job.tasks[0].part / "cases.parquet").stat().st_mtime_ns == written


def test_nothing_is_measured_if_anything_is_wrong(study, monkeypatch):
    monkeypatch.setattr(folder, "_run", lambda _: pytest.fail("work began"))
    (study / "trainer1" / "case0.nii.gz").unlink()
    with pytest.raises(UserError, match=r"case0\.nii\.gz is missing"):
        run(study, cases=["case0", "case1"])
    assert not (study / "tables").exists()


def test_with_a_wrong_header_the_spacing_is_that_of_the_reference(study):
    expected = run(study, cases=["case1"])["cases"]
    save(random_image(11), study / "trainer1" / "case1.nii.gz", np.eye(4))
    found = run(study, cases=["case1"], out="other", allow_geometry_mismatch=True)["cases"]
    pd.testing.assert_frame_equal(found, expected)


def broken(path: Path):
    path.write_bytes(b"no image")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda s: save(random_image(1) + 2, s / "trainer1" / "case1.nii.gz"), r"case1\.nii\.gz: the prediction holds"),
        (lambda s: save(random_image(1) + 3, s / "labels" / "case1.nii.gz"), r"labels.case1\.nii\.gz: the reference"),
        (lambda s: broken(s / "trainer1" / "case1.npz"), r"case1\.npz is not a file of nnU-Net probabilities"),
        (lambda s: save(random_image(1) * 0.5, s / "trainer1" / "case1.nii.gz"), "voxels are not integers"),
    ],
)
def test_a_file_that_cannot_be_measured_is_named_in_one_sentence(study, spoil, sentence):
    spoil(study)
    with pytest.raises(UserError, match=sentence) as error:
        run(study, probabilities=True)
    assert "\n" not in str(error.value)


def spoil_three(study):
    """One prediction of another shape, one damaged behind its header, one empty file; all else is intact."""
    folder = study / "trainer1"
    save(np.zeros((6, 7, 9), np.uint8), folder / "case0.nii.gz")
    content = bytearray((folder / "case1.nii.gz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (folder / "case1.nii.gz").write_bytes(content)
    (folder / "case2.nii.gz").write_bytes(b"")


def both(study, **options):
    predictions = [
        Prediction(study / "trainer1", study / "trainer1", {"trainer": "A"}),
        Prediction(study / "trainer2", study / "trainer2", {"trainer": "B"}),
    ]
    return evaluate_folders(
        study / "labels", predictions, study / "tables", dataset_json=DATASET, progress=False, **options
    )


def test_every_broken_prediction_is_named_in_one_message(study):
    spoil_three(study)
    save(random_image(1) + 2, study / "trainer2" / "case1.nii.gz")
    with pytest.raises(UserError) as error:
        both(study)
    first, *faults, advice = str(error.value).splitlines()
    assert first == "4 of 6 predictions are broken:"
    assert "case1.nii.gz: the prediction holds the value 4, which dataset.json does not name." in faults[3]
    assert "case0.nii.gz has shape (6, 7, 9)" in faults[0]
    assert "case1.nii.gz cannot be read as an image" in faults[1]
    assert faults[2].endswith("case2.nii.gz is an empty file (0 bytes); replace it with an intact one.")
    assert "--skip-broken" in advice
    assert not (study / "tables").exists()


def test_predictions_that_break_only_when_measured_are_all_named_after_the_others_were_measured(study):
    for case in (0, 2):
        save(random_image(1) + 2, study / "trainer1" / f"case{case}.nii.gz")
    with pytest.raises(UserError) as error:
        both(study)
    first, *faults, _ = str(error.value).splitlines()
    assert first == "2 of 6 predictions are broken:"
    assert [name for name in ("case0", "case2") if any(f"{name}.nii.gz: the prediction holds" in f for f in faults)]
    assert len(list(parts_dir(study / "tables").iterdir())) == 4


def test_skipped_broken_predictions_are_undefined_and_miss_every_lesion(study):
    before = both(study)
    spoil_three(study)
    told = []
    found = both(study, skip_broken=True, tell=told.append)
    assert len(told) == 3
    assert all(sentence.startswith("Counts as a failure of A: ") for sentence in told)
    cases, other = found["cases"], found["cases"].query("trainer == 'B'").reset_index(drop=True)
    pd.testing.assert_frame_equal(other, before["cases"].query("trainer == 'B'").reset_index(drop=True))
    failed = cases[(cases.trainer == "A") & (cases.metric != "image_diagonal")]
    assert failed.value.isna().all()
    assert (failed[~failed.metric.str.match("lesion_.*_(small|medium|large)")].status == "prediction_broken").all()
    keys = ["case", "label", "metric"]
    assert set(map(tuple, cases[cases.trainer == "A"][keys].values)) == set(map(tuple, other[keys].values))

    def lesions(tables, trainer):
        rows = tables["lesions"].query("trainer == @trainer and side == 'reference'")
        return rows[["case", "label", "component", "voxels"]].reset_index(drop=True)

    pd.testing.assert_frame_equal(lesions(found, "A"), lesions(before, "A"))
    mine = found["lesions"].query("trainer == 'A'")
    assert not mine.matched.any()
    assert (mine.side == "reference").all()
    counts = found["thresholds"].query("trainer == 'A'")
    assert (counts[["tp", "fp"]] == 0).all(axis=None)
    assert (counts.fn > 0).all()


def test_a_broken_prediction_counts_as_the_worst_value_whatever_the_policy_for_empty_ones(study):
    (study / "trainer1" / "case1.nii.gz").write_bytes(b"")
    results = Results.of(both(study, skip_broken=True)["cases"], baseline="B", policy=Policy(one_empty="exclude"))
    (panel,) = (p for p in results.panels(["dice"]) if p.label == "a")
    assert panel.values[panel.cases.index("case1"), panel.trainers.index("A")] == 0
    assert panel.cases == ["case0", "case1", "case2"]


def test_a_case_without_reference_has_no_recall_even_if_its_prediction_is_broken(study):
    save(np.zeros(SHAPE, np.uint8), study / "labels" / "case1.nii.gz")
    (study / "trainer1" / "case1.nii.gz").write_bytes(b"")
    found = both(study, skip_broken=True)["cases"].query("trainer == 'A' and case == 'case1' and label == 'a'")
    status = found.set_index("metric").status
    assert status[["recall", "lesion_recall", "lesion_f1_small", "dice"]].tolist() == ["both_empty"] * 3 + [
        "prediction_broken"
    ]


def test_if_every_prediction_is_broken_there_is_nothing_to_count(study):
    for path in study.glob("trainer*/*.nii.gz"):
        path.write_bytes(b"")
    with pytest.raises(UserError, match="6 of 6 predictions are broken"):
        both(study, skip_broken=True)


def test_a_repaired_prediction_is_measured(study):
    intact = (study / "trainer1" / "case1.nii.gz").read_bytes()
    expected = both(study, keep_cases=True)
    (study / "trainer1" / "case1.nii.gz").write_bytes(b"")
    assert (both(study, skip_broken=True, keep_cases=True)["cases"].status == "prediction_broken").any()
    (study / "trainer1" / "case1.nii.gz").write_bytes(intact)
    pd.testing.assert_frame_equal(both(study)["cases"], expected["cases"])


def test_other_formats_are_read_by_simpleitk_with_the_same_numbers(study):
    expected = run(study, probabilities=True)
    for directory in ("labels", "trainer1"):
        (study / f"{directory}_mha").mkdir()
        for path in (study / directory).glob("*.nii.gz"):
            image = SimpleITK.ReadImage(str(path))
            SimpleITK.WriteImage(image, str(study / f"{directory}_mha" / path.name.replace(".nii.gz", ".mha")))
    found = evaluate_folders(
        study / "labels_mha",
        [Prediction(study / "trainer1_mha", study / "trainer1", {"trainer": "trainer1"})],
        study / "mha",
        dataset_json={**DATASET, "file_ending": ".mha"},
        progress=False,
    )
    pd.testing.assert_frame_equal(found["cases"], expected["cases"], rtol=1e-5)
    assert found["thresholds"].equals(expected["thresholds"])


def test_two_dimensional_images_with_nnunets_leading_axis_are_read(tmp_path):
    rng = np.random.default_rng(0)
    for name, seed in (("labels", 1), ("pred", 2)):
        image = (np.random.default_rng(seed).random((12, 15)) > 0.5).astype(np.uint8)
        (tmp_path / name).mkdir()
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(image), str(tmp_path / name / "x.png"))
    foreground = np.clip(image * 0.8 + rng.random(image.shape) * 0.2, 0, 1).astype(np.float32)
    np.savez(tmp_path / "pred" / "x.npz", probabilities=np.stack([1 - foreground, foreground])[:, None])
    found = evaluate_folders(
        tmp_path / "labels",
        [Prediction(tmp_path / "pred", tmp_path / "pred")],
        tmp_path / "out",
        dataset_json={"labels": {"background": 0, "a": 1}, "file_ending": ".png"},
        progress=False,
    )
    assert found["cases"].set_index("metric").value["dice"] > 0
    assert len(found["thresholds"]) > 0


def test_images_with_and_without_spacing_do_not_mix(study):
    save(random_image(1)[..., :1], study / "labels" / "case1.nii.gz", np.diag([1.0, 1, 999, 1]))
    save(random_image(1)[..., :1], study / "trainer1" / "case1.nii.gz", np.diag([1.0, 1, 999, 1]))
    with pytest.raises(UserError, match=r"case1\.nii\.gz has no spacing, .*case2\.nii\.gz has one: write the spacing"):
        run(study)


def test_a_picture_is_measured_in_pixels(tmp_path):
    image = SimpleITK.GetImageFromArray(np.eye(9, dtype=np.uint8))
    for name in ("labels", "trainer1"):
        (tmp_path / name).mkdir()
        SimpleITK.WriteImage(image, str(tmp_path / name / "case0.png"))
    found = run(tmp_path, dataset_json=DATASET | {"file_ending": ".png"})
    assert set(found["cases"]["unit"]) == {"1", "px", "count"}
    assert set(found["lesions"]["unit"]) == {"px"}
