"""What went wrong, as problem+json (RFC 9457): a sentence for a person, a code for machines, nothing of the inside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from chassis.http.invalid import invalid_fields
from contracts.refusal import Refusal

_SENTENCES: Final = {
    400: ("bad-request", "请求无法识别。请刷新页面后重试。"),
    401: ("token-invalid", "您尚未登录，或登录信息无效。请重新登录。"),
    403: ("not-allowed", "您的账号无权办理此项。如确需办理，请联系上级主管单位。"),
    404: ("not-found", "没有这个地址。请核对后再试。"),
    405: ("method-not-allowed", "该地址不支持这种操作。请刷新页面后重试。"),
    408: ("too-slow", "请求传输过慢，已中断。请检查网络后重试。"),
    413: ("too-large", "提交的内容超过大小上限。请减少内容或分批提交。"),
    415: ("unsupported-media-type", "提交的格式不支持。请刷新页面后重试。"),
    422: ("invalid-input", "提交的内容有误。请按提示修改后重试。"),
    429: ("too-many-requests", "操作过于频繁。请稍后再试。"),
    500: ("internal", "系统出现异常，本次操作没有完成。请稍后再试；如仍不行，请把事件编号告诉系统管理员。"),
    503: ("unavailable", "系统暂时繁忙或正在维护。请稍后再试。"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer that is not what was asked for."""

    status: int
    code: str
    detail: str
    """The sentence for a person."""
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    instance: str = ""
    """The incident: the id of the request, which the log names too."""

    @property
    def title(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase

    def as_json(self) -> dict[str, Any]:
        """The problem's members."""
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "instance": self.instance,
            **self.members,
        }


Render = Callable[[Request, Problem], Response]
"""How problems are shown: problem+json, or the portal's page."""


def problem_json(request: Request, problem: Problem) -> Response:
    """The problem as problem+json."""
    return JSONResponse(
        problem.as_json(),
        status_code=problem.status,
        headers=dict(problem.headers),
        media_type="application/problem+json",
    )


def answer(request: Request, problem: Problem) -> Response:
    """The answer to a request that went wrong, as this application shows problems."""
    stamped = Problem(
        problem.status,
        problem.code,
        problem.detail,
        problem.members,
        problem.headers,
        problem.instance or request.scope.get("chassis.request_id", ""),
    )
    request.scope["chassis.code"] = problem.code
    render: Render = getattr(request.app.state, "render", problem_json)
    return render(request, stamped)


def of_status(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """A problem that is known by its status alone."""
    known = status if status in _SENTENCES else (400 if status < 500 else 500)
    code, detail = _SENTENCES[known]
    return Problem(status, code, detail, headers=headers or {})


def of_refusal(refusal: Refusal) -> Problem:
    """A refusal with its sentence."""
    headers: dict[str, str] = {}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if "retry_after" in refusal.members:
        headers["Retry-After"] = str(refusal.members["retry_after"])
    return Problem(refusal.status, refusal.code, refusal.sentence, refusal.members, headers)


def of_invalid(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """A body, a query or a path that does not fit: every field with its sentence, and nothing of what was sent."""
    code, detail = _SENTENCES[422]
    return Problem(422, code, detail, {"errors": invalid_fields(errors)})


def of_outage() -> Problem:
    """The database or another part is away: the same again, in a moment, may succeed."""
    code, detail = _SENTENCES[503]
    return Problem(503, code, detail, {"retry_after": 2}, {"Retry-After": "2"})
