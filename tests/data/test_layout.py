"""dataset.json may be wrong or hostile: it costs no file outside, and no case without a word."""

import hashlib
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.inspection import inspect_dataset
from nnunet_losses.data.layout import list_cases
from nnunet_losses.data.raw import prepare_raw

Write = Callable[..., None]
NAME = "Dataset077_Prepared"


def edit(folder: Path, **changes: object) -> None:
    path = folder / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def table(folder: Path, **changes: dict[str, object]) -> dict[str, object]:
    """The files of the folder, as dataset.json lists them."""
    entries: dict[str, object] = {}
    for label in (folder / "labelsTr").iterdir():
        case = label.name.removesuffix(".nii.gz")
        images = [f"imagesTr/{case}_{channel:04d}.nii.gz" for channel in range(2)]
        entries[case] = {"images": images, "label": f"labelsTr/{case}.nii.gz"}
    return {**entries, **changes}


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def serve(web: tuple[str, Path]) -> Callable[[Path], dict[str, object]]:
    """Offer a folder as an archive; the source that downloads it."""

    def offer(folder: Path) -> dict[str, object]:
        address, served = web
        with tarfile.open(served / "a.tar", "w") as archive:
            archive.add(folder, folder.name)
        checksum = "sha256:" + hashlib.sha256((served / "a.tar").read_bytes()).hexdigest()
        return {"download": {"url": f"{address}/a.tar", "checksum": checksum}}

    return offer


def prepare(source: dict[str, object], tmp_path: Path) -> Path:
    description = {"name": NAME, "source": source}
    return prepare_raw(description, tmp_path / "prepared", downloads_dir=tmp_path / "downloads", progress=False)


