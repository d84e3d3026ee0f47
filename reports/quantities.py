"""Numbers as text: a metric in its unit, intervals, p values, durations."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from suite.metrics import METRICS

NOT_MEASURED = "not measured"
NBSP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
UNITS = {"percent": "%", "nats": "nats", "seconds": "s", "per second": "per second"}


def scaled(metric: str, value: float) -> float:
    """Return a value as it is shown: fractions in per cent, all else as it is."""
    return 100.0 * value if METRICS[metric].unit == "percent" else value


def axis_label(metric: str) -> str:
    """Return a metric's words with its unit, unless the words already say it."""
    words, unit = METRICS[metric].words, UNITS.get(METRICS[metric].unit, "")
    return words if not unit or unit == "per second" else f"{words} ({unit})"


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


def written(value: float, digits: int) -> str:
    """Return a number with a true minus sign, or that it was not measured."""
    if math.isnan(value):
        return NOT_MEASURED
    if math.isinf(value):
        return "infinity" if value > 0 else f"{MINUS}infinity"
    text = f"{value:,.{digits}f}"
    text = text.removeprefix("-") if float(text.replace(",", "")) == 0 else text
    return text.replace("-", MINUS)


def bracketed(low: float, high: float, digits: int) -> str:
    """Return an interval in brackets, or an empty text where there is none."""
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"[{written(low, digits)},{NBSP}{written(high, digits)}]"


def measured(metric: str, mean: float, low: float = math.nan, high: float = math.nan) -> str:
    """Return a mean in its unit with its interval: `94.1 % [93.8, 94.4]`."""
    mean, low, high = (scaled(metric, value) for value in (mean, low, high))
    digits = decimals((high - low) / 2, mean)
    text = written(mean, digits)
    if text == NOT_MEASURED:
        return text
    unit = UNITS.get(METRICS[metric].unit, "") if METRICS[metric].unit != "per second" else ""
    return " ".join(filter(None, (text, unit, bracketed(low, high, digits))))


def short(metric: str, value: float) -> str:
    """Return a value in three significant digits without a unit, for a cell of a figure."""
    shown = scaled(metric, value)
    if METRICS[metric].unit == "percent":
        return written(shown, 1)
    return written(shown, decimals(math.nan, shown))


def p_words(p: float) -> str:
    """Return a p value: `0.36`, or `< 0.001`."""
    if math.isnan(p):
        return NOT_MEASURED
    if p < 0.001:
        return "< 0.001"
    return f"{p:.2g}" if p < 0.995 else "1"


def duration(seconds: float) -> str:
    """Return a length of time in at most two units."""
    if math.isnan(seconds):
        return NOT_MEASURED
    if seconds < 10:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def moment(timestamp: float) -> str:
    """Return seconds since 1970 as a date and time in UTC."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%-d %B %Y, %H:%M UTC")
