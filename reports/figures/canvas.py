"""From matplotlib to inline SVG that takes the page's font and colours, light or dark.

Matplotlib knows no CSS, so figures are drawn in stand-in colours, which the finished SVG
replaces by `currentColor`, by the page's variables or by the figure's own.

A figure is drawn once and worded in every language: drawing takes 40 ms. Its layout is that of the
English words, which are the longer ones; in the finished SVG labels are replaced, held by their
middles or ends.
"""

from __future__ import annotations

import copy
import functools
import io
import math
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
import seaborn as sns
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import TightLayoutEngine
from matplotlib.textpath import text_to_path

from reports.figures.palette import Pair
from suite.language.catalogue import ENGLISH, writing

INK, SOFT, SURFACE, BAND = "#010203", "#010204", "#010205", "#010206"
PAGE_COLOURS = {
    INK: "currentColor",
    SOFT: "var(--ink-soft, #5b6570)",
    SURFACE: "var(--surface, #ffffff)",
    BAND: "var(--band, #e3e7eb)",
}
SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
ET.register_namespace("", SVG)
ET.register_namespace("xlink", XLINK)

GIVEN = re.compile(r"(point|series|legend)-([\w.-]*?)(?:__\d+)?")  # names that artists are given
PAD = 0.4  # around the axes, in heights of a letter
STYLE: dict[Any, Any] = {
    "axes.edgecolor": SOFT,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.formatter.limits": (-4, 6),
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.0,
    "axes.titley": 1.0,  # no axis has ticks above it, which matplotlib would look for
    "figure.facecolor": "none",
    "font.size": 11.0,
    "axes.labelsize": 11.0,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "legend.fontsize": 10.5,
    "legend.title_fontsize": 10.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "svg.hashsalt": "thumbrules",
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "xtick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.color": SOFT,
    "ytick.labelcolor": INK,
}


@dataclass(frozen=True)
class Size:
    """A figure's size in CSS pixels and what goes with it."""

    name: str
    width: int
    height: int

    @property
    def narrow(self) -> bool:
        """Whether it is for a phone."""
        return self.name == "narrow"


WIDE, NARROW, SMALL = Size("wide", 560, 350), Size("narrow", 350, 340), Size("small", 350, 230)


@dataclass(frozen=True)
class Picture:
    """A finished figure: one SVG for each size of page, the same text alternative for all."""

    drawings: tuple[tuple[str, Markup], ...]
    alt: str


@dataclass(frozen=True)
class Drawing:
    """A figure drawn once, in English, whose words can be said in every language.

    Layout is what takes long. It is that of the English words, which are the longer ones.

    Attributes:
        sheets: the SVG for each size of page.
        labels: return the texts in it, in an order that no language changes.
        alt: return its text alternative.
        hints: return what is said of points in it, by their names.
    """

    sheets: tuple[tuple[str, ET.Element], ...]
    labels: Callable[[], Sequence[str]]
    alt: Callable[[], str]
    hints: Callable[[], Mapping[str, str]]

    def picture(self) -> Picture:
        """Return the figure in the language that is being written."""
        said, alt, hints = self._said(), self.alt(), self.hints()
        sheets = ((name, _worded(root, said, alt, hints)) for name, root in self.sheets)
        return Picture(tuple(sheets), alt)

    def still(self, size: str) -> Markup:
        """Return it at a size for where it is shown in small: without single seeds and hidden marks."""
        root = copy.deepcopy(dict(self.sheets)[size])
        for parent in list(root.iter()):
            for child in list(parent):
                if _is_faint(child) and not {"data-point", "data-series"}.isdisjoint(child.keys()):
                    parent.remove(child)
        return _worded(root, self._said(), self.alt(), {})

    def _said(self) -> dict[str, str]:
        here = self.labels()
        with writing(ENGLISH):
            return dict(zip(self.labels(), here, strict=True))


def stand_in(index: int) -> str:
    """Return the stand-in for a figure's colour of that index."""
    return f"#0a0b{index:02x}"


@contextmanager
def canvas(size: Size, height: int | None = None) -> Iterator[Figure]:
    """Give a figure of that size, in the house style; points are CSS pixels."""
    with mpl.rc_context(_style_of_seaborn() | STYLE):
        yield Figure(figsize=(size.width / 72, (height or size.height) / 72))


