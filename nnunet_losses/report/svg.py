"""A matplotlib figure as inline, accessible SVG."""

import io
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence

from markupsafe import Markup
from matplotlib.figure import Figure as Canvas

from nnunet_losses.report.style import WIDTH, quiet_figure_style

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
COLUMN_REM = 52  # width of the text column, as in style.css
DEFAULTS = "stroke-linejoin: round; stroke-linecap: butt"  # of every element, as matplotlib means them
_HREF = f"{{{XLINK}}}href"
_USED_ID = re.compile(r"url\(#([^)]+)\)")
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


class StyleSheet:
    """The styles of all drawings of a page as classes: its content security policy forbids ``style`` attributes."""

    def __init__(self) -> None:
        self._classes: dict[str, str] = {}

    def name(self, style: str) -> str:
        """The class of a style; equal styles share one."""
        return self._classes.setdefault(style, f"s{len(self._classes)}")

    @property
    def text(self) -> Markup:
        """The rules, to stand in a ``<style>`` element."""
        rules = [f".{name}{{{style}}}" for style, name in self._classes.items()]
        return Markup("\n".join([f"svg *{{{DEFAULTS}}}", *rules]).replace("<", "\\3c "))


def save_svg(canvas: Canvas) -> bytes:
    """The figure as an SVG file of its own, the same for the same figure."""
    buffer = io.BytesIO()
    with quiet_figure_style():
        canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def to_svg(
    drawing: bytes,
    sheet: StyleSheet,
    *,
    anchor: str,
    title: str,
    description: str,
    tips: Mapping[str, Sequence[str]] | None = None,
) -> Markup:
    """A figure as an ``<svg>`` element with title and description.

    The result is the same for the same figure and style sheet.

    Args:
        drawing: the figure, as `save_svg` gave it.
        sheet: takes the styles of its elements.
        anchor: what its ids start with.
        title: read out first.
        description: read out next.
        tips: gives the marks of a group (an artist's gid) a tooltip each.
    """
    root = ElementTree.fromstring(drawing)
    for metadata in root.findall(f"{{{SVG}}}metadata"):
        root.remove(metadata)
    _add_tips(root, tips or {})
    _scope_ids(root, anchor)
    _describe(root, anchor, title, description)
    _use_classes(root, sheet)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _add_tips(root: ElementTree.Element, tips: Mapping[str, Sequence[str]]) -> None:
    for group in root.iter(f"{{{SVG}}}g"):
        words = tips.get(group.get("id", ""))
        if words is None:
            continue
        marks = [mark for mark in group.iter() if mark.tag in (f"{{{SVG}}}use", f"{{{SVG}}}path")]
        marks = [mark for mark in marks if mark.tag.endswith("use")] or marks
        for mark, word in zip(marks, words, strict=False):
            ElementTree.SubElement(mark, f"{{{SVG}}}title").text = word


def _scope_ids(root: ElementTree.Element, anchor: str) -> None:
    """Drop ids that nothing refers to; give the others a prefix, since many figures share one page."""
    used = set()
    for element in root.iter():
        used |= {match for value in element.attrib.values() for match in _USED_ID.findall(value)}
        used |= {element.get(_HREF, "").removeprefix("#")}
    for element in root.iter():
        name = element.attrib.pop("id", None)
        if name in used:
            element.set("id", f"{anchor}-{name}")
        for key, value in list(element.attrib.items()):
            if key == _HREF and value.startswith("#"):  # an embedded picture has its data here
                element.set(key, f"#{anchor}-{value.removeprefix('#')}")
            elif "url(#" in value:
                element.set(key, _USED_ID.sub(rf"url(#{anchor}-\1)", value))


def _describe(root: ElementTree.Element, anchor: str, title: str, description: str) -> None:
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    width = float(root.get("viewBox", "0 0 0 0").split()[2]) / 72
    root.set("style", f"max-width: {COLUMN_REM * width / WIDTH:.4g}rem")  # so that type has one size in all figures
    root.set("role", "img")
    root.set("aria-labelledby", f"{anchor}-title {anchor}-desc")
    for position, (tag, words) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(f"{{{SVG}}}{tag}", {"id": f"{anchor}-{tag}"})
        element.text = words
        root.insert(position, element)


def _use_classes(root: ElementTree.Element, sheet: StyleSheet) -> None:
    for parent in root.iter():
        for rule in parent.findall(f"{{{SVG}}}style"):  # matplotlib's only rule, which the sheet holds
            parent.remove(rule)
        if style := parent.attrib.pop("style", ""):
            parent.set("class", sheet.name(style))
