"""LaTeX and plain mathematics as one stream of tokens: what only says how a formula looks is dropped here."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_LENGTH = 1000
"""Longest text that is read as mathematics, in characters."""

_UNICODE = {
    "−": "-", "－": "-", "–": "-", "＋": "+", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": r"\div ",
    "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "±": r"\pm ", "∞": r"\infty ", "π": r"\pi ", "√": r"\sqrt ",
    "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "°": r"^\circ ", "′": "'", "，": ",", "．": ".", "％": "%",
    "（": "(", "）": ")", "＝": "=", "∅": r"\emptyset ", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ",
    "\u00a0": " ", "\u2009": " ", "\u202f": " ",
    **{chr(ord("０") + i): str(i) for i in range(10)},
}  # fmt: skip
_TRANSLATION = str.maketrans(_UNICODE)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻₀₁₂₃₄₅₆₇₈₉", "0123456789-0123456789")
_UNICODE_RUNS = (
    (re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+"), lambda run: f"^{{{run[0].translate(_RAISED)}}}"),
    (re.compile("[₀₁₂₃₄₅₆₇₈₉]+"), lambda run: f"_{{{run[0].translate(_RAISED)}}}"),
    (re.compile(r"√\s*(\d+(?:\.\d+)?)"), lambda run: rf"\sqrt{{{run[1]}}}"),
)
"""What several characters mean together: `10²³`, `12₈`, `√13`."""

_DROPPED = re.compile(
    r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|textstyle|limits|quad|qquad)(?![a-zA-Z])\s?"
    r"|\\[,;:!> ]|~|(?<!\\)\$|\\[()\[\]]"
)
_RENAMED = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "leq": "le", "leqslant": "le", "geq": "ge", "geqslant": "ge",
    "neq": "ne", "lt": "lt", "gt": "gt", "ast": "cdot", "times": "cdot", "varnothing": "emptyset", "infinity": "infty",
    "inf": "infty", "oo": "infty", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "lvert": "vert",
    "rvert": "vert", "mid": "vert", "degree": "circ", "textrm": "text", "textbf": "text", "textit": "text",
    "mathrm": "text", "mathbf": "text", "mbox": "text", "operatorname": "text", "mathit": "text", "rm": "text",
    "varphi": "phi", "varepsilon": "epsilon", "imath": "i", "tbinom": "binom", "dbinom": "binom",
    "backslash": "setminus",
}  # fmt: skip
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<number>(?:[1-9]\d{0,2}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?(?:[eE][+-]?\d{1,3}(?![\d.]))?|\.\d+)
  | \\(?P<text>text|textrm|textbf|textit|mathrm|mathbf|mbox|operatorname|mathit)\s*\{(?P<words>[^{}\\$]*)\}
  | \\(?P<command>[a-zA-Z]+)
  | \\(?P<escaped>[{}%$|])
  | (?P<word>[a-zA-Z]+)
  | (?P<operator>\*\*|<=|>=|!=|[-+*/^_!|()\[\]{},;=<>:'%&])
    """,
    re.VERBOSE | re.ASCII,
)


def _repeating(match: re.Match[str]) -> str:
    """`0.1\\overline{6}` as a fraction."""
    whole, start, cycle = match.groups()
    return f"({int(whole + start + cycle) - int(whole + start)}/{10 ** len(start + cycle) - 10 ** len(start)})"


