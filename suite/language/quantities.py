"""Numbers as text: a metric in its unit, intervals, p values, durations."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from suite.language.catalogue import gettext, locale
from suite.language.words import metric_words
from suite.vocabulary.metrics import METRICS

NBSP = "\N{NO-BREAK SPACE}"
LARGE = 1e12  # numbers above are written with a power of ten
MINUS = "\N{MINUS SIGN}"


def not_measured() -> str:
    """Return what stands where there is no number."""
    return gettext("not measured")


def unit_words(metric: str) -> str:
    """Return the unit that stands behind a metric's values; empty where its words say it."""
    return {
        "percent": "%", "nats": gettext("nats"), "seconds": gettext("s"),
    }.get(METRICS[metric].unit, "")  # fmt: skip


def scaled(metric: str, value: float) -> float:
    """Return a value as it is shown: fractions in per cent, all else as it is."""
    return 100.0 * value if METRICS[metric].unit == "percent" else value


def axis_label(metric: str) -> str:
    """Return a metric's words with its unit, unless the words already say it."""
    words, unit = metric_words(metric), unit_words(metric)
    return f"{words} ({unit})" if unit else words


def decimals(half_width: float, value: float = 0.0) -> int:
    """Return how many decimals an interval of this half width supports.

    The last decimal is worth a thirtieth to a third of the half width. Without a width, three
    significant digits of the value.
    """
    if math.isfinite(half_width) and half_width > 0:
        return min(6, max(0, -math.floor(math.log10(half_width / 3))))
    if math.isfinite(value) and value == round(value):
        return 0
    if math.isfinite(value):
        return min(6, max(0, 2 - math.floor(math.log10(abs(value)))))
    return 1


def decimal(value: float, digits: int) -> str:
    """Return a number with a true minus sign, or that it was not measured."""
    if math.isnan(value):
        return not_measured()
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if abs(value) >= LARGE:
        return f"{value:.3g}".replace("-", MINUS)
    text = f"{value:,.{digits}f}"
    text = text.removeprefix("-") if float(text.replace(",", "")) == 0 else text
    return text.replace("-", MINUS)


def bracketed(low: float, high: float, digits: int) -> str:
    """Return an interval in brackets, or an empty text where there is none."""
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"[{decimal(low, digits)},{NBSP}{decimal(high, digits)}]"


def measured(metric: str, mean: float, low: float = math.nan, high: float = math.nan) -> str:
    """Return a mean in its unit with its interval: `94.1 % [93.8, 94.4]`."""
    mean, low, high = (scaled(metric, value) for value in (mean, low, high))
    digits = decimals((high - low) / 2, mean)
    if math.isnan(mean):
        return not_measured()
    parts = (decimal(mean, digits), unit_words(metric), bracketed(low, high, digits))
    return " ".join(filter(None, parts))


def short(metric: str, value: float) -> str:
    """Return a value in three significant digits without a unit, for a cell of a figure."""
    shown = scaled(metric, value)
    if METRICS[metric].unit == "percent":
        return decimal(shown, 1)
    return decimal(shown, decimals(math.nan, shown))


def p_words(p: float) -> str:
    """Return a p value: `0.36`, or `< 0.001`."""
    if math.isnan(p):
        return not_measured()
    if p < 0.001:
        return "< 0.001"
    return f"{p:.2g}" if p < 0.995 else "1"


def duration(seconds: float) -> str:
    """Return a length of time in at most two units."""
    if math.isnan(seconds):
        return not_measured()
    if seconds < 10:
        return gettext("{s} s").format(s=f"{seconds:.2g}")
    whole = round(seconds)
    if whole < 60:
        return gettext("{s} s").format(s=whole)
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        pattern = gettext("{min} min {s} s") if rest else gettext("{min} min")
        return pattern.format(min=minutes, s=rest)
    hours, minutes = divmod(minutes, 60)
    pattern = gettext("{h} h {min} min") if minutes else gettext("{h} h")
    return pattern.format(h=f"{hours:,}", min=minutes)


def moment(timestamp: float) -> str:
    """Return seconds since 1970 as a date and time in UTC."""
    from babel.dates import format_datetime

    pattern = gettext("d MMMM y, HH:mm 'UTC'")
    return format_datetime(datetime.fromtimestamp(timestamp, UTC), pattern, locale=locale())