@functools.cache
def _style_of_seaborn() -> dict[Any, Any]:
    return dict(sns.axes_style("ticks"))


def name_values(axes: Axes, label: str, size: Size, above: int = 0) -> None:
    """Say what is measured, over the axes and what stands `above` them, in pixels.

    Words beside them are cut where they are longer than a small figure is high.
    """
    axes.set_title(textwrap.fill(label, 46 if size.narrow else 100), pad=6 + above)


def point(axes: Axes, x: float, y: float, name: str, reach: float = 18) -> None:
    """Mark a place that answers a pointer with what the drawing's hints say of that name."""
    axes.plot([x], [y], "o", markersize=reach, alpha=0, gid=f"point-{name}")


def soft_grid(axes: Axes) -> None:
    """Draw faint horizontal lines behind the data."""
    axes.grid(axis="y", color=SOFT, linewidth=0.6, alpha=0.22)
    axes.set_axisbelow(True)


def drawing(
    name: str,
    sizes: Sequence[Size],
    draw: Callable[[Size], Figure],
    pairs: Sequence[Pair],
    labels: Callable[[], Sequence[str]],
    alt: Callable[[], str],
    hints: Callable[[], Mapping[str, str]] = dict,
) -> Drawing:
    """Draw a figure at every size; `name` keeps its ids apart."""
    with writing(ENGLISH):
        sheets = [(size.name, _inline(draw(size), f"{name}-{size.name}", pairs)) for size in sizes]
    return Drawing(tuple(sheets), labels, alt, hints)


def _inline(figure: Figure, name: str, pairs: Sequence[Pair]) -> ET.Element:
    out = io.BytesIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with mpl.rc_context(STYLE):
        lay_out(figure)
        # `savefig` would draw everything once more before, for formats that need it.
        FigureCanvasSVG(figure).print_svg(out, metadata=nothing)  # type: ignore[no-untyped-call]
    root = ET.fromstring(out.getvalue())  # noqa: S314 - matplotlib's own words, just written
    _strip(root)
    for element in root.iter():
        for key, value in element.attrib.items():
            element.set(key, _rewritten(key, value, name))
    _mark(root, name)
    root.attrib.pop("height")
    root.set("width", root.attrib.pop("width").removesuffix("pt"))
    root.set("id", name)
    root.set("role", "img")
    style = ET.Element(f"{{{SVG}}}style")
    style.text = _style(name, pairs)
    root.insert(0, style)
    for group in root.iter(f"{{{SVG}}}g"):
        _anchor(group.findall(f"{{{SVG}}}text"))
    return root


def _is_faint(element: ET.Element) -> bool:
    """Whether it is a hidden mark of a point, or the points of single seeds."""
    styles = (one.get("style", "") for one in element.iter())
    return any(re.search(r"opacity: 0(\.38)?(;|$)", style) for style in styles)


def _mark(root: ET.Element, name: str) -> None:
    """Turn the names of points, series and legends from ids into what the page's script reads."""
    for element in root.iter():
        found = GIVEN.fullmatch(element.get("id", "").removeprefix(f"{name}-"))
        if found:
            element.attrib.pop("id")
            element.set(f"data-{found[1]}", found[2])


def lay_out(figure: Figure) -> None:
    """Fit the axes between their labels and the legend, measuring all of that once.

    It is what takes longest, and constrained layout does it twice.
    """
    FigureCanvasAgg(figure)  # its measures are at hand; those of SVG's canvas cost another drawing
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if not axis.get_label_text():  # a tenth of drawing goes into looking for its place
                axis.set_label_coords(0, 0)
    # With a rectangle, even the whole figure, it would measure twice too.
    TightLayoutEngine(pad=PAD, rect=None).execute(figure)  # type: ignore[arg-type]
    for legend in figure.legends:
        box = legend.get_window_extent().transformed(figure.transFigure.inverted())
        if box.x0 > 0.5:  # beside the axes
            figure.subplots_adjust(right=figure.subplotpars.right - box.width)
        else:
            figure.subplots_adjust(bottom=figure.subplotpars.bottom + box.height)


