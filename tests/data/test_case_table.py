"""What is known of the cases, from a CSV file."""

from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.case_table import read_case_column, read_text_table, repeated_patients
from nnunet_losses.data.description import load_dataset_description
from nnunet_losses.data.summary import read_lesion_counts


def test_a_column_is_read_by_case_as_text(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("\ufeffcase,patient\nb,007\na,NA\nc,\n", encoding="utf-8")
    assert read_case_column(tmp_path / "cases.csv", "patient", ["a", "b"]) == {"a": "NA", "b": "007"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "There is no case table .*cases.csv; correct 'case_table'"),
        ("", "is empty"),
        ("case,site\na,1\n", "has no column 'patient'; it has case, site"),
        ("name,patient\na,1\n", "has no column 'case'"),
        ("case,patient\na,1\na,2\n", "has the case a twice"),
        ("case,patient\nb,1\n", "has no value of 'patient' for the case a"),
        ("case,patient\na,\n", "has no value of 'patient' for the case a"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "cases.csv").write_text(content)
    with pytest.raises(UserError, match=sentence):
        read_case_column(tmp_path / "cases.csv", "patient", ["a"])


def test_the_table_lies_in_the_source_or_where_its_path_says() -> None:
    def lies(table: str) -> Path | None:
        source = {"name": "Dataset042_Small", "source": {"path": "/data/x"}, "case_table": table}
        return load_dataset_description(source).case_table_file

    assert lies("cases.csv") == Path("/data/x/cases.csv")
    assert lies("/other/cases.csv") == Path("/other/cases.csv")


def test_lesions_of_all_labels_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    file.write_text('{"cases": [{"case": "a", "lesion_voxels": {"x": [3, 1], "y": [7]}}]}')
    assert read_lesion_counts(file, ["a"]) == {"a": 3}
    with pytest.raises(UserError, match="has no case b"):
        read_lesion_counts(file, ["b"])
    file.write_text("[]")
    with pytest.raises(UserError, match="cannot be read as a summary"):
        read_lesion_counts(file, ["a"])


def test_patients_matter_where_one_has_several_cases(tmp_path: Path) -> None:
    assert repeated_patients(tmp_path, ["a", "b"]) is None
    (tmp_path / "cases.csv").write_text("case,patient\na,1\nb,1\nc,2\n")
    assert repeated_patients(tmp_path, ["a", "b"]) == {"a": "1", "b": "1"}
    assert repeated_patients(tmp_path, ["b", "c"]) is None
    (tmp_path / "cases.csv").write_text("case,site\na,1\n")
    assert repeated_patients(tmp_path, ["a"]) is None


@pytest.mark.parametrize(
    "content",
    [
        "case;site\na;X, Y\nb;\n".encode("utf-8-sig"),
        "case\tsite\na\tX, Y\nb\t\n".encode("utf-16"),
        b'case, site,\r\na, "X, Y",\r\n,,\r\n\r\nb ,,\r\n',
        b'\ncase,site\ra,"X, Y"\rb\r',
    ],
)
def test_a_table_is_read_as_spreadsheets_of_any_country_write_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    table = read_text_table(tmp_path / "t.csv", "table", "")
    assert table.to_dict("list") == {"case": ["a", "b"], "site": ["X, Y", ""]}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("case,site\na,Zürich\n".encode("latin-1"), "is no text in UTF-8; save it as 'CSV UTF-8'"),
        (b"case,site,site\n", "has the column 'site' twice"),
        (b"case,site\na,X, Y\n", "has 3 cells in the row of 'a', but 2 columns; put quotation marks"),
        (b'case,site\na,"' + b"x" * 200_000, "cannot be read as CSV: field larger than field limit"),
        (b"\n\n", "is empty"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_text_table(tmp_path / "t.csv", "table", "")
