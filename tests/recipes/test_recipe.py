"""What carries out the recipes."""

from pathlib import Path

import pytest

from .recipe import Block, Scratch, blocks_of, patched, section

PAGE = """
```python title="a/new.py"
x = 1
```

Then:

```diff title="a/old.py"
 one
+two
-three
```

```python title="a/new.py, at the end"
y = 2
```

```text
passed over
```

```bash
test -f a/new.py
echo done > out
```
"""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    monkeypatch.setitem(Scratch.__init__.__globals__, "checkout_files", list)
    return Scratch(tmp_path)


def test_blocks_are_carried_out_in_their_order(scratch: Scratch):
    scratch.write(Block("python", "a/old.py", "one\nthree\nfour\n"))
    scratch.follow(blocks_of(PAGE))
    assert (scratch.root / "a/new.py").read_text() == "x = 1\n\n\ny = 2\n"
    assert (scratch.root / "a/old.py").read_text() == "one\ntwo\nfour\n"
    assert (scratch.root / "out").read_text() == "done\n"


def test_a_command_that_fails_and_a_file_that_exists_are_failures(scratch: Scratch):
    with pytest.raises(AssertionError, match="`echo why; false` failed:\nwhy"):
        scratch.follow([Block("bash", "", "echo why; false\n")])
    scratch.write(Block("python", "a.py", ""))
    with pytest.raises(AssertionError, match=r"a\.py exists already"):
        scratch.write(Block("python", "a.py", ""))


@pytest.mark.parametrize("text", ["other\n", "one\none\n"])
def test_a_change_needs_its_place(text: str):
    with pytest.raises(AssertionError, match=r"a\.py does not have these lines exactly once:\none"):
        patched(text, Block("diff", "a.py", " one\n+two\n"))


def test_a_section_ends_at_the_next_heading_of_its_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "page.md").write_text("# A\na\n## B\nb\n```bash\n# no heading\n```\n### C\nc\n## D\nd\n")
    monkeypatch.setitem(section.__globals__, "ROOT", tmp_path)
    assert section("page.md", "B") == "b\n```bash\n# no heading\n```\n### C\nc\n"
    with pytest.raises(AssertionError, match="has no heading 'E'"):
        section("page.md", "E")


@pytest.mark.slow
def test_a_copy_is_of_this_checkout_and_runs_by_itself(tmp_path: Path):
    scratch = Scratch(tmp_path)
    where = scratch.run(".venv/bin/python -c 'import nnunet_losses; print(nnunet_losses.__file__)'")
    assert where.strip() == str(tmp_path / "nnunet_losses/__init__.py")
