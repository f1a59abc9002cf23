"""Pupils over HTTP."""

from registry.student.api import duplicates, entering, forms, lists, pages, proving

ROUTERS = (lists.router, entering.router, proving.router, duplicates.router, forms.router, pages.router)
"""Fixed paths first: `/students/search` is no pupil's id."""

__all__ = ["ROUTERS"]
