"""In which order a study trains, and what can be reported meanwhile; every command is a stub."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
REPORT = "reports/stub-partial/report.html"


def train_order(log: Path) -> list[tuple[str, int]]:
    """Data set and fold of each training, in the order in which they were started."""
    started = re.findall(r"rule train:.*?wildcards: dataset=(\w+),[^\n]*fold=(\d)", log.read_text(), re.DOTALL)
    return [(dataset, int(fold)) for dataset, fold in started]


def test_all_first_folds_come_before_any_second_and_a_partial_report_disturbs_nothing(
    benchmark_script: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    study: Any = benchmark_script("stub_study").make_stub_study(tmp_path / "study", {})
    other = study.folder / "other.yaml"
    dataset = yaml.safe_load((study.folder / "stub.yaml").read_text())
    other.write_text(yaml.safe_dump(dataset | {"name": "Dataset901_Other"}))
    config = yaml.safe_load((study.folder / "study.yaml").read_text())
    config["datasets"].append(str(other))
    (study.folder / "study.yaml").write_text(yaml.safe_dump(config))
    last = study.folder / "work/nnUNet_results/Dataset901_Other/TverskyTrainer__nnUNetPlans__3d_fullres/fold_1"
    last.mkdir(parents=True)
    (last / "hang").write_text("1\n")
    # one GPU: one training at a time, whatever the number of cores
    study.environment.update(STUB_EPOCHS="4", CUDA_VISIBLE_DEVICES="0")
    log, partial_log = study.folder / "log", study.folder / "partial.log"

    process = study.start("--cores", "48", log=log)
    try:
        deadline = time.monotonic() + 200
        while not (last / "log").exists() or "hangs" not in (last / "log").read_text():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.2)
        before = {path: path.stat().st_mtime_ns for path in (study.folder / "results").glob("[!s]*/**/*.*")}
        finished = len([path for path in before if path.name == "cases.parquet"])
        assert 4 <= finished < 8
        partial = study.start("--cores", "1", "partial_report", log=partial_log)
        assert partial.wait(timeout=100) == 0, partial_log.read_text()[-3000:]
        assert process.poll() is None
        assert {path: path.stat().st_mtime_ns for path in before} == before
        (last / "hang").unlink()
        assert process.wait(timeout=100) == 0, log.read_text()[-3000:]
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    assert [fold for _, fold in train_order(log)] == [0] * 4 + [1] * 4
    assert not re.search(r"rule (train|predict|evaluate|prepare|plan|split|preprocess):", partial_log.read_text())
    record = study.folder / "results/studies/stub-partial/study.json"
    assert f"(partial: {finished} of 8 trainings)" in record.read_text()
    assert (study.folder / REPORT).is_file()
    assert (study.folder / "reports/stub/manifest.json").is_file()

    again = study.start("--cores", "1", "partial_report", log=partial_log)
    assert again.wait(timeout=100) == 0
    assert "(partial: 8 of 8 trainings)" in record.read_text()

    study.environment["CUDA_VISIBLE_DEVICES"] = ""
    refused = study.start("--cores", "1", "--forcerun", "train", log=partial_log)
    assert refused.wait(timeout=100) == 1
    assert "trains on a GPU, but this machine has none" in partial_log.read_text()
