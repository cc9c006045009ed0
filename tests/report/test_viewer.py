"""The slice viewer: what is in its page, and that the voxels come back as they were."""

import base64
import dataclasses
import gzip
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from nnunet_losses.report import Comparison, write_report
from nnunet_losses.report.viewer import crop_box, packed, verdicts, viewer

from .conftest import TRAINERS, make_gallery, make_statistics, make_tables


@pytest.fixture(scope="module")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    tables = make_tables(TRAINERS[:2], cases=5)
    tables["cases"]["case"] = tables["cases"]["case"].str.replace("phantom", "</script><b>")
    folder = tmp_path_factory.mktemp("gallery")
    plain = make_gallery(folder, make_tables(TRAINERS[:2], cases=5))
    gallery = plain.assign(case=plain["case"].str.replace("phantom", "</script><b>"))
    statistics = make_statistics(tables)
    return Comparison(
        tables=tables, statistics=statistics, gallery=gallery, title="A <b>title</b>", baseline=TRAINERS[0]
    )


def volumes(page: str) -> list[dict]:
    return json.loads(re.search(r'id="volumes">(.*?)</script>', page, re.DOTALL)[1])


def unpacked(text: str, shape: list[int]) -> np.ndarray:
    return np.frombuffer(gzip.decompress(base64.b64decode(text)), dtype=np.uint8).reshape(shape)


def test_voxels_are_judged_one_by_one() -> None:
    reference, prediction = np.array([0, 1, 1, 0, 2]), np.array([0, 1, 0, 1, 1])
    assert verdicts(reference, prediction).tolist() == [0, 1, 2, 3, 2]


def test_a_volume_comes_back_as_it_was() -> None:
    volume = np.random.default_rng(0).integers(0, 255, (3, 4, 5), dtype=np.uint8)
    assert (unpacked(packed(volume), [3, 4, 5]) == volume).all()


def test_the_box_holds_every_mask_with_a_margin_in_mm_inside_the_volume() -> None:
    one, other = np.zeros((2, 50, 60, 20), dtype=np.uint8)
    one[20, 30, 2], other[25, 30, 10] = 1, 1
    assert crop_box([one, other], (1.0, 3.0, 5.0)) == (slice(5, 41), slice(25, 36), slice(0, 14))
    assert crop_box([one * 0], (1.0, 1.0, 1.0)) == (slice(0, 50), slice(0, 60), slice(0, 20))


def test_every_case_and_loss_of_the_gallery_is_there(pictured: Comparison) -> None:
    page = viewer(pictured)
    assert page is not None
    entries = volumes(page)
    assert len(entries) >= 3
    for entry in entries:
        assert {loss["name"] for loss in entry["losses"]} == {pictured.name(t) for t in TRAINERS[:2]}
        grey = unpacked(entry["image"], entry["shape"])
        codes = [unpacked(loss["codes"], entry["shape"]) for loss in entry["losses"]]
        assert grey.max() == 255
        # Found and missed voxels together are the reference, whatever the loss.
        assert (np.isin(codes[0], (1, 2)) == np.isin(codes[1], (1, 2))).all()
        assert (codes[0] == 1).any()


def test_flat_pictures_are_counted_in_pixels(pictured: Comparison) -> None:
    flat = {**pictured.tables, "lesions": pictured.tables["lesions"].assign(dimensions=2)}
    for given, element in ((pictured, "voxel"), (dataclasses.replace(pictured, tables=flat), "pixel")):
        page = viewer(given)
        assert page is not None
        assert {entry["element"] for entry in volumes(page)} == {element}
        assert "${count[1]} ${element}s found" in page


def test_names_cannot_leave_their_place_and_nothing_is_loaded(pictured: Comparison) -> None:
    page = viewer(pictured)
    assert page is not None
    assert page.count("</script>") == 2
    assert "<b>" not in page
    assert not re.search(r"""(src|href)=["'](?!report\.html)""", page)
    assert "http" not in page.replace("http-equiv", "")


def test_a_policy_admits_this_script_and_style_alone(pictured: Comparison) -> None:
    page = viewer(pictured)
    assert page is not None
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)[1]
    assert policy.startswith("default-src 'none'; ")
    script, style = (re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1] for tag in ("script", "style"))
    for name, content in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"; {name} 'sha256-{digest}'; " in policy
    assert not re.search(r"<[^>]* (style|on\w+)=", page)


def test_a_full_page_says_what_it_left_out(pictured: Comparison) -> None:
    assert viewer(pictured, most_bytes=10) is None
    one = len(json.dumps(volumes(viewer(pictured) or "")[0]))
    page = viewer(pictured, most_bytes=one + 100)
    assert page is not None and "left out to keep this page below 15 MB" in page


@pytest.mark.slow
def test_the_report_links_it_only_if_it_was_written(tmp_path: Path, pictured: Comparison) -> None:
    values = {"values": pictured.statistics["values"]}
    with_pictures = dataclasses.replace(pictured, tables={"cases": pictured.cases}, statistics=values)
    path = write_report(tmp_path / "a", with_pictures, viewer=True)
    assert (tmp_path / "a" / "viewer.html").is_file() and 'href="viewer.html"' in path.read_text()
    path = write_report(tmp_path / "b", dataclasses.replace(with_pictures, gallery=None), viewer=True)
    assert not (tmp_path / "b" / "viewer.html").exists() and "viewer.html" not in path.read_text()


def test_a_colour_picture_keeps_its_colours(tmp_path: Path) -> None:
    tables = make_tables(TRAINERS[:1], cases=2)
    gallery = make_gallery(tmp_path, tables)
    image = np.random.default_rng(0).integers(0, 255, (30, 20, 3), dtype=np.uint8)
    mask = np.zeros((30, 20), np.uint8)
    mask[10:15, 5:9] = 1
    for name, array in (("image", image), ("reference", mask)):
        sitk.WriteImage(sitk.GetImageFromArray(array, isVector=array.ndim == 3), str(tmp_path / f"{name}.png"))
    gallery = gallery.assign(image=str(tmp_path / "image.png"), reference=str(tmp_path / "reference.png"))
    gallery["prediction"] = gallery["reference"]
    page = viewer(
        Comparison(tables=tables, statistics=make_statistics(tables), gallery=gallery, title="T", baseline=TRAINERS[0])
    )
    assert page is not None
    entry = volumes(page)[0]
    assert (entry["channels"], entry["shape"][2]) == (3, 1)
    shown = unpacked(entry["image"], [*entry["shape"], 3])
    x, y = entry["offset"][:2]
    stored = image.swapaxes(0, 1)[::-1, ::-1]  # to the patient's right and front
    np.testing.assert_array_equal(shown[:, :, 0], stored[x : x + shown.shape[0], y : y + shown.shape[1]])
