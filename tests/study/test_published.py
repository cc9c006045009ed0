"""Files of published numbers."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.metrics import metric_named
from nnunet_losses.base.tables.published import PUBLISHED
from nnunet_losses.statistics.papers.reproduction import PROCEDURES
from nnunet_losses.statistics.tables.detection import MEASURES
from nnunet_losses.study.published import published_files, read_published

CONFIG = Path(__file__).parents[2] / "config"
FILES = sorted((CONFIG / "published").glob("*.csv"))
UNKNOWN = {"apr", "isbi2015_score_published", "relative_volume_difference"}  # metrics that we do not have


@pytest.fixture(scope="module")
def numbers() -> pd.DataFrame:
    return read_published(FILES)


def test_every_number_has_a_metric_a_definition_a_source_and_a_value(numbers):
    assert len(numbers) >= 400
    for name in set(numbers["metric"]) - UNKNOWN - set(MEASURES):
        metric_named(name)
    assert (numbers[["data", "loss", "definition", "source"]] != "").all(axis=None)
    shares = ~numbers["metric"].isin(["false_positives_per_case"])
    assert numbers.loc[shares, "value"].between(0, 1).all()
    assert (numbers["spread"].notna() == (numbers["spread_kind"] != "")).all()
    assert (numbers["n"].notna() == (numbers["n_of"] != "")).all()
    used = set(zip(numbers["procedure"], numbers["metric"], strict=True))
    assert {key for key in used if key[0]} == set(PROCEDURES)


def test_the_data_sets_that_numbers_are_of_exist(numbers):
    contents = [yaml.safe_load(file.read_text()) for file in (CONFIG / "datasets").glob("*.yaml")]
    named = {name for names in numbers["dataset"] for name in names.split("|")}
    assert named - {""} <= {content["name"] for content in contents}


@pytest.mark.parametrize("paper", ["tversky-2017", "mixed-focal-2021", "inverse-weighting-2020", "loss-odyssey-2021"])
def test_the_study_of_a_paper_is_compared_with_numbers_of_its_data(paper):
    studied = set()
    for file in (CONFIG / "studies").glob(f"{paper}*.yaml"):
        if "small" not in file.stem:
            entries = yaml.safe_load(file.read_text())["datasets"]
            studied |= {
                yaml.safe_load((CONFIG / "datasets" / f"{entry}.yaml").read_text())["name"] for entry in entries
            }
    numbers = read_published(published_files([paper], CONFIG / "published"))
    named = {name for names in numbers["dataset"] for name in names.split("|")}
    assert studied & named


# Values read off the papers by hand, not from the files.
@pytest.mark.parametrize(
    ("file", "data", "loss", "metric", "value"),
    [
        ("tversky-2017", "MSSEG-2016, 15 training patients", "Tversky .3/.7", "f2", 0.5732),
        ("tversky-2017", "MSSEG-2016, 15 training patients", "Tversky .1/.9", "recall", 0.6557),
        ("mixed-focal-2021", "KiTS19", "Unified Focal", "dice", 0.948),
        ("inverse-weighting-2020", "LUNA16", "DL+iw", "average_recall", 0.83),
        ("inverse-weighting-2020", "Metastases (private)", "FL+iw", "lesion_dice_found", 0.63),
        ("asymmetric-2018", "ISBI-2015, test set (leaderboard)", "nnU-Net (Isensee)", "dice", 0.679),
        ("loss-odyssey-2021", "pancreas (NIH and MSD Task07, 363), nnU-Net V1", "DiceFocal", "nsd", 0.6721),
        ("loss-odyssey-2021", "liver tumour (LiTS and MSD Task08, 434), nnU-Net V2", "DiceTopK10", "dice", 0.6691),
    ],
)
def test_values_of_the_papers(file, data, loss, metric, value):
    rows = read_published([CONFIG / "published" / f"{file}.csv"])
    own = rows[(rows["data"] == data) & (rows["loss"] == loss) & (rows["metric"] == metric)]
    assert own["value"].iloc[0] == value


def write(folder: Path, **changes: str) -> Path:
    row = dict.fromkeys(PUBLISHED.columns, "") | {"loss": "a", "metric": "dice", "value": "0.5", "mark": "primary"}
    file = folder / "paper.csv"
    pd.DataFrame([row | changes]).to_csv(file, index=False)
    return file


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"value": "high"}, "row 2: 'value' must be a number, got 'high'"),
        ({"value": ""}, "row 2: 'value' is empty"),
        ({"mark": "rumour"}, "holds 'rumour'; allowed are"),
        ({"trainer": "DiceTrainer|TverskyTrainer_fp0.3"}, "row 2: Write TverskyTrainer instead of"),
        ({"page": "7"}, "unknown column 'page'"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_row(tmp_path, changes, said):
    with pytest.raises(UserError) as error:
        read_published([write(tmp_path, **changes)])
    assert said in str(error.value)
    assert "paper.csv" in str(error.value)


def test_a_study_that_names_numbers_which_do_not_exist_is_told_which_there_are(tmp_path):
    write(tmp_path)
    with pytest.raises(UserError, match=r"for 'papre'; there are paper\.$"):
        published_files(["papre"], tmp_path)
    assert published_files(["paper"], tmp_path) == [tmp_path / "paper.csv"]
