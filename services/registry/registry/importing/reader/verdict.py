"""Why a file is refused as a whole, in words; and the limits a file must keep."""

from typing import Final

MEGABYTE: Final = 1024 * 1024
LARGEST_FILE: Final = 50 * MEGABYTE
MOST_ROWS: Final = 100_001
"""With the header."""
MOST_COLUMNS: Final = 120
LONGEST_CELL: Final = 1_000
MOST_PARTS: Final = 200
LARGEST_PART: Final = 512 * MEGABYTE
LARGEST_TOTAL: Final = 768 * MEGABYTE
HIGHEST_RATIO: Final = 200
RATIO_COUNTS_FROM: Final = 4 * MEGABYTE
"""A small part may be as repetitive as it likes."""
MOST_STRINGS: Final = 6_000_000
CHUNK_ROWS: Final = 1_000

_SENTENCES: Final = {
    "empty": "文件中没有学生信息。请下载模板，填写后重新上传。",
    "too-large": f"文件超过{LARGEST_FILE // MEGABYTE}MB。请分成几个文件上传。",
    "wrong-type": "文件不是Excel工作簿或CSV文本。请用Excel或WPS另存为.xlsx、.xls或.csv后重新上传。",
    "extension-mismatch": "文件的扩展名与内容不符。请用Excel或WPS打开后另存为.xlsx、.xls或.csv，再重新上传。",
    "encrypted": "文件设有打开密码。请在Excel或WPS中取消密码后重新上传。",
    "damaged": "文件已损坏，无法读取。请用Excel或WPS打开并另存为新文件后重新上传。",
    "too-many-parts": f"工作簿内部文件超过{MOST_PARTS}个。请把学生信息单独复制到模板中，再重新上传。",
    "bad-path": "工作簿内部结构不正常。请把学生信息复制到模板中，再重新上传。",
    "bomb": "文件解压后过大。请删除数据区以外的内容和格式，或把学生信息复制到模板中，再重新上传。",
    "doctype": "工作簿含有不允许的声明（DOCTYPE）。请用Excel或WPS另存为.xlsx后重新上传。",
    "macro": "工作簿含有宏。请另存为不含宏的.xlsx后重新上传。",
    "external-link": "工作簿引用了外部文件或网络地址。请在“数据—编辑链接”中断开链接，另存后重新上传。",
    "embedded-object": "工作簿嵌有对象、控件或数据连接。请删除后重新上传，或把学生信息复制到模板中。",
    "too-many-rows": f"工作表超过{MOST_ROWS - 1}行。请删除多余的空行，或分成几个文件上传。",
    "too-many-columns": f"工作表超过{MOST_COLUMNS}列。请删除数据区右侧多余的列，再重新上传。",
    "too-many-strings": "工作簿的文字内容过多。请把学生信息复制到模板中，再重新上传。",
    "hidden-sheet": "学生信息在隐藏的工作表中。请取消隐藏后重新上传。",
    "several-sheets": "有多个工作表都是学生信息。请只保留一个，或分成几个文件上传。",
    "no-header": "没有找到表头。表头应在前10行内，并使用模板中的列名（学校标识码、姓名、性别……）。请下载模板对照。",
    "merged-header": "表头有合并单元格。请取消合并，每列一个列名，再重新上传。",
    "unknown-encoding": "无法识别文本的编码。请另存为UTF-8、GB18030（ANSI）或Unicode文本的CSV后重新上传。",
    "broken-text": "CSV文本的引号不配对。请用Excel或WPS另存为.xlsx后重新上传。",
    "died": "读取文件时超出了允许的内存或时间。请把学生信息复制到模板中，或分成几个文件上传。",
}


class FileRefused(Exception):  # noqa: N818 - the field's word is refusal
    """The file cannot be taken; `code` and `text` say why and what to do."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.text = text or _SENTENCES[code]
