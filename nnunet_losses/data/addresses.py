"""Addresses, patterns, checksums and limits of downloads, as data-set files hold them."""

import os
import re
import string
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from nnunet_losses.base.config import ConfigModel, Line, Says, key
from nnunet_losses.base.names import name_problem

CHECKSUM = r"^(md5:[0-9a-f]{32}|sha1:[0-9a-f]{40}|sha256:[0-9a-f]{64})$"


def expand_variables(text: str) -> str:
    """Replace every ``${NAME}`` by the environment's value.

    Raises:
        ValueError: the variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise ValueError(f"uses ${{{name}}}, which is not set; run 'export {name}=...' first")
        return os.environ[name]

    return re.sub(r"\$\{(\w+)\}", value, text)


def _pattern(text: str) -> str:
    try:
        fields = [field for field in string.Formatter().parse(text) if field[1] is not None]
    except ValueError as error:
        raise ValueError(f"'{text}' is not a pattern ({error}); write the case's number as {{case:02d}}") from None
    if not fields:
        raise ValueError(f"'{text}' does not depend on the case; write its number as {{case:02d}}")
    for _, name, spec, conversion in fields:
        if name != "case" or conversion or not re.fullmatch(r"(0?\d)?d?", spec or ""):
            raise ValueError(f"'{text}' is not a pattern; write the case's number as {{case:02d}}")
    return text


def _name_of_case(pattern: str) -> str:
    if problem := name_problem(pattern.format(case=0)):
        raise ValueError(f"'{pattern}' {problem}; give a name that a file can have, such as patient{{case:02d}}")
    return pattern


def is_web_address(url: str) -> bool:
    """Whether ``url`` is an address that can be downloaded from."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _address(url: str) -> str:
    if not is_web_address(url):
        raise ValueError(f"'{url}' is not a web address (http:// or https://); for files of your own, use 'path'")
    return url


Expanded = Annotated[Line, AfterValidator(expand_variables)]
Pattern = Annotated[Expanded, AfterValidator(_pattern), Says("text that holds the case's number: {case:02d}")]
Address = Annotated[Expanded, AfterValidator(_address), Says("an address that begins with https:// or http://")]
AddressPattern = Annotated[Pattern, AfterValidator(_address), Says("an address with the case's number: {case:02d}")]
CaseName = Annotated[Pattern, AfterValidator(_name_of_case)]


class Limits(ConfigModel):
    """Limits beyond which an archive is refused as a decompression bomb, that is, one made to fill a disk."""

    size_gb: float = key("largest size of an archive's unpacked content", default=500.0, unit="GB", gt=0)
    ratio: float = key(
        "largest ratio of unpacked to packed size; up to 0.1 GB, any ratio is allowed", default=100.0, ge=1
    )
    files: int = key("largest number of files in an archive", default=200_000, ge=1)
