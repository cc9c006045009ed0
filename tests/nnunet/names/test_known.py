"""What names need of the catalogue, kept without it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nnunet_losses.losses import CATALOGUE, WEIGHTINGS
from nnunet_losses.nnunet.names import known as module
from nnunet_losses.nnunet.names.known import known

STUDY = """
import sys
from nnunet_losses.study.study import load_study
study = load_study({"study": "s", "datasets": ["d"], "trainers": ["TverskyTrainer_fp0.1_iw"], "seeds": [1, 2]})
print(*study.trained, "torch" in sys.modules)
"""


def test_the_cache_holds_what_the_catalogue_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "losses.json"
    first = module._cached(file)
    module._cached.cache_clear()
    monkeypatch.setattr(module, "_of_catalogue", None)  # must not be asked again
    again = module._cached(file)
    assert json.loads(file.read_text())["losses"].keys() == CATALOGUE.keys()
    assert again.weightings == tuple(WEIGHTINGS)
    for name, loss in CATALOGUE.items():
        assert again.losses[name].defaults == first.losses[name].defaults == loss.defaults()
        assert [p.keyword for p in again.losses[name].parameters] == [p.keyword for p in loss.hyper_parameters]
        for ours, its in zip(again.losses[name].parameters, loss.hyper_parameters, strict=True):
            assert (ours.range, ours.option, ours.type, ours.none) == (its.range, its.option, its.type, its.none)


@pytest.mark.parametrize("content", ["", "[]", '{"losses": {"Dice": {}}, "weightings": []}'])
def test_a_damaged_cache_is_made_again(tmp_path: Path, content: str) -> None:
    file = tmp_path / "losses.json"
    file.write_text(content)
    assert module._cached(file).losses.keys() == CATALOGUE.keys()
    assert json.loads(file.read_text())["losses"].keys() == CATALOGUE.keys()


def test_a_loss_that_is_registered_in_this_process_is_known() -> None:
    assert known().losses.keys() == CATALOGUE.keys()


def test_what_is_known_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = known()
    monkeypatch.setattr(module, "entry_points", None)
    assert known() is first


@pytest.mark.slow
def test_a_study_is_read_without_torch(tmp_path: Path) -> None:
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    words = [
        subprocess.run(
            [sys.executable, "-c", STUDY], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    trained = "TverskyTrainer_fp0.1_iw_seed1 TverskyTrainer_fp0.1_iw_seed2"
    assert [text.strip() for text in words] == [f"{trained} True", f"{trained} False"]