_REWRITES = (
    (re.compile(r"(\d{1,20})\.(\d{0,20})\\overline\s*\{(\d{1,20})\}"), _repeating),
    (re.compile(r"\\([dtc]?frac|[dt]?binom)\s*(\d)\s*(\d)(?!\d)"), r"\\\1{\2}{\3}"),
    (re.compile(r"\\([dtc]?frac|[dt]?binom)\s*(\d)\s*\{"), r"\\\1{\2}{"),
    (re.compile(r"(\\[dtc]?frac\s*\{[^{}]*\})\s*(\d)(?!\d)"), r"\1{\2}"),
    (re.compile(r"\\sqrt\s*(\d)"), r"\\sqrt{\1}"),
    (re.compile(r"(?<![\d.}^_])(\d+)\s*(\\[dtc]?frac\s*\{\s*\d+\s*\}\s*\{\s*\d+\s*\})"), r"(\1+\2)"),
    (re.compile(r"(?<![\d./}^_])(\d+)\s+(\d+\s*/\s*\d+)(?![\d.])"), r"(\1+\2)"),
    (re.compile(r"\\text[a-z]*\s*\{(\s*[a-zA-Z](?:\s*,\s*[a-zA-Z])+\s*)\}"), r"\1"),
)
"""Short forms written out: `0.\\overline{3}`, `\\frac12`, `\\frac1{x}`, `\\sqrt2`, the mixed numbers `2\\frac{1}{2}`
and `2 1/2`, and lists of letters as `\\text{A, C}`."""

_REALS = re.compile(r"\\mathbb\s*(?:R|\{\s*R\s*\})")
_OPERATORS = {"**": "^", "<=": "le", ">=": "ge", "!=": "ne", "<": "lt", ">": "gt", "*": "cdot", "|": "vert"}
_OPERATOR_COMMANDS = {
    "le", "ge", "ne", "lt", "gt", "cdot", "div", "pm", "mp", "cup", "cap", "setminus", "in", "vert", "circ"
}  # fmt: skip
COMMANDS = frozenset(
    ["left", "right", "frac", "binom", "begin", "end", *_RENAMED, *_RENAMED.values(), *_OPERATOR_COMMANDS]
)
"""Commands that mean something here; functions and letters are in `words.py`."""


class Token(NamedTuple):
    """`kind` is `number`, `word`, `text`, `command` or `operator`; an operator's and a command's value is its name."""

    kind: str
    value: str


def unwrap(text: str) -> str:
    """`text` without white space, dollar signs and full stop around it, in ASCII where that has the same meaning."""
    if not text.isascii():
        for run, written_out in _UNICODE_RUNS:
            text = run.sub(written_out, text)
        text = text.translate(_TRANSLATION)
    text = text.strip()
    return text.removesuffix(".").strip().strip("$").strip()


def tidy(text: str) -> str:
    """LaTeX without what only says how it looks, its short forms written out."""
    text = unwrap(text).replace("{,}", ",").replace(r",\!", ",").replace(r"\$", " ")
    row_ends = text.split(r"\\")
    text = r" \\ ".join(_DROPPED.sub(" ", part) for part in row_ends)
    for pattern, written_out in _REWRITES:
        text = pattern.sub(written_out, text)
    return text


def tokenise(text: str) -> list[Token] | None:
    """The tokens of `text`, or `None` where something in it is no mathematics. Linear in its length."""
    if len(text) > MAX_LENGTH:
        return None
    text = _REALS.sub(r"\\reals ", tidy(text).replace(r"\\", ";"))
    tokens, position, depth = [], 0, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return None
        if match["number"] and depth and "," in match["number"]:  # (3,120) is a pair; 3,120 alone is a number
            token, position = Token("number", match["number"].partition(",")[0]), text.index(",", position)
        else:
            token, position = _token(match), match.end()
        if token is not None:
            depth += (token.value in ("(", "[", r"\{")) - (token.value in (")", "]", r"\}"))
            tokens.append(token)
    return tokens


def _token(match: re.Match[str]) -> Token | None:
    groups = match.groupdict()
    if groups["number"]:
        return Token("number", groups["number"])
    if groups["text"]:
        words = " ".join(groups["words"].split())
        return Token("number" if words.isascii() and words.isdigit() else "text", words) if words else None
    if groups["word"]:
        return Token("word", groups["word"])
    if groups["space"]:
        return None
    if groups["command"]:
        name = _RENAMED.get(groups["command"], groups["command"])
        return Token("operator" if name in _OPERATOR_COMMANDS else "command", name)
    name = groups["operator"] or groups["escaped"]
    if groups["escaped"] and name in "{}":
        return Token("operator", rf"\{name}")
    return Token("operator", _OPERATORS.get(name, name))
