"""Refusals of importing."""

from contracts.refusal import NotFound, Refusal

__all__ = ["ImportRefused", "NotFound", "NotNow", "UploadRefused"]


class UploadRefused(Refusal):
    """An upload that is not taken in at all."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)


class ImportRefused(Refusal):
    """A file that was taken in and cannot be read as a sheet of pupils."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)


class NotNow(Refusal):
    """The import is in a state in which this cannot be done."""

    status = 409

    def __init__(self, wish: str, state: str) -> None:
        super().__init__("import-not-now", f"该导入{state}，不能{wish}。请刷新页面查看最新进度。")
