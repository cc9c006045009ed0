"""config/README.md is made from the config models."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_key_reference_is_up_to_date() -> None:
    specification = importlib.util.spec_from_file_location("config_reference", ROOT / "docs" / "config_reference.py")
    assert specification is not None and specification.loader is not None
    made = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(made)
    text = made.README.read_text(encoding="utf-8")
    assert made.with_reference(text) == text, "run `make reference`"
    assert text.count("| `") > 50
