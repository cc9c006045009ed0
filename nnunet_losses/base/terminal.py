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
        "’": "'", "₊": "+", "⁻": "^-", "λ": "lambda", "Λ": "lambda",
    }
)  # fmt: skip
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BYTES = re.compile("([\udc80-\udcff]+)")  # of names of files that are not in the file system's encoding


def prepare_streams() -> None:
    """Let standard output and error take any text, whatever their encoding: nothing that is said ends a command."""
    codecs.register_error(SPELT, spell)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=SPELT)


def spell(error: UnicodeError) -> tuple[bytes, int]:
    """Spell what an encoding lacks: ``→`` as ``->``, ``α`` as ``alpha``, ``é`` as ``e``, others by their number.

    Names of files stay exact. Where Python reads them as ASCII, their other bytes are printed as they are if they are
    UTF-8, which is what terminals show in a C locale, too.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    parts = _BYTES.split(error.object[error.start : error.end])
    spelt = [_file_name(part) if i % 2 else "".join(map(_spelt, part)).encode() for i, part in enumerate(parts)]
    return b"".join(spelt), error.end


def without_controls(text: str) -> str:
    """Text without the characters that steer a terminal, which names of foreign files may hold; lines are kept."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def _file_name(escaped: str) -> bytes:
    content = escaped.encode("ascii", "surrogateescape")
    try:
        return content if without_controls(text := content.decode()) == text else text.encode("unicode_escape")
    except UnicodeDecodeError:
        return content.decode("ascii", "backslashreplace").encode()


def _spelt(character: str) -> str:
    if (sign := character.translate(_SIGNS)).isascii():
        return sign
    name = unicodedata.name(character, "")
    if name.startswith(("GREEK SMALL LETTER ", "GREEK CAPITAL LETTER ")):
        return name.split()[3].lower()
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode("ascii")
    return plain or character.encode("ascii", "backslashreplace").decode("ascii")
