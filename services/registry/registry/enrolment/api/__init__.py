"""Enrolment over HTTP."""

from registry.enrolment.api import pre_review, progress, requests, submissions

ROUTERS = (pre_review.router, submissions.router, requests.router, progress.router)

__all__ = ["ROUTERS"]