def _anchor(lines: Sequence[ET.Element]) -> None:
    """Hold lines of text by their middles or ends, if those are in line.

    Matplotlib holds several lines by their starts, which are right for its own font and words only.
    """
    if len(lines) < 2:
        return
    places = [_place(line) for line in lines]
    for anchor, share in (("start", 0.0), ("middle", 0.5), ("end", 1.0)):
        at = [x + share * width for x, _, width in places]
        if max(at) - min(at) < 1:
            for line, x, (_, y, _) in zip(lines, at, places, strict=True):
                line.set("transform", f"translate({x:.2f} {y:.2f})")
                line.set("style", f"{line.get('style')}; text-anchor: {anchor}")
            return


def _place(line: ET.Element) -> tuple[float, float, float]:
    """Return where a line of text starts and how wide matplotlib's font makes it, in pixels."""
    x, y = map(float, re.findall(r"-?[\d.]+", line.get("transform", ""))[:2])
    (size,) = re.findall(r"font-size: ([\d.]+)px", line.get("style", ""))
    font = FontProperties(size=float(size))
    width, _, _ = text_to_path.get_text_width_height_descent(line.text or "", font, ismath=False)
    return x, y, width


def _worded(
    root: ET.Element, said: Mapping[str, str], alt: str, hints: Mapping[str, str]
) -> Markup:
    """Return an SVG with its labels replaced by what is said for them, and its points explained."""
    new = {" ".join(old.split()): text for old, text in said.items() if old != text}
    root = copy.deepcopy(root) if new or hints else root
    for element in root.iter() if hints else ():
        if hint := hints.get(element.get("data-point", "")):
            ET.SubElement(element, f"{{{SVG}}}title").text = hint
    root.set("aria-label", alt)
    for group in root.iter(f"{{{SVG}}}g") if new else ():
        texts = group.findall(f"{{{SVG}}}text")
        whole = " ".join(text.text or "" for text in texts)
        if whole in new:
            _replace(group, texts, new[whole])
        else:
            for text in texts:
                text.text = new.get(text.text or "", text.text)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - serialising escapes text


def _replace(group: ET.Element, texts: list[ET.Element], label: str) -> None:
    """Put a label in the place of another that may have been broken into lines."""
    lines = label.split("\n")
    if len(lines) == 1 and 2 * len(label) > max(len(text.text or "") for text in texts):
        lines = textwrap.wrap(label, math.ceil(len(label) / len(texts)), break_on_hyphens=False)
    joint = " " if " " in label else ""
    kept = [*lines[: len(texts) - 1], joint.join(lines[len(texts) - 1 :])]
    for text, line in zip(texts, kept, strict=False):
        text.text = line
    for text in texts[len(kept) :]:
        group.remove(text)


def _strip(root: ET.Element) -> None:
    """Remove metadata, and matplotlib's own style, which would rule the whole page."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                parent.remove(child)


def _rewritten(key: str, value: str, name: str) -> str:
    if key in ("d", "transform", "x", "y"):  # most of them
        return value
    if key == "id":
        return f"{name}-{value}"
    if key.endswith("href"):
        return value.replace("#", f"#{name}-", 1)
    value = re.sub(r"url\(#", f"url(#{name}-", value)
    if key == "style":
        value = re.sub(r"font-family:[^;]*;?|font: [^;]*;?", _font, value)
    value = re.sub(r"#0a0b([0-9a-f]{2})", lambda hit: f"var(--c{int(hit[1], 16)})", value)
    for stand, colour in PAGE_COLOURS.items():
        value = value.replace(stand, colour)
    return value


def _font(found: re.Match[str]) -> str:
    """Keep a font's size and weight; its family is the page's."""
    size = re.search(r"([\d.]+)px", found[0])
    weight = "font-weight: 600;" if re.search(r"\b(600|700|bold)\b", found[0]) else ""
    return f"font-size: {size[1]}px; {weight}" if size else ""


def _style(name: str, pairs: Sequence[Pair]) -> str:
    light = "".join(f"--c{i}:{pair[0]};" for i, pair in enumerate(pairs))
    dark = "".join(f"--c{i}:{pair[1]};" for i, pair in enumerate(pairs))
    return (
        f"#{name} *{{stroke-linejoin:round;stroke-linecap:butt}}"
        f"#{name}{{{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{#{name}{{{dark}}}}}"
    )
