"""Words and files of the pages, checked without a browser."""
from __future__ import annotations

import gzip
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "web"
PAGES = ("start", "camera", "view", "zones", "football", "calibrate", "docs")
PAGE_BYTES = 60_000
VOID = {"meta", "link", "img", "input", "br", "path", "circle", "rect"}


def strings(code: str) -> dict[str, str]:
    text = (WEB / f"js/strings_{code}.js").read_text()
    return {(a or b): c.replace("\\'", "'") for a, b, c in re.findall(r"(?:^|[ {])(?:'([\w.]+)'|(\w+)): '((?:[^'\\]|\\.)*)'", text, re.M)}


class Marked(HTMLParser):
    """Collects (key, text) of data-t elements, all attributes, and what a strict policy forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.texts, self.labels, self.inline = [], [], [], []

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        self.inline += [f"{tag} {name}" for name in a if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in a):
            self.inline.append(tag)
        if "data-t-label" in a:
            self.labels.append(a["data-t-label"])
        if tag not in VOID:
            self.open.append([a.get("data-t"), ""])

    def handle_data(self, data):
        if self.open:
            self.open[-1][1] += data

    def handle_endtag(self, tag):
        if tag not in VOID:
            key, text = self.open.pop()
            if key:
                self.texts.append((key, text))


def marked(page: str) -> Marked:
    parser = Marked()
    parser.feed((WEB / f"{page}.html").read_text())
    return parser


def test_both_languages_have_the_same_keys_and_holes():
    en, fa = strings("en"), strings("fa")
    assert len(en) > 100
    assert en.keys() == fa.keys()
    holes = {key: (sorted(re.findall(r"\{\w+\}", en[key])), sorted(re.findall(r"\{\w+\}", fa[key]))) for key in en}
    assert not {key: h for key, h in holes.items() if h[0] != h[1]}


@pytest.mark.parametrize("page", PAGES)
def test_the_english_of_the_html_is_that_of_the_strings(page):
    en, found = strings("en"), marked(page)
    assert [(k, t) for k, t in found.texts if en.get(k) != t] == []
    assert [k for k in found.labels if k not in en] == []


def test_every_key_used_in_scripts_exists():
    en = strings("en")
    for script in (WEB / "js").glob("*.js"):
        if not script.name.startswith("strings_"):
            used = re.findall(r"\bt\('([\w.]+)'", script.read_text())
            assert [key for key in used if key not in en] == [], script.name


@pytest.mark.parametrize("page", PAGES)
def test_nothing_inline_for_the_strict_policy(page):
    assert marked(page).inline == []


def scripts_of(name: str, seen: set[Path]) -> set[Path]:
    """A module and what it imports, the English strings for the language file."""
    path = WEB / "js" / name
    if path not in seen:
        seen.add(path)
        text = path.read_text()
        for imported in re.findall(r"(?:from |import |URL\()'\./([\w.]+)'", text):
            scripts_of(imported, seen)
        if "strings_$" in text:
            seen.add(WEB / "js/strings_fa.js")
    return seen


@pytest.mark.parametrize("page", ("start", "camera", "view", "zones", "football", "calibrate"))
def test_a_page_weighs_less_than_60_kb(page):
    html = WEB / f"{page}.html"
    text = html.read_text()
    files = {html} | {WEB / path for path in re.findall(r"/assets/([\w/.-]+)", text)}
    for script in re.findall(r"/assets/js/([\w.]+)", text):
        files |= scripts_of(script, set())
    weight = sum(len(gzip.compress(f.read_bytes(), 9)) for f in files)
    assert weight < PAGE_BYTES, {f.name: f.stat().st_size for f in files}


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(d * 2 for d in digits) if len(digits) == 3 else digits
    parts = [int(digits[i:i + 2], 16) / 255 for i in (0, 2, 4)]
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", (0, 1), ids=("dark", "light"))
def test_text_has_contrast(theme):
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", (WEB / "css/base.css").read_text())
    token = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", blocks[theme]))
    for ink in ("text", "quiet", "accent", "live", "delayed", "broken"):
        for ground in ("bg", "panel"):
            assert contrast(token[ink], token[ground]) >= 4.5, (ink, ground)
    assert contrast(token["on-accent"], token["accent"]) >= 4.5
