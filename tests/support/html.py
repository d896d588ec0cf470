"""What a page must keep to, read by html.parser."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "input", "br", "img", "hr"})
UNCLOSED_BY = {"p": {"p", "ul", "ol", "dl", "section", "div", "h1", "h2", "main", "form", "li"}}  # a <p> ends at these
ADDRESSES = ("href", "src", "action")


class Checked(HTMLParser):
    """A page without faults, or AssertionError: balanced, ids once, nothing from elsewhere, nothing that the policy forbids."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {self._open}"
        assert len(self.ids) == len(set(self.ids)), self.ids
        for label in self._labels:
            assert label in self.ids, f"a label of nothing: {label}"

    _labels: tuple[str, ...] = ()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        assert len(facts) == len(attrs), f"an attribute twice: {tag} {attrs}"
        assert "style" not in facts, f"a style within the page: {tag}"
        assert not [name for name in facts if name.startswith("on")], f"a script within the page: {tag} {attrs}"
        assert tag != "style"
        assert tag != "script" or facts.get("src"), "a script within the page"
        assert tag not in UNCLOSED_BY["p"] or "p" not in self._open, f"<{tag}> within <p>"
        for name in ADDRESSES:
            assert name not in facts or (facts[name] or "").startswith("/"), f"leads elsewhere: {facts[name]}"
        if facts.get("id"):
            self.ids.append(str(facts["id"]))
        if tag == "a":
            assert "a" not in self._open, "a link in a link"
            self.links.append(str(facts["href"]))
        if tag == "label":
            self._labels = (*self._labels, str(facts["for"]))
        self.tags.append(tag)
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert tag == self._open.pop(), f"</{tag}> closes another"

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """What a person reads, with single blanks."""
        return " ".join(" ".join(self.words).split())
