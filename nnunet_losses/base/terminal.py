"""What a terminal can show: signs that it does not know are written in ASCII, and text cannot steer it."""

import codecs
import io
import re
import sys
import unicodedata

SPELT = "nnunet_losses.spelt"
"""The name of `spell` as an error handler of Python's encoders."""
_SIGNS = str.maketrans(
    {
        "█": "#", "░": ":", "─": "-", "│": "|", "┤": "|", "└": "+", "·": "-", "–": "-", "—": "-", "−": "-", "×": "x",
        "…": "...", "→": "->", "≥": ">=", "≤": "<=", "≠": "!=", "Σ": "sum", "∂": "d", "“": '"', "”": '"', "‘": "'",
        "’": "'", "₊": "+", "⁻": "^-",
    }
)  # fmt: skip
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def prepare_streams() -> None:
    """Let standard output and error take any text, whatever their encoding: nothing that is said ends a command."""
    codecs.register_error(SPELT, spell)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=SPELT)


def spell(error: UnicodeError) -> tuple[str, int]:
    """Spell what an encoding lacks: ``→`` as ``->``, ``α`` as ``alpha``, ``é`` as ``e``, others by their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_spelt, error.object[error.start : error.end])), error.end


def without_controls(text: str) -> str:
    """Text without the characters that steer a terminal, which names of foreign files may hold; lines are kept."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def _spelt(character: str) -> str:
    if (sign := character.translate(_SIGNS)).isascii():
        return sign
    name = unicodedata.name(character, "")
    if name.startswith(("GREEK SMALL LETTER ", "GREEK CAPITAL LETTER ")):
        return name.split()[3].lower()
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode("ascii")
    return plain or character.encode("ascii", "backslashreplace").decode("ascii")
