"""What a written page says."""

from __future__ import annotations

import html
import re


def latin_words(page: str) -> set[str]:
    """Return the words in Latin letters that a page says or reads out, but for code and styles."""
    page = re.sub(r"<(style|script|code)\b.*?</\1>", "", page, flags=re.DOTALL)
    heard = re.findall(r'(?:aria-label|alt|placeholder)="([^"]*)"', page)
    seen = re.sub(r"<[^>]*>", " ", page)
    return set(re.findall(r"[A-Za-z]{2,}", html.unescape(" ".join([seen, *heard]))))
