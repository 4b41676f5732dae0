"""What language a text is in, cheaply: by its script, then by its commonest little words."""

from __future__ import annotations

import re

_SAMPLE = 4_000  #: characters that are looked at
_LEAST = 2  #: little words before a language is believed in

_SCRIPTS: tuple[tuple[str, str], ...] = (
    ("ja", r"[\u3040-\u30ff]"),
    ("ko", r"[\uac00-\ud7af\u1100-\u11ff]"),
    ("zh", r"[\u3400-\u9fff\uf900-\ufaff]"),
    ("ru", r"[\u0400-\u04ff]"),
    ("el", r"[\u0370-\u03ff]"),
    ("he", r"[\u0590-\u05ff]"),
    ("ar", r"[\u0600-\u06ff]"),
    ("hi", r"[\u0900-\u097f]"),
    ("th", r"[\u0e00-\u0e7f]"),
)
_SCRIPT = re.compile("|".join(f"(?P<{language}>{pattern})" for language, pattern in _SCRIPTS))
_LATIN = re.compile(r"[a-zA-Z\u00c0-\u024f]+")

_WORDS: dict[str, str] = {
    "en": "the and of to is that it for was with you this are on have my what from be not at please he she his her your",
    "de": "der die das und ist nicht ich ein eine mit auf für von den dem zu sich auch wie bitte mein meine wir sie wurde",
    "fr": "le la les des et est une dans pour que qui pas je vous nous sur avec mon ma du au aux cette bonjour ce elle",
    "es": "el la los las y es una por para que con no mi me su del se lo al está usted como pero más hola este",
    "it": "il la gli e è una per che con non mi di del della sono nel questo ho anche come buongiorno più alla lo",
    "nl": "de het een en is van niet ik met voor op dat die zijn te mijn aan heeft maar bij ook wordt naar graag",
    "pl": "i w na z się nie jest to do że jak od przez po dla ma pan pani mam jestem czy tak oraz proszę o",
    "pt": "o a os as e é um uma por para que com não meu minha do da dos no na se mais você está ao olá",
    "sv": "och att det är en ett jag inte på med för som av har den mitt min till från vi kan om hej",
}
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {}
for _language, _words in _WORDS.items():
    for _word in _words.split():
        _LANGUAGES_OF[_word] = (*_LANGUAGES_OF.get(_word, ()), _language)


def language_of(text: str) -> str:
    """The language of a text by its two-letter code, `en` where nothing speaks for another.

    Args:
        text: Of any length; the start of it is looked at.
    """
    sample = text[:_SAMPLE]
    scripts: dict[str, int] = {}
    for match in _SCRIPT.finditer(sample):
        scripts[match.lastgroup or ""] = scripts.get(match.lastgroup or "", 0) + 1
    words = _LATIN.findall(sample)
    if sum(scripts.values()) > len(words):
        if scripts.get("ja", 0) * 5 > scripts.get("zh", 0):  # Japanese is mostly Han, with Kana between
            scripts.pop("zh", None)
        else:
            scripts.pop("ja", None)
        return max(scripts, key=scripts.__getitem__)
    counts = dict.fromkeys(_WORDS, 0)
    for word in words:
        for language in _LANGUAGES_OF.get(word.lower(), ()):
            counts[language] += 1
    best = max(counts, key=counts.__getitem__)  # English is first, and wins where languages are level
    return best if counts[best] >= _LEAST else "en"


def has_han(text: str) -> bool:
    """Whether Chinese characters stand in it."""
    return _HAN.search(text) is not None


_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
