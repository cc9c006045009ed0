"""Config models: strict about types, and every mistake said in one sentence that a person can act on."""

import math
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import Field

from nnunet_losses.base.config import ConfigModel, Different, Line, Many, Pair, checked, key, key_tables, read_yaml
from nnunet_losses.base.errors import UserError


class Inner(ConfigModel):
    """The inner section."""

    share: float = key("a share", default=0.5, ge=0, le=1)
    size: float | None = key("a size", default=None, gt=0, unit="mm", absent="the image's")


class Outer(ConfigModel):
    """The outer section."""

    name: Line = key("the name")
    count: int = key("a count", default=3, ge=1, le=1_000)
    exact: bool = key("a switch", default=False)
    mode: Literal["fast", "slow"] = key("a mode", default="fast")
    seeds: Annotated[Many[Annotated[int, Field(ge=1)]], Field(max_length=30), Different] = key("seeds", default=(1, 2))
    limits: Pair[float] = key("limits", default=(1.0, 2.0))
    inner: Inner = key("the inner section", default=Inner())


def test_defaults_are_filled_in_and_an_empty_key_counts_as_left_out() -> None:
    made = checked(Outer, {"name": "a", "inner": None, "count": None, "limits": [3, 4]}, "file")
    assert made == Outer(name="a", limits=(3.0, 4.0))
    assert made.plain() == {
        "name": "a", "count": 3, "exact": False, "mode": "fast", "seeds": [1, 2], "limits": [3.0, 4.0],
        "inner": {"share": 0.5},
    }  # fmt: skip
    assert checked(Outer, made.plain(), "file") == made


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cuont": 3}, "unknown key 'cuont'; did you mean 'count'?"),
        ({"share": 0.1}, "unknown key 'share'; did you mean 'inner.share'?"),
        ({"inner": {"zzz": 1}}, "unknown key 'zzz' in inner; the keys there are share, size."),
        ({"zzz": 1, "count": "x"}, "unknown key 'zzz'; the keys here are name, count, exact, mode, seeds, limits, in"),
        ({"a\nb": 1}, r"unknown key 'a\nb'; the keys"),
        ({1: 1}, "the key 1 must be text; put it in quotes."),
        ({"name": None}, "name is empty; give it a value."),
        ({"name": ""}, "name must be text, got ''."),
        ({"name": 7}, "name must be text, got 7; put it in quotes."),
        ({"name": "a\nb"}, r"name must be one line of printable text, got 'a\nb'."),
        ({"name": "x" * 400}, "name is too long (400); at most 300 are allowed."),
        ({"count": True}, "count must be a whole number from 1 to 1,000, got true."),
        ({"count": 2.0}, "count must be a whole number from 1 to 1,000, got 2.0."),
        ({"count": "2"}, "count must be a whole number from 1 to 1,000, got '2'; write it without quotes."),
        ({"count": 10**30}, f"count must be a whole number from 1 to 1,000, got {10**30}."),
        ({"count": 10**5000}, "count must be a whole number from 1 to 1,000, got a value too long to show."),
        ({"exact": "yes"}, "exact must be true or false, got 'yes'."),
        ({"mode": "medium"}, "mode must be one of fast, slow, got 'medium'."),
        ({"seeds": 4}, "seeds must be a list of whole numbers of at least 1, got 4; put it in square brackets."),
        ({"seeds": [1, 0]}, "seeds.1 must be a whole number of at least 1, got 0."),
        ({"seeds": [2, 2]}, "seeds lists 2 twice; remove one."),
        ({"seeds": [*range(1, 99)]}, "seeds is too long (98); at most 30 are allowed."),
        ({"limits": [1]}, "limits must be a list of 2 numbers, got [1]."),
        ({"limits": [1, 2, 3]}, "limits must be a list of 2 numbers, got [1, 2, 3]."),
        ({"limits": [1, math.nan]}, "limits.1 must be a number, got nan."),
        ({"limits": [1, 10**400]}, "limits.1 must be a number, got 1000"),
        ({"inner": []}, "inner must be a table with the keys share, size, got []."),
        ({"inner": {"share": math.inf}}, "inner.share must be a number from 0 to 1, got inf."),
        ({"inner": {"size": 0}}, "inner.size must be a number above 0, got 0."),
        ({"inner": {"size": "1e3"}}, "got '1e3'; write it without quotes and as YAML writes a power of ten, 1.0e-3."),
        ({"mode": ["x" * 500]}, f"mode must be one of fast, slow, got ['{'x' * 75}..."),
    ],
)
def test_a_mistake_gets_one_sentence(changes: dict[Any, Any], sentence: str) -> None:
    with pytest.raises(UserError) as refusal:
        checked(Outer, {"name": "a", **changes}, "file.yaml")
    assert sentence in str(refusal.value).removeprefix("file.yaml: ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("content", [None, [], "text", 3])
def test_what_is_no_table_is_refused(content: Any) -> None:
    with pytest.raises(UserError, match=r"^file: it must be a table with the keys name, count, .*, got "):
        checked(Outer, content, "file")


def test_a_required_key_is_asked_for_with_what_it_must_be() -> None:
    with pytest.raises(UserError, match=r"^file: the key 'name' is missing; add it: text\.$"):
        checked(Outer, {}, "file")


def test_what_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(UserError, match=r"seeds\.0 must be a whole number of at least 1, got a value too long to show"):
        checked(Outer, {"name": "a", "seeds": endless}, "file")


def test_the_reference_has_type_default_unit_and_meaning_of_every_key() -> None:
    assert key_tables(Outer, title="Keys").split("\n\n") == [
        "## Keys",
        "The outer section.",
        "\n".join(
            [
                "| key | type | default | unit | meaning |",
                "|---|---|---|---|---|",
                "| `name` | text | required |  | the name |",
                "| `count` | whole number from 1 to 1,000 | `3` |  | a count |",
                "| `exact` | true or false | `false` |  | a switch |",
                "| `mode` | one of fast, slow | `fast` |  | a mode |",
                "| `seeds` | list of whole numbers of at least 1 | `[1, 2]` |  | seeds |",
                "| `limits` | list of 2 numbers | `[1.0, 2.0]` |  | limits |",
            ]
        ),
        "### `inner`",
        "The inner section.",
        "\n".join(
            [
                "| key | type | default | unit | meaning |",
                "|---|---|---|---|---|",
                "| `inner.share` | number from 0 to 1 | `0.5` |  | a share |",
                "| `inner.size` | number above 0 | the image's | mm | a size |",
            ]
        ),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: {c: 1, d: 2, c: 3}", "line 2: the key 'c' is already in line 2; remove one."),
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' is already in line 1; remove one."),
        ("a: [1", "line 1, cannot be read as YAML: expected ',' or ']', but got '<stream end>'."),
        ("a: 1\n b: 2", "line 2, cannot be read as YAML: mapping values are not allowed here."),
        ("a:\n\tb: 2", "line 2, cannot be read as YAML: found character '\\t' that cannot start any token."),
        ("a: !!python/object:os.system {}", "line 1, cannot be read as YAML: could not determine a constructor for"),
        ("[a]: {[b]: 1}", "line 1, cannot be read as YAML: found unhashable key."),
        ("a: !!int x", "cannot be read as YAML: invalid literal"),
        ("a: !!bool x", "cannot be read as YAML: 'x'."),
        ("a: 2024-13-45", "cannot be read as YAML: month must be in 1..12."),
        (f"a: {'9' * 5000}", "cannot be read as YAML: Exceeds the limit"),
        ("[" * 1000, "cannot be read as YAML: "),
        ("a: \x07", "cannot be read as YAML: unacceptable character"),
        (b"a: \xff", "cannot be read: 'utf-8' codec can't decode"),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError) as refusal:
        read_yaml(file)
    assert "x.yaml" in str(refusal.value) and sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_file_is_named_for_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^There is no study .*absent\.yaml; correct the path\.$"):
        read_yaml(tmp_path / "absent.yaml", "study")
    with pytest.raises(UserError, match=r"The study .* cannot be read: .*Is a directory"):
        read_yaml(tmp_path, "study")


def test_a_key_may_override_one_that_is_merged_in(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("base: &base {a: 1, b: 2}\nown: {<<: *base, b: 3}\n")
    assert read_yaml(file)["own"] == {"a": 1, "b": 3}


@given(st.text(alphabet="ab:-[]{}!&*#|>?%@\"' \n\t0123e.~<=,/", max_size=40))
@example("? ")
@example("!!null x")
@example("!!omap [1]")
def test_any_text_is_read_or_refused_in_one_sentence(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(text, encoding="utf-8")
    assert outcome(file) in (repr(safely(text)), "refused in one sentence")


def outcome(file: Path) -> str:
    try:
        return repr(read_yaml(file))
    except UserError as error:
        return "refused in one sentence" if "\n" not in str(error) else str(error)


def safely(text: str) -> Any:
    """What PyYAML reads; None where it fails, however it does."""
    try:
        return yaml.safe_load(text)
    except Exception:
        return None
