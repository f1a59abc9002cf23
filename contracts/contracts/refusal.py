"""The one kind of exception that a person is told."""

from typing import Any, ClassVar


class Refusal(Exception):  # noqa: N818 - the field's word is refusal, and it is no error of the program
    """A sentence in the user's language that says what is so and what to do next.

    `code` is for machines, `status` the HTTP status of the class, `members` go into problem+json as they are and must
    hold no personal data. A refusal is never retried, never logged as an error and never pages anyone.
    """

    status: ClassVar[int] = 422

    def __init__(self, code: str, sentence: str, **members: Any) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.members = members


class NotFound(Refusal):
    """What was asked for is not there, or the asker may not know that it is."""

    status = 404

    def __init__(self, what: str) -> None:
        super().__init__("not-found", f"没有找到该{what}，或者您无权查看。请核对后再试，或联系上级主管单位。")


class NotAllowed(Refusal):
    """The asker is known and may not do this."""

    status = 403

    def __init__(self, what: str) -> None:
        super().__init__("not-allowed", f"您的账号无权{what}。如确需办理，请联系上级主管单位。")
