"""The command line: what a person types, and what it says when that is wrong."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from nnunet_losses.base.tables.storage import write_tables
from nnunet_losses.cli import app, run
from nnunet_losses.losses import CATALOGUE
from nnunet_losses.nnunet.names.changes import CHANGES
from nnunet_losses.study.record import write_record
from nnunet_losses.study.study import load_study

from .comparison.test_tables import cases


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_list_names_every_loss_for_people_and_programs() -> None:
    rows = json.loads(call("list", "--json").stdout)
    assert {row["loss"] for row in rows} == set(CATALOGUE)
    tversky = next(row for row in rows if row["loss"] == "Tversky")
    assert [option["option"] for option in tversky["options"]][:2] == ["fp", "fn"]
    assert tversky["options"][0]["default"] == 0.3
    assert "TverskyTrainer" in call("list").stdout


def test_describe_knows_losses_and_trainers_with_their_values() -> None:
    text = call("describe", "TverskyTrainer_fp0.1_iw").stdout
    assert "fp           0.1" in text
    assert "weighting    iw" in text
    assert "1706.05721" in text
    assert call("describe", "Tversky").stdout.startswith("TverskyTrainer:")


@pytest.mark.slow
def test_recipes_lists_words_and_the_choices_of_one() -> None:
    assert all(word in call("recipes").stdout for word in CHANGES)
    told = call("recipes", "shirokikh2020").stdout
    assert "assumed" in told and "code" in told
    assert "there are bfloat16, autonet" in " ".join(call("recipes", "salehi").output.split())
    assert "recipe       densenet, bspline" in call("describe", "DiceTrainer_densenet_bspline").stdout


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_describe_draws_every_loss(name: str) -> None:
    result = call("describe", name)
    assert result.exit_code == 0, result.output
    assert "Value over the probability p" in result.stdout
    plot = [line for line in result.stdout.splitlines() if "┤" in line]
    for extreme in (plot[0], plot[-1]):
        assert set(extreme) & {"█", "░"}
    assert any("█" in line for line in plot)


def test_describe_tells_missed_from_added_voxels_where_they_differ() -> None:
    assert "░" in call("describe", "TverskyTrainer_fp0.1_fn0.9").stdout
    assert "░" not in call("describe", "CrossEntropy").stdout


def test_list_shows_what_other_packages_say_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CATALOGUE["Dice"], "reference", "[/red] [bold]A[/bold] \x1b[2J")
    listed = CliRunner().invoke(app, ["list"], color=True, env={"COLUMNS": "200"}).stdout
    assert r"[/red] [bold]A[/bold] \x1b[2J" in listed


def test_list_names_the_package_of_each_loss() -> None:
    assert {row["package"] for row in json.loads(call("list", "--json").stdout)} == {"nnunet_losses"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["describe", "Tverski"], "did you mean TverskyTrainer?"),
        (["describe", "TverskyTrainer_fq1"], "its options are fp<number>"),
        (["prepare", "nowhere.yaml"], "There is no data-set file nowhere.yaml"),
        (["compare", "nowhere", "--out", "x"], "nowhere holds no tables"),
        (["compare", __file__, "--out", "x"], "test_cli.py holds no tables"),
        (["evaluate", "--reference", "a", "--prediction", "b", "--out", "c"], "There is no folder a."),
        (["evaluate", "--reference", "..", "--prediction", "b", "--out", "c"], "There is no folder b."),
        (["evaluate", "--reference", ".", "--prediction", ".", "--out", "c"], "There is no dataset.json"),
        (["split", "Dataset001_X"], "nnUNet_raw"),
    ],
)
def test_mistakes_end_with_one_sentence_and_exit_code_1(
    arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("nnUNet_raw", raising=False)
    result = call(*arguments)
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_compare_writes_statistics_of_any_folders(tmp_path: Path) -> None:
    table = cases()
    for name, part in table.groupby("trainer"):
        write_tables(tmp_path / str(name), {"cases": part})
    folders = [tmp_path / "DiceTrainer", tmp_path / "TverskyTrainer"]
    result = call("compare", *folders, "--out", tmp_path / "statistics", "--baseline", "DiceTrainer")
    assert result.exit_code == 0, result.output
    pairwise = pd.read_parquet(tmp_path / "statistics/pairwise.parquet")
    assert set(pairwise["trainer_a"]) | set(pairwise["trainer_b"]) == {"DiceTrainer", "TverskyTrainer"}


def test_compare_takes_baseline_and_metrics_from_the_record_of_a_study(tmp_path: Path) -> None:
    write_tables(tmp_path / "tables", {"cases": cases()})
    trainers = ["TverskyTrainer", "DiceTrainer", "FocalTrainer"]
    own = {"evaluation": {"metrics": ["dice"]}, "statistics": {"resamples": 100}}
    study = load_study({"study": "s", "datasets": ["d"], "trainers": trainers, "configurations": ["2d"], **own})
    write_record(tmp_path / "study.json", study.record(study.runs(["Dataset900_P"], 2)))
    arguments = ["compare", tmp_path / "tables", "--study", tmp_path / "study.json", "--tables", tmp_path / "stacked"]
    result = call(*arguments, "--out", tmp_path / "statistics")
    assert result.exit_code == 0, result.output
    assert set(pd.read_parquet(tmp_path / "statistics/pairwise.parquet")["trainer_b"]) == {"TverskyTrainer"}
    assert pd.read_parquet(tmp_path / "stacked/jobs.parquet")["status"].tolist() == ["missing"] * 6
    refused = call(*arguments, "--out", tmp_path / "x", "--primary-metric", "dice")
    assert "names the primary metric of the study; leave --primary-metric out." in refused.stderr
    refused = call(*arguments, "--out", tmp_path / "x", "--baseline", "FocalTrainer")
    assert "The baseline FocalTrainer has no cases" in refused.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_compare_stacks_sites_and_writes_their_report(tmp_path: Path) -> None:
    table = cases()
    write_tables(tmp_path / "here", {"cases": table})
    write_tables(tmp_path / "there", {"cases": table.assign(dataset="Dataset901_There", value=table["value"] / 2)})
    folders = [tmp_path / "here", tmp_path / "there"]
    names = list(dict.fromkeys(table["case"]))
    for place in ("here", "there"):
        facts = pd.DataFrame({"case": names, "patient": [f"p{i // 2}" for i in range(len(names))], "sex": "m"})
        facts.to_csv(tmp_path / f"{place}.csv", index=False)
    of_cases = [
        "--cases",
        f"Dataset900_P={tmp_path / 'here.csv'}",
        "--cases",
        f"Dataset901_There={tmp_path / 'there.csv'}",
    ]
    result = call(
        "compare", *folders, "--out", tmp_path / "s", "--report", tmp_path / "r", "--title", "Two sites", *of_cases,
        "--cluster", "patient",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert set(pd.read_parquet(tmp_path / "s/pairwise.parquet")["n"]) == {len(set(facts["patient"]))}
    assert set(pd.read_parquet(tmp_path / "s/interactions.parquet")["covariate"]) == {"sex"}
    page = (tmp_path / "r/report.html").read_text()
    assert "Two sites" in page
    assert "Dataset900_P" in page
    assert "Dataset901_There" in page
    assert (tmp_path / "r/data/cases.csv").is_file()
    twice = call("compare", folders[0], folders[0], "--out", tmp_path / "x")
    assert twice.exit_code == 1
    assert "occur twice" in twice.stderr


def test_a_study_needs_snakemake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "find_spec", lambda _: None)
    result = call("run")
    assert result.exit_code == 1
    assert "Snakemake is not installed" in result.stderr


def test_help_needs_neither_torch_nor_nnunet() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from nnunet_losses.cli import app; "
        "CliRunner().invoke(app, ['--help']); print(sorted({'torch', 'nnunetv2', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


def test_a_full_disk_is_one_sentence_in_every_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("writing failed") from OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nnunet_losses.data.inspection.inspect_dataset", full)
    result = CliRunner().invoke(app, ["inspect", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stderr.startswith("nnunet-losses inspect: There is not enough space for ")
    assert result.stderr.endswith("are free. Free some and run the same command again.\n")


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (KeyboardInterrupt, 130, "nnunet-losses inspect was interrupted; run the same command again to continue."),
        (
            MemoryError,
            1,
            "For nnunet-losses inspect, there is not enough memory; close other programs, ask for more, or",
        ),
    ],
)
def test_an_interruption_and_too_little_memory_are_one_sentence(
    error: type[BaseException], code: int, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("nnunet_losses.data.inspection.inspect_dataset", stopped)
    result = CliRunner().invoke(app, ["inspect", str(tmp_path)])
    assert result.exit_code == code
    assert result.stderr.startswith(sentence)
    assert result.stderr.count("\n") == 1
