from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from nnunet_losses.base.config.messages import keys_of
from nnunet_losses.base.errors import UserError
from nnunet_losses.data.description import (
    Archive,
    DatasetDescription,
    FileByFile,
    find_descriptions,
    load_dataset_description,
)
from nnunet_losses.data.phantom import label_table
from nnunet_losses.data.phantom_options import Phantom

CONFIG = Path(__file__).parents[2] / "config" / "datasets"
FILES = {
    "cases": [1, 3],
    "case_name": "patient{case:02d}",
    "images": {"FLAIR": "https://example.org/{case:02d}/FLAIR.nii.gz"},
    "label": "https://example.org/{case:02d}/label.nii.gz",
}


def described(**changes: object) -> dict[str, object]:
    content = {"name": "Dataset042_Small", "source": {"path": "/data/x"}, **changes}
    return {key: value for key, value in content.items() if value is not None}


@pytest.mark.parametrize("file", sorted(CONFIG.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_data_set_file_of_the_project_is_valid(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_DATA", "/data")
    description = load_dataset_description(file)
    assert description.licence or file.stem == "template"
    if isinstance(source := description.source.chosen, Phantom):
        assert description.labels == label_table(source)["labels"]


def test_data_sets_are_found_by_name_or_path_and_have_different_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_DATA", "/data")
    every = [file.stem for file in CONFIG.glob("*.yaml")]
    assert len(find_descriptions(every, CONFIG)) == len(every)
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump(described(name="Dataset900_Own")))
    assert find_descriptions([str(own)], CONFIG) == {"Dataset900_Own": own}
    with pytest.raises(UserError, match=r"phantom\.yaml and .*own\.yaml both describe a Dataset900; give one"):
        find_descriptions(["phantom", str(own)], CONFIG)
    with pytest.raises(UserError, match=r"no data-set file .*phantum\.yaml; .*config/datasets has .*hippocampus, "):
        find_descriptions(["phantum"], CONFIG)


def test_each_kind_of_source_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MS_DATA", "/data/ms")
    labels = {"background": 0, "lesion": [1, 2], "core": 2}

    def source(content: object) -> object:
        return load_dataset_description(
            described(source=content, labels=labels, regions_class_order=[1, 2])
        ).source.chosen

    assert source({"path": "${MS_DATA}/Dataset030_MSLesions"}) == Path("/data/ms/Dataset030_MSLesions")
    archive = {"url": "https://example.org/a.tar", "checksum": "md5:" + "0" * 32}
    assert source({"download": archive}) == Archive(**archive)
    assert source({"phantom": {"shape": [32, 32, 32]}}) == Phantom(shape=(32, 32, 32))
    assert source({"phantom": None}) == Phantom()
    files = source({"download": FILES})
    assert isinstance(files, FileByFile)
    assert list(files.numbers) == [1, 2, 3]


LABELLED = {"background": 0, "lesion": 1}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"licens": "CC0"}, "data set: unknown key 'licens'; did you mean 'licence'?"),
        ({"zzz": 1}, "unknown key 'zzz'; the keys here are name, source"),
        ({"name": None}, "the key 'name' is missing; add it: text."),
        ({"name": "MSLesions"}, "name 'MSLesions' is not a data-set name; nnU-Net expects Dataset, three digits"),
        ({"name": "Dataset001_A\n"}, "name must be one line"),
        (
            {"source": {}},
            "source must have exactly one of the keys path, table, bids, download, original, phantom, got none.",
        ),
        (
            {"source": {"path": "/x", "phantom": {}}},
            "exactly one of the keys path, table, bids, download, original, phantom, got path, phantom",
        ),
        ({"source": {"pth": "/x"}}, "unknown key 'pth' in source; did you mean 'path'?"),
        (
            {"source": "/x"},
            "source must be a table with the keys path, table, bids, download, original, phantom, got '/x'.",
        ),
        ({"source": {"path": "${NOT_SET_ANYWHERE}/x"}}, "source.path uses ${NOT_SET_ANYWHERE}, which is not set; run"),
        ({"source": {"path": ["a"]}}, "source.path must be text, got ['a']."),
        ({"source": {"download": {"url": "https://x/a.tar"}}}, "the key 'checksum' is missing in source.download; add"),
        (
            {"source": {"download": {"url": "https://x/a", "checksum": "abc"}}},
            "source.download.checksum must be md5:, sha1: or",
        ),
        (
            {"source": {"download": {"url": "file:///x/a.tar", "checksum": "md5:" + "0" * 32}}},
            "source.download.url 'file:///x/a.tar' is not a web address (http:// or https://); for files of your",
        ),
        ({"source": {"download": {"url": "http://["}}}, "source.download.url 'http://[' is not a web address"),
        ({"source": {"download": FILES}}, "do not name their labels; add 'labels'."),
        ({"source": {"phantom": {"seeds": 1}}}, "unknown key 'seeds' in source.phantom; did you mean 'seed'?"),
        ({"labels": {"lesion": 1}}, "labels must hold 'background: 0'."),
        ({"labels": {"background": 0, "lesion": "1"}}, "labels.lesion must be a whole number from 0 to 65,535 or a"),
        ({"labels": {"background": 0, "lesion": True}}, "labels.lesion must be a whole number"),
        ({"labels": {"background": 0, 1: 1}}, "the key 1 in labels must be text; put it in quotes."),
        ({"labels": {"background": 0, "whole": [1, 2]}}, "labels has regions, so 'regions_class_order' is needed"),
        ({"licence": 3}, "licence must be text, got 3; put it in quotes."),
        *(
            ({"source": {"download": {**FILES, **files}}, "labels": LABELLED}, sentence)
            for files, sentence in (
                ({"cases": [3, 1]}, "source.download.cases must be [first number, last number] of at most 100,000"),
                ({"cases": [0, 10**8]}, "source.download.cases must be [first number, last number] of at most 100,000"),
                ({"images": {}}, "source.download.images must be a table of channel name: address, got {}."),
                ({"case_name": "patient"}, "case_name 'patient' does not depend on the case; write its number as"),
                ({"label": "https://x/{number}.nii.gz"}, "not a pattern; write the case's number as {case:02d}."),
                ({"label": "{case:99999999999d}"}, "not a pattern; write the case's number as {case:02d}."),
                ({"label": "ftp://x/{case}"}, "source.download.label 'ftp://x/{case}' is not a web address"),
                ({"label": "{case"}, "not a pattern (expected '}' before end of string); write the case's number as"),
                ({"checksum": "md5:" + "0" * 32}, "unknown key 'checksum' in source.download; did you mean"),
            )
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as refusal:
        load_dataset_description(described(**changes))
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


KEYS = sorted({name.rpartition(".")[2] for name in keys_of(DatasetDescription)})
PLAUSIBLE = st.sampled_from(["lesion", "background", "patient{case:02d}", "{case!r}", "${NOT_SET}", "FLAIR", "a\nb"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | PLAUSIBLE | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.integers() | st.none() | PLAUSIBLE, inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), VALUES, max_size=4))
@example({"labels": {"background": 0, "lesion": 10**5000}})
@example({"source": {"phantom": {"seed": 10**400}}})
@example({"source": {"phantom": {"shape": [16, 16], "spacing_mm": [float("nan")] * 2}}})
def test_any_mapping_describes_a_data_set_or_is_refused_in_one_sentence(changes: dict[str, Any]) -> None:
    assert outcome(changes) in ("a data set", "refused in one sentence")


def outcome(changes: dict[str, Any]) -> str:
    try:
        description = load_dataset_description(described() | changes)
    except UserError as error:
        return "refused in one sentence" if "\n" not in str(error) else str(error)
    return "a data set" if description.source.chosen else repr(description)


def test_a_file_s_own_name_stands_in_the_sentence(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(described(sorce=1)))
    with pytest.raises(UserError, match=r"mine\.yaml: unknown key 'sorce'"):
        load_dataset_description(file)
    file.write_text("name: [")
    with pytest.raises(UserError, match="cannot be read as YAML"):
        load_dataset_description(file)
    with pytest.raises(UserError, match="no data-set file"):
        load_dataset_description(tmp_path / "absent.yaml")


def test_the_template_shows_every_key() -> None:
    text = (CONFIG / "template.yaml").read_text()
    keys = [key for key in keys_of(DatasetDescription) if not key.startswith("source.phantom.")]
    assert [key for key in keys if f"{key.rpartition('.')[2]}:" not in text] == []
