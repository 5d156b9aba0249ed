"""Names and values that lead somewhere else, where they are taken for paths, HTML or lines."""

from __future__ import annotations

import html.parser

PATHS = [
    "..", ".", "../..", "../../evil", "..\\..\\evil", "/etc/passwd", "//evil", "a/../../evil",
    "./evil", "~", "~root/.ssh", "evil/", "/", "\\", "C:\\evil", "file:///etc/passwd", ".hidden",
    "_hidden", "_SUCCESS", ".partita-lock", "%2e%2e%2f", "..%2f..%2fevil", "%", "%00", "%zz", "a=b",
    "=", "k=v/k=v", "__HIVE_DEFAULT_PARTITION__", "*", "?", "[a-z]", "**", "{a,b}", "$HOME", "`id`",
    "$(id)", ";rm -rf /", "|cat", "-rf", "con", "nul", " ", " a ", "a" * 120,
]  # fmt: skip
"""Texts that would leave a directory, hide in it, or be expanded."""

CONTROLS = [
    "\x00", "a\x00b", "\n", "a\nb", "\r\n", "\t", "\x1b[31mred\x1b[0m", "\x07", "\x7f", "\u202egpj",
    "\u200b", "\ufeff", "\u2028", "e\u0301", "\xe9",
]  # fmt: skip
"""Texts that end a line, hide other text, or look like another."""

MARKUP = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</td></tr></table><h1>evil</h1>",
    "\"><svg onload=alert(1)>", "' onmouseover='alert(1)", "&lt;b&gt;", "&amp;", "&#60;script&#62;",
    "<!-- evil", "]]><evil/>", "</text></svg><script>alert(1)</script>", "<b>bold</b>",
    "javascript:alert(1)", "\"; click n0 \"javascript:alert(1)\"", "\"]; evil -> n0; x[\"",
    "{{7*7}}", "${7*7}", "%s%n", "'; DROP TABLE t; --", "\U0001f4a5", "\U0001f468\u200d\U0001f469",
    "é\"'<>&\\", "\\n", "\\\"", "name|pipe", "#quot;evil#quot;", "]", "\"]",
]  # fmt: skip
"""Texts that would be live in HTML, SVG, Mermaid or DOT."""

ALL = [*PATHS, *CONTROLS, *MARKUP]

_TAGS = {
    "div", "b", "i", "code", "table", "thead", "tbody", "tr", "th", "td", "span", "style", "pre",
    "details", "summary", "small", "br", "p",
}  # fmt: skip
_ATTRIBUTES = {"style", "open", "class", "title", "colspan", "scope", "role"}


class _Live(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self.found.append(f"<{tag}>")
        self.found += [f"<{tag} {name}>" for name, _ in attrs if name not in _ATTRIBUTES]

    def handle_comment(self, data: str) -> None:
        self.found.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.found.append(f"<!{decl}>")


def live_html(text: str) -> list[str]:
    """Return the tags and attributes in `text` that are not of the few that tables are made of."""
    reader = _Live()
    reader.feed(text)
    reader.close()
    return reader.found