@pytest.mark.parametrize("path", ["absolute", "../../../precious/b.nii.gz", "labelsTr/../../../../precious/b.nii.gz"])
def test_a_downloaded_dataset_json_cannot_reach_files_outside(
    raw_dataset: Path, tmp_path: Path, serve: Callable[[Path], dict[str, object]], path: str
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (raw_dataset / "labelsTr/b.nii.gz").rename(precious / "b.nii.gz")
    before = snapshot(precious)
    label = str(precious / "b.nii.gz") if path == "absolute" else path
    images = [f"imagesTr/b_{channel:04d}.nii.gz" for channel in range(2)]
    edit(raw_dataset, dataset=table(raw_dataset, b={"images": images, "label": label}))
    with pytest.raises(UserError, match=r"lies outside the downloaded data; do not trust these data"):
        prepare(serve(raw_dataset), tmp_path)
    assert snapshot(precious) == before
    assert not (tmp_path / "prepared" / NAME).exists()


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("name", ["absolute", "../../b", "a\nb", "", "b\x00", "..", "\u202eb", "b\\c", "b" * 201])
def test_a_case_name_that_is_a_path_or_cannot_be_printed_is_refused(
    raw_dataset: Path, tmp_path: Path, serve: Callable[[Path], dict[str, object]], name: str, local: bool
) -> None:
    precious = tmp_path / "precious_0000.nii.gz"
    precious.write_text("precious")
    entry = {"images": ["imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz"], "label": "labelsTr/a.nii.gz"}
    given = str(tmp_path / "precious") if name == "absolute" else name
    edit(raw_dataset, dataset=table(raw_dataset, **{given: entry}))
    with pytest.raises(UserError, match=r"the case name '.*' (holds|is|begins)") as refusal:
        prepare({"path": str(raw_dataset)} if local else serve(raw_dataset), tmp_path)
    assert str(refusal.value).isprintable()
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("ending", [5, "", None, ["x"], "nii.gz", "./../x", ".nii\n.gz", ". gz"])
def test_a_file_ending_that_is_none_is_refused(raw_dataset: Path, tmp_path: Path, ending: object) -> None:
    edit(raw_dataset, file_ending=ending, dataset=table(raw_dataset))
    with pytest.raises(UserError, match="file_ending must be text such as"):
        prepare({"path": str(raw_dataset)}, tmp_path)
    with pytest.raises(UserError, match="file_ending must be text such as"):
        inspect_dataset(raw_dataset)


def test_a_user_s_own_folder_may_name_images_elsewhere_and_they_are_only_read(
    raw_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELSEWHERE", str(tmp_path / "elsewhere"))
    (raw_dataset / "labelsTr").rename(tmp_path / "elsewhere")
    edit(
        raw_dataset,
        dataset={
            case: {
                "images": [f"../Dataset042_Small/imagesTr/{case}_{channel:04d}.nii.gz" for channel in range(2)],
                "label": f"$ELSEWHERE/{case}.nii.gz",
            }
            for case in "abc"
        },
    )
    before = snapshot(tmp_path)
    folder = prepare({"path": str(raw_dataset)}, tmp_path)
    assert len(inspect_dataset(folder).cases) == 3
    assert {path: content for path, content in snapshot(tmp_path).items() if path in before} == before


def test_one_file_may_serve_two_cases_of_an_archive(
    raw_dataset: Path, tmp_path: Path, serve: Callable[[Path], dict[str, object]]
) -> None:
    entry = {"images": ["imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz"], "label": "labelsTr/a.nii.gz"}
    edit(raw_dataset, dataset=table(raw_dataset, d=entry), numTraining=4)
    assert len(inspect_dataset(prepare(serve(raw_dataset), tmp_path)).cases) == 4


@pytest.mark.parametrize(
    ("dataset", "sentence"),
    [
        (["a", "b"], "'dataset' must be a table of case"),
        ({"a": ["x"]}, "the case 'a' of 'dataset' must have 'images'"),
        ({"a": {"images": "x.nii.gz", "label": "y.nii.gz"}}, "must have 'images', a list of files"),
        ({"a": {"images": [], "label": "y.nii.gz"}}, "must have 'images', a list of files"),
        ({"a": {"images": ["x.nii.gz"]}}, "has no 'label'"),
        ({"a": {"images": ["x.nii.gz"], "label": 5}}, "names the file 5"),
        ({"a": {"images": ["x.nii.gz"], "label": "y\n.nii.gz"}}, r"names the file 'y\n.nii.gz'"),
        ({"a": {"images": ["x.mha"], "label": "y.nii.gz"}}, "does not end in '.nii.gz'"),
    ],
)
def test_a_table_of_another_form_is_one_sentence(raw_dataset: Path, dataset: object, sentence: str) -> None:
    edit(raw_dataset, dataset=dataset)
    with pytest.raises(UserError) as refusal:
        inspect_dataset(raw_dataset)
    assert sentence in str(refusal.value)


def test_brackets_nested_deeply_are_one_sentence(raw_dataset: Path) -> None:
    (raw_dataset / "dataset.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match="nested too deeply"):
        inspect_dataset(raw_dataset)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("imagesTr/d.nii.gz", "imagesTr/d.nii.gz has no channel number"),
        ("labelsTr/d.nii.gz", "labelsTr/d.nii.gz has no image in imagesTr"),
        ("imagesTr/d_0000.nii", "imagesTr/d_0000.nii does not end in '.nii.gz'"),
        ("imagesTr/d_0000.NII.GZ", "imagesTr/d_0000.NII.GZ does not end in '.nii.gz'"),
        ("imagesTr/d\ne_0000.nii.gz", r"the character '\n'"),
    ],
)
@pytest.mark.parametrize("local", [True, False])
def test_prepare_leaves_no_case_out_silently(
    raw_dataset: Path,
    tmp_path: Path,
    serve: Callable[[Path], dict[str, object]],
    file: str,
    sentence: str,
    local: bool,
) -> None:
    (raw_dataset / file).write_bytes(b"")
    with pytest.raises(UserError) as refusal:
        prepare({"path": str(raw_dataset)} if local else serve(raw_dataset), tmp_path)
    assert sentence in str(refusal.value)
    assert not (tmp_path / "prepared" / NAME).exists()


def test_prepare_does_not_correct_the_number_of_cases_silently(raw_dataset: Path, tmp_path: Path) -> None:
    edit(raw_dataset, numTraining=5)
    with pytest.raises(UserError, match="says numTraining 5, but there are 3 cases"):
        prepare({"path": str(raw_dataset)}, tmp_path)


def test_a_decathlon_task_that_lacks_files_is_refused_with_all_of_them(tmp_path: Path, write_image: Write) -> None:
    folder = tmp_path / "Task99_Toy"
    for file in ("imagesTr/a", "imagesTr/b", "labelsTr/b", "labelsTr/c", "imagesTr/d", "labelsTr/d"):
        write_image(folder / f"{file}.nii.gz", np.ones((4, 4, 4), np.uint8))
    content = {
        "modality": {"0": "MRI"},
        "labels": {"0": "background", "1": "tumour"},
        "training": [{"image": f"./imagesTr/{case}.nii.gz", "label": f"./labelsTr/{case}.nii.gz"} for case in "abe"],
    }
    (folder / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="has 4 problems") as refusal:
        prepare({"path": str(folder)}, tmp_path)
    for sentence in (
        "imagesTr has no image of 'c', which has a label.",
        "labelsTr has no label of 'a', which has an image.",
        "dataset.json lists 'e', which has no image.",
        "dataset.json does not list 'd', which has an image.",
    ):
        assert sentence in str(refusal.value)


@pytest.mark.parametrize("labels", [["background"], None, {"zero": "background"}, {"0": 0}])
def test_a_decathlon_task_with_labels_of_another_form_is_one_sentence(
    tmp_path: Path, write_image: Write, labels: object
) -> None:
    folder = tmp_path / "Task99_Toy"
    for file in ("imagesTr/a", "labelsTr/a"):
        write_image(folder / f"{file}.nii.gz")
    (folder / "dataset.json").write_text(json.dumps({"modality": {"0": "MRI"}, "labels": labels}))
    with pytest.raises(UserError, match="labels must be a table such as"):
        prepare({"path": str(folder)}, tmp_path)


@pytest.mark.parametrize("values", [np.nan, np.inf, -np.inf])
def test_an_image_that_is_not_finite_is_named(raw_dataset: Path, write_image: Write, values: float) -> None:
    voxels = np.full((12, 10, 8), 3.0, np.float32)
    voxels[2, 2, 2:4] = values
    write_image(raw_dataset / "imagesTr/b_0001.nii.gz", voxels)
    with pytest.raises(UserError, match=r"image b_0001.nii.gz holds NaN or infinity in 2 voxels"):
        inspect_dataset(raw_dataset)


def test_an_empty_image_is_named(raw_dataset: Path) -> None:
    (raw_dataset / "imagesTr/b_0001.nii.gz").write_bytes(b"")
    with pytest.raises(UserError, match=r"imagesTr/b_0001.nii.gz is an empty file \(0 bytes\)"):
        inspect_dataset(raw_dataset)


def test_the_cases_of_a_sound_folder_are_listed(raw_dataset: Path) -> None:
    content = json.loads((raw_dataset / "dataset.json").read_text())
    cases = list_cases(raw_dataset, content, downloaded=True)
    assert list(cases) == ["a", "b", "c"]
    assert cases["b"].images == {c: raw_dataset / f"imagesTr/b_000{c}.nii.gz" for c in range(2)}
    assert list_cases(raw_dataset, content | {"dataset": table(raw_dataset)}, downloaded=True) == cases
