"""What photo refuses, in the words of a clerk."""

from typing import ClassVar

from contracts.refusal import Refusal

SENTENCES: dict[str, str] = {
    "photo-too-large": "照片文件超过10MB。请压缩后重新上传。",
    "photo-empty": "照片文件是空的。请重新拍摄或重新导出后上传。",
    "photo-not-an-image": "文件不是JPG或PNG照片。请将照片另存为JPG格式后上传。",
    "photo-damaged": "照片文件不完整或已损坏，无法打开。请重新拍摄或重新导出后上传。",
    "photo-too-many-pixels": "照片尺寸过大（超过5000万像素）。请将照片缩小后上传。",
    "photo-too-small": "照片分辨率过低，至少需要154×189像素。请使用原始照片上传。",
    "photo-wrong-ratio": "照片宽高比例不符合26毫米×32毫米的要求。请按竖版证件照裁剪后上传。",
    "photo-not-in-colour": "照片不是彩色照片。请上传近期正面免冠彩色照片。",
    "file-name-unknown": "按文件名没有找到本校学生。请按“身份证号.jpg”或“学校标识码_班号_姓名.jpg”命名，或手动匹配。",
    "file-name-ambiguous": "文件名对应多名学生（例如重名）。请手动匹配。",
    "file-twice": "压缩包中有多张照片对应同一名学生，均未采用。请手动匹配其中一张。",
    "file-name-unsafe": "压缩包内的文件路径不安全，已跳过。请重新打包，只包含照片文件。",
    "file-not-a-photo": "压缩包内的该文件不是照片，已跳过。压缩包应只包含照片。",
    "photo-under-review": "该生已提交审核，照片暂不能更换。请待审核完成，或先撤回提交。",
    "photo-already-kept": "该生入学当年的照片已随学籍归档，不能覆盖。如照片有误，请联系主管单位。",
    "photo-not-required": "该生不是学段起始年级新生，不需要采集入学照片。",
}
"""Code of a finding about one file or one pupil → the sentence that says what to do next."""

REMARKS: dict[str, str] = {
    "background-not-light-blue": "照片背景不是淡蓝色。请核对是否符合要求，必要时重新拍摄。",
    "same-photo-on-another-pupil": "该照片与另一名学生的照片完全相同。请核对是否放错。",
}
"""Code of what a person should look at → the sentence; it refuses nothing."""


class PhotoRefused(Refusal):
    """One photo is not taken."""

    def __init__(self, code: str) -> None:
        super().__init__(code, SENTENCES[code])


class ArchiveRefused(Refusal):
    """A ZIP is not taken as a whole."""

    _SENTENCES: ClassVar[dict[str, str]] = {
        "archive-too-large": "压缩包超过200MB。请分成几个较小的压缩包上传。",
        "archive-not-a-zip": "文件不是有效的ZIP压缩包。请用ZIP格式重新打包后上传。",
        "archive-encrypted": "压缩包设有密码，无法读取。请去掉密码后重新上传。",
        "archive-too-many-files": "压缩包内文件超过5000个。请分成几个压缩包上传。",
        "archive-empty": "压缩包内没有照片。请检查后重新打包上传。",
        "archive-bomb": "压缩包内容异常（解压后体积过大），已拒绝。请重新打包，只包含照片文件。",
    }

    def __init__(self, code: str) -> None:
        super().__init__(code, self._SENTENCES[code])


class NoFile(Refusal):
    """A request without the file that it should bring, or one that ended early."""

    def __init__(self) -> None:
        super().__init__("no-file", "没有收到文件，或上传中断。请重新选择一个文件后上传。")


class FileNotWaiting(Refusal):
    """A file of an archive that no longer waits for a person to match it."""

    status = 409

    def __init__(self) -> None:
        super().__init__("file-not-waiting", "该文件已经处理，不能再次匹配。请刷新页面查看结果。")
