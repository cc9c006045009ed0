"""A model is used only for the training that it is from, and only as it was written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import file_sha256
from nnunet_losses.cli import app
from nnunet_losses.nnunet.results.export import export_checkpoint
from nnunet_losses.nnunet.results.history import read_history
from nnunet_losses.nnunet.results.models import check_models, remark_on_checkpoint
from nnunet_losses.nnunet.results.predictions import predict_out_of_fold
from nnunet_losses.nnunet.results.publishing import publish_training
from nnunet_losses.nnunet.results.trainings import find_trainings
from nnunet_losses.nnunet.training.checkpoint import weights_sha256
from nnunet_losses.nnunet.training.origin import Origin

from ..conftest import TRAINED
from ..training.test_reproducible import bit_flipped, empty, from_another_training, of_other_plans, truncated

pytestmark = pytest.mark.usefixtures("world")
RUN = ("Dataset901_Labels", "3d_tiny", TRAINED, "nnUNetPlans", 0)
Damage = Callable[[Path], None]
DAMAGED = [(empty, "an empty file"), (truncated, "it is damaged"), (bit_flipped, "the checksum of .*data/0 is wrong")]
FOREIGN = (from_another_training, "is from another training .trainer DiceTrainer instead of TverskyTrainer")
WRONG = [*DAMAGED, FOREIGN]


def predict(folder: Path, **options: Any) -> None:
    predict_out_of_fold(
        *RUN, segmentations=folder / "segmentations", probabilities=folder / "probabilities", device="cpu", **options
    )


@pytest.fixture
def published(trained: Path, tmp_path: Path) -> Path:
    """The folder of a published model."""
    publish_training(*RUN, tmp_path / "published")
    return tmp_path / "published"


def test_a_published_model_says_which_training_it_is_from_and_its_checksums(trained: Path, published: Path) -> None:
    record = json.loads((published / "model.json").read_text())
    assert record["origin"].pop("plans_sha256")
    assert record["origin"] == {
        "trainer": TRAINED,
        "dataset": "Dataset901_Labels",
        "plans": "nnUNetPlans",
        "configuration": "3d_tiny",
        "fold": "0",
        "fingerprint": None,
    }
    assert record["sha256"] == {"checkpoint_final.pth": file_sha256(published / "checkpoint_final.pth")}
    weights = torch.load(trained / "checkpoint_final.pth", weights_only=False)["network_weights"]
    assert record["weights_sha256"] == weights_sha256(weights)


@pytest.mark.parametrize(("damage", "said"), WRONG)
def test_no_wrong_checkpoint_is_published(trained: Path, tmp_path: Path, damage: Damage, said: str) -> None:
    damage(trained / "checkpoint_final.pth")
    with pytest.raises(UserError, match=said) as refused:
        publish_training(*RUN, tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("damage", "said"), [*WRONG, (of_other_plans, "other content of the plans")])
def test_nothing_is_predicted_with_a_wrong_checkpoint(trained: Path, tmp_path: Path, damage: Damage, said: str) -> None:
    damage(trained / "checkpoint_final.pth")
    with pytest.raises(UserError, match=said):
        predict(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("damage", [bit_flipped, from_another_training])
def test_the_published_model_takes_the_place_of_a_wrong_checkpoint(
    trained: Path, published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Damage
) -> None:
    checkpoint = trained / "checkpoint_final.pth"
    whole = checkpoint.read_bytes()
    damage(checkpoint)
    wrong = checkpoint.read_bytes()
    predict(tmp_path / "out", model=published / "checkpoint_final.pth")
    assert checkpoint.read_bytes() == whole
    assert (trained / "checkpoint_final.pth.aside").read_bytes() == wrong
    told = capsys.readouterr().err
    assert "it is kept as checkpoint_final.pth.aside, and" in told
    assert len(list((tmp_path / "out" / "probabilities").iterdir())) == 2


@pytest.mark.parametrize("damage", [empty, truncated, bit_flipped, from_another_training])
def test_a_published_model_that_was_changed_is_not_used(
    trained: Path, published: Path, tmp_path: Path, damage: Damage
) -> None:
    model = published / "checkpoint_final.pth"
    damage(model)
    refused = pytest.raises(UserError, match=r"not the file that model\.json .* \(another SHA-256\); remove it")
    with refused:
        predict(tmp_path / "out", model=model)
    for name in ("plans.json", "dataset.json"):
        shutil.copy(trained.parent / name, tmp_path)
    with pytest.raises(UserError, match=r"another SHA-256|is not a checkpoint, or it is damaged"):
        export_checkpoint(model, tmp_path / "exported.pth")
    with refused:
        check_models([published])
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "exported.pth").exists()


def test_the_model_of_another_training_is_not_used(published: Path, tmp_path: Path) -> None:
    record = json.loads((published / "model.json").read_text())
    record["origin"]["fold"] = "1"
    (published / "model.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="is from another training .fold 1 instead of 0"):
        predict(tmp_path / "out", model=published / "checkpoint_final.pth")


@pytest.mark.slow
def test_a_model_published_before_there_were_records_is_still_used(
    trained: Path, published: Path, tmp_path: Path
) -> None:
    (published / "model.json").unlink()
    (trained / "checkpoint_final.pth").unlink()
    predict(tmp_path / "out", model=published / "checkpoint_final.pth")
    bit_flipped(published / "checkpoint_final.pth")
    with pytest.raises(UserError, match="the checksum of .* is wrong"):
        predict(tmp_path / "out", model=published / "checkpoint_final.pth")


@pytest.mark.parametrize(("damage", "said"), [*WRONG[1:], (of_other_plans, None)])
def test_only_a_whole_checkpoint_of_its_folder_s_training_is_exported(
    trained: Path, tmp_path: Path, damage: Damage, said: str | None
) -> None:
    damage(trained / "checkpoint_final.pth")
    if said is None:  # the plans are in the checkpoint
        export_checkpoint(trained / "checkpoint_final.pth", tmp_path / "out.pth")
        return
    with pytest.raises(UserError, match=f"{said}|is not a checkpoint, or it is damaged"):
        export_checkpoint(trained / "checkpoint_final.pth", tmp_path / "out.pth")
    assert not (tmp_path / "out.pth").exists()


def test_an_exported_model_carries_its_origin(trained: Path, published: Path, tmp_path: Path) -> None:
    written = export_checkpoint(trained / "checkpoint_final.pth", tmp_path / "model")
    exported, record = (json.loads((f / "model.json").read_text()) for f in (written.parent, published))
    assert exported["origin"] == record["origin"]
    assert exported["weights_sha256"] == record["weights_sha256"]
    assert exported["sha256"] == {"checkpoint_final.pth": file_sha256(written)}


@pytest.mark.parametrize("content", ["", "[]", '{"origin": {}}', '{"origin": 1, "sha256": {}}'])
def test_a_damaged_record_is_one_sentence(published: Path, content: str) -> None:
    (published / "model.json").write_text(content)
    with pytest.raises(UserError, match=r"model\.json cannot be read .* publish or export the model again"):
        check_models([published])


def test_a_comparison_refuses_tables_that_are_not_about_the_model_beside_them(published: Path, tmp_path: Path) -> None:
    check_models([published, tmp_path / "tables of no model"])
    (published / "checkpoint_final.pth").rename(tmp_path / "moved")
    check_models([published])  # models may be removed to save space
    curves = pd.read_parquet(published / "training.parquet")
    curves.assign(fold=1).to_parquet(published / "training.parquet")
    done = CliRunner().invoke(app, ["compare", str(published), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "training.parquet is about another training than the model beside it" in done.output


@pytest.mark.parametrize(("damage", "said"), WRONG)
def test_a_report_on_found_trainings_names_wrong_checkpoints(trained: Path, damage: Damage, said: str) -> None:
    [training] = find_trainings(trained.parents[1])
    assert remark_on_checkpoint(training) is None
    damage(trained / "checkpoint_final.pth")
    remark = remark_on_checkpoint(training)
    assert remark is not None
    assert remark.startswith(f"{training}: checkpoint_final.pth ")
    assert pd.Series([remark]).str.contains(said).all()
    (trained / "checkpoint_final.pth").unlink()
    assert remark_on_checkpoint(training) is None


def test_curves_of_another_training_are_not_reported(trained: Path) -> None:
    final, own = trained / "checkpoint_final.pth", read_history(trained)
    for file in trained.glob("*.pth"):
        content = torch.load(file, weights_only=False)
        content["logging"]["train_losses"] = [99.0] * 4
        torch.save(content | {"trainer_name": "DiceTrainer"}, file)
    told = read_history(trained)  # from the text logs, with four digits
    assert told["train_loss"].tolist() == pytest.approx(own["train_loss"].tolist(), abs=1e-4)
    torch.save(torch.load(final, weights_only=False) | {"trainer_name": TRAINED}, final)
    assert read_history(trained)["train_loss"].tolist() == [99.0] * 4


def test_what_is_unknown_of_an_origin_is_no_difference() -> None:
    one = Origin("DiceTrainer", "Dataset001_A", "plans", "2d", "0", fingerprint="a")
    assert not one.difference(Origin("DiceTrainer", "Dataset001_A", "plans", "2d", "0", plans_sha256="b"))
    assert one.difference(Origin("DiceTrainer", "Dataset002_B", "plans", "3d", "0", fingerprint="b")) == (
        "data set Dataset001_A instead of Dataset002_B, configuration 2d instead of 3d, other content of the data set"
    )
    assert Origin.from_plain(one.plain()) == one


@pytest.mark.parametrize("stored", [None, [], ["trainer", "dataset", "plans", "configuration", "fold"], {"fold": "0"}])
def test_what_is_no_origin_is_refused(stored: object) -> None:
    with pytest.raises(ValueError, match="no origin"):
        Origin.from_plain(stored)
