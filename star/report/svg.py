"""A chart as SVG inside the page: text stays text, colours follow the theme, every mark says its value.

matplotlib draws it; the rest is done on the tree of its XML: no styles that would leak into the page, colours as the
variables of `page.css`, ids that are unique in the page, a `<title>` for each mark.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree

from markupsafe import Markup

from star.report.charts import NAMES, STYLE, Chart, draw

SIZES = {"large": (360, 220), "small": (240, 128)}
"""Width and height of a chart in CSS pixels: near to what a phone shows, so that text stays readable there."""

MARGINS = {"large": (44, 8, 36, 10), "small": (38, 8, 18, 8)}
"""Left, right, bottom, top: room for the numbers beside the axes."""

NUMBER = re.compile(r"-?\d+\.\d{2,}")
KEPT = (
    "fill",
    "fill-opacity",
    "opacity",
    "stroke",
    "stroke-width",
    "stroke-opacity",
    "stroke-dasharray",
    "text-anchor",
)
"""Properties of style that are not the page's business."""


def inline_svg(chart: Chart) -> Markup:
    """The `<svg>` element of a chart. Its text is serialised, and so escaped, by `xml.etree`."""
    root, labels = _drawn(chart)
    _strip(root)
    holders = {node.get("id"): node for node in root.iter() if node.get("id") in labels}
    for gid, texts in labels.items():
        for mark, text in zip(_marks(holders[gid]), texts, strict=True):
            mark.set("class", "mark")
            mark.set("role", "img")
            ElementTree.SubElement(mark, "title").text = text
    _adapt(root, chart.key)
    kind = "Bar chart" if chart.kind == "bars" else "Line chart"
    root.attrib = {
        "class": f"chart {chart.size} {chart.kind}",
        "viewBox": root.get("viewBox", ""),
        "role": "group",
        "aria-label": f"{kind}: {chart.title}",
    }
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _drawn(chart: Chart) -> tuple[ElementTree.Element, Mapping[str, list[str]]]:
    """The tree that matplotlib makes, and the labels of its marks."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    (width, height), (left, right, bottom, top) = SIZES[chart.size], MARGINS[chart.size]
    file = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width / 72, height / 72))
        box = (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
        axes = figure.add_axes(box)
        figure.patch.set_visible(False)  # the page is the background
        axes.patch.set_visible(False)
        labels = draw(axes, chart)
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        FigureCanvasSVG(figure).print_figure(file, format="svg", metadata=nothing)
    return ElementTree.fromstring(file.getvalue()), labels


def _strip(root: ElementTree.Element) -> None:
    """Take out namespaces, white space, and what is no part of an element inside a page."""
    for parent in root.iter():
        parent.tag = parent.tag.rpartition("}")[2]
        parent.text = parent.text if parent.tag == "text" else None
        parent.attrib = {name.rpartition("}")[2]: value for name, value in parent.attrib.items()}
        for child in list(parent):
            child.tail = None
            if child.tag.endswith(("}metadata", "}style", "}clipPath")):
                parent.remove(child)


def _marks(holder: ElementTree.Element) -> list[ElementTree.Element]:
    """The markers of a line, or the one bar."""
    return list(holder.iter("use")) or list(holder.iter("path"))


def _adapt(root: ElementTree.Element, key: str) -> None:
    """Styles become attributes in the page's colours; ids that something refers to become unique in the page."""
    used = {value[1:] for node in root.iter("use") for value in [node.get("href", "")]}
    for node in root.iter():
        style, id, _ = (node.attrib.pop(name, "") for name in ("style", "id", "clip-path"))
        node.attrib |= {name: _color(value) for name, value in _properties(style) if name in KEPT}
        if id in used:
            node.set("id", f"{key}-{id}")
        for name, value in node.attrib.items():
            node.set(name, f"#{key}-{value[1:]}" if name == "href" else NUMBER.sub(_rounded, value))


def _properties(style: str) -> Iterator[tuple[str, str]]:
    for part in style.split(";"):
        name, _, value = part.partition(":")
        yield name.strip(), value.strip()


def _color(value: str) -> str:
    return f"var(--{NAMES[value]})" if value in NAMES else value


def _rounded(found: re.Match[str]) -> str:
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")
