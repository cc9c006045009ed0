import json
from pathlib import Path

import pytest
import yaml

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.description import Archive, FileByFile, LocalFolder, load_dataset_description
from nnunet_losses.data.phantom import LABELS, Phantom

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
    if isinstance(description.source, Phantom):
        assert description.labels == LABELS[description.source.labels]["labels"]


def test_names_of_the_project_s_data_sets_do_not_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_DATA", "/data")
    numbers = [load_dataset_description(file).name[:10] for file in CONFIG.glob("*.yaml")]
    assert len(set(numbers)) == len(numbers)


def test_each_kind_of_source_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MS_DATA", "/data/ms")
    local = load_dataset_description(described(source={"path": "${MS_DATA}/Dataset030_MSLesions"}))
    assert local.source == LocalFolder(Path("/data/ms/Dataset030_MSLesions"))
    archive = {"url": "https://example.org/a.tar", "checksum": "md5:" + "0" * 32}
    assert load_dataset_description(described(source={"download": archive})).source == Archive(**archive)
    phantom = load_dataset_description(described(source={"phantom": {"shape": [32, 32, 32]}}))
    assert phantom.source == Phantom(shape=(32, 32, 32))
    files = load_dataset_description(described(source={"download": FILES}, labels={"background": 0, "lesion": 1}))
    assert isinstance(files.source, FileByFile)
    assert files.source.cases == (1, 2, 3)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"licens": "CC0"}, "unknown key 'licens'; did you mean 'licence'?"),
        ({"zzz": 1}, "unknown key 'zzz'; valid keys are name, source"),
        ({"name": None}, "the key 'name' is missing"),
        ({"name": "MSLesions"}, "is not a data-set name"),
        ({"name": "Dataset1_MSLesions"}, "is not a data-set name"),
        ({"source": {}}, "exactly one of phantom, path, download"),
        ({"source": {"path": "/x", "phantom": {}}}, "exactly one of phantom, path, download; got path, phantom"),
        ({"source": {"pth": "/x"}}, "source: unknown key 'pth'; did you mean 'path'?"),
        ({"source": "/x"}, "expected a table"),
        ({"source": {"path": "${NOT_SET_ANYWHERE}/x"}}, "${NOT_SET_ANYWHERE}, which is not set"),
        ({"source": {"path": ["a"]}}, "source.path must be text"),
        ({"source": {"download": {"url": "https://x/a.tar"}}}, "the key 'checksum' is missing"),
        ({"source": {"download": {"url": "https://x/a.tar", "checksum": "abc"}}}, "must be md5:, sha1: or sha256:"),
        ({"source": {"download": FILES}}, "add 'labels'"),
        ({"source": {"phantom": {"seeds": 1}}}, "phantom: unknown key 'seeds'; did you mean 'seed'?"),
        ({"labels": {"lesion": 1}}, "'background: 0'"),
        ({"labels": {"background": 0, "lesion": "1"}}, "label 'lesion' must be an integer"),
        ({"labels": {"background": 0, "whole": [1, 2]}}, "'regions_class_order' is needed"),
        ({"licence": 3}, "'licence' must be text"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as refusal:
        load_dataset_description(described(**changes))
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cases": [3, 1]}, "[first number, last number]"),
        ({"cases": None}, "'cases' is missing"),
        ({"images": {}}, "table of channel name: address"),
        ({"case_name": "patient"}, "does not depend on the case"),
        ({"label": "https://x/{number}.nii.gz"}, "is no pattern"),
        ({"checksum": "md5:" + "0" * 32}, "unknown key 'checksum'"),
    ],
)
def test_files_one_by_one_need_patterns(changes: dict[str, object], sentence: str) -> None:
    download = {key: value for key, value in {**FILES, **changes}.items() if value is not None}
    with pytest.raises(UserError) as refusal:
        load_dataset_description(described(source={"download": download}, labels={"background": 0, "lesion": 1}))
    assert sentence in str(refusal.value)


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


def test_a_template_is_documented_key_by_key() -> None:
    text = (CONFIG / "template.yaml").read_text()
    for key in ("name", "source", "path", "download", "url", "checksum", "cases", "case_name", "images", "label"):
        assert f"{key}:" in text
    assert json.dumps(yaml.safe_load(text))
