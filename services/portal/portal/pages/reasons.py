"""The coded reasons that a reviewer has ticked, as review takes them."""

from typing import Any

from portal.forms import Form


def reasons_in(form: Form) -> list[dict[str, Any]]:
    """Each reason that is ticked, with its field and text; what was written beside the others is left."""
    return [
        {"code": code, "field": form.text(f"field.{code}") or None, "text": form.text(f"text.{code}")}
        for code in form.texts("reasons")
    ]
