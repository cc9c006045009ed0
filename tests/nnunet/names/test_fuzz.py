"""Whatever is typed as the name of a trainer: an answer, or our own error; and it can always be printed."""

import contextlib
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from nnunet_losses.cli import app
from nnunet_losses.losses import CATALOGUE
from nnunet_losses.nnunet.names.grammar import build_trainer_name, nearest_trainer, parse_trainer_name
from nnunet_losses.nnunet.names.identity import identity
from nnunet_losses.nnunet.training.lookup import find_trainer

from ...fuzzing import examples, outcome

OPTIONS = sorted({parameter.option for loss in CATALOGUE.values() for parameter in loss.hyper_parameters})
NUMBERS = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(["1e999", "9" * 5000, "\u0663", "-0", "+1", "1.", "01", "1e-400", "nan", "inf", "", "0x1"]),
)
WORDS = st.one_of(
    st.sampled_from([*OPTIONS, "iw", "iwpos", "squared", "symmetric", "no", "", "__init__", "\n", "\x1b[2J", "\udc80"]),
    st.builds(str.__add__, st.sampled_from([*OPTIONS, "seed"]), NUMBERS),
    st.builds(str.__add__, NUMBERS, st.sampled_from(["epochs", "iters"])),
    st.text(max_size=6),
)
STEMS = st.one_of(
    st.sampled_from(sorted(CATALOGUE)).map(lambda loss: f"{loss}Trainer"),
    st.sampled_from(["nnUNetTrainer", "Trainer", "tverskytrainer", "TverskiTrainer", "TverskyLossTrainer", ""]),
    st.text(max_size=8),
)
NAMES = st.builds(lambda stem, words: "_".join([stem, *words]), STEMS, st.lists(WORDS, max_size=4))


def look_up(name: str) -> None:
    """nnU-Net's search, as far as it reaches us."""
    with contextlib.suppress(AttributeError, SystemExit), contextlib.redirect_stderr(io.StringIO()):
        assert find_trainer(name).__name__ == name


@examples(150)
@given(NAMES)
@example("TverskyTrainer_fp0.1_fn0.9_iw_250epochs_50iters_seed2")
@example(f"TverskyTrainer_seed{'9' * 5000}")
@example(f"TverskyTrainer_fp{'9' * 5000}")
@example("_" * 20_000)
@example("TverskyTrainer_fp1e999")
def test_any_name(name: str) -> None:
    told = outcome(lambda: parse_trainer_name(name))
    nearest_trainer(name)
    assert identity("Dataset001_A", "2d", name, 0)["dataset"] == "Dataset001_A"
    look_up(name)
    parsed = parse_trainer_name(name) if told == "done" else None
    if parsed is not None:
        assert str(parsed) == name and len(name) < 100
        assert build_trainer_name(parsed.loss, parsed.parameters, parsed.weighting, parsed.epochs, parsed.iterations,
                                  parsed.seed) == parsed  # fmt: skip


@pytest.mark.parametrize("charset", ["utf-8", "ascii"])
@examples(25)
@given(NAMES)
@example("TverskyTrainer_fp0.1_fn0.9")
@example("TverskyTrainer_\x1b[2J")
@example("\udc80Trainer")
def test_describe_answers_in_any_terminal(charset: str, name: str) -> None:
    done = CliRunner(charset=charset).invoke(app, ["describe", "--", name], color=True)
    assert done.exit_code in (0, 1)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert not set(done.output) & {"\x1b", "\x9b", "\0"}, "what is typed cannot steer the terminal"
    assert "Traceback" not in done.output


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("charset", ["utf-8", "ascii"])
def test_list_answers_in_any_terminal(charset: str, options: list[str]) -> None:
    done = CliRunner(charset=charset).invoke(app, ["list", *options])
    assert done.exit_code == 0
    assert all(f"{loss}Trainer" in done.output for loss in CATALOGUE)
