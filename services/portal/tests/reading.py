"""A rendered page, read as a browser and a screen reader would."""

from collections import Counter
from html.parser import HTMLParser

_FIELDS = {"input", "select", "textarea"}
_UNSEEN = {"hidden", "submit", "button"}


class Page(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._silent = 0
        self._labelled = 0
        self.inside_label: set[int] = set()
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "label":
            self._labelled += 1
        if self._labelled and tag in _FIELDS:
            self.inside_label.add(len(self.elements) - 1)
        if tag == "script" and "src" not in dict(attrs):
            self._silent += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._labelled -= 1

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """The attributes of every element of this kind that has these attributes."""
        return [
            found
            for name, found in self.elements
            if name == tag and all(found.get(key.rstrip("_")) == value for key, value in wanted.items())
        ]

    def value(self, name: str) -> str:
        """The value of the field of this name."""
        return next(each["value"] for each in self.all("input") if each.get("name") == name)

    def faults(self) -> list[str]:
        """What a strict browser, a keyboard or a screen reader would stumble over."""
        found = []
        ids = Counter(attributes["id"] for _, attributes in self.elements if "id" in attributes)
        found += [f"id {name} is there {count} times" for name, count in ids.items() if count > 1]
        if self._silent:
            found.append("a script stands in the page")
        labelled = {attributes.get("for") for tag, attributes in self.elements if tag == "label"}
        for place, (tag, attributes) in enumerate(self.elements):
            found += [f"<{tag}> has {name}" for name in attributes if name.startswith("on") or name == "style"]
            if tag == "style":
                found.append("a style stands in the page")
            if tag in _FIELDS and attributes.get("type") not in _UNSEEN and not (
                attributes.get("id") in labelled or "aria-label" in attributes or place in self.inside_label
            ):  # fmt: skip
                found.append(f"<{tag} name={attributes.get('name')}> has no label")
            if tag == "a" and attributes.get("href", "").lower().startswith("javascript:"):
                found.append("a link runs a script")
            if tag == "form" and attributes.get("method", "get") not in ("get", "post"):
                found.append(f"a form uses {attributes['method']}")
            for name in ("aria-labelledby", "aria-describedby"):
                found += [
                    f"{name} names {each}, which is not there"
                    for each in attributes.get(name, "").split()
                    if each not in ids
                ]
            if tag == "img" and "alt" not in attributes:
                found.append("a picture has no alt")
        return found
