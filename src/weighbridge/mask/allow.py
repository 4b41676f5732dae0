"""What is never masked: the configuration's list, and public names that say nothing of anybody."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

_MONTHS = "january february march april may june july august september october november december"
_DAYS = "monday tuesday wednesday thursday friday saturday sunday today tomorrow yesterday"
_MAKERS = "anthropic openai deepseek mistral xai cohere groq openrouter huggingface replicate together.ai fireworks"
_ENGINES = (
    "claude chatgpt gpt gemini llama mistral mixtral qwen deepseek grok gemma phi copilot codex sonnet opus haiku command "
    "kimi glm whisper dall-e sora siri alexa cortana bard bert"
)
_PRODUCTS = (
    "python java javascript typescript rust kotlin swift ruby linux windows macos android ios ubuntu debian docker kubernetes git "
    "github gitlab excel word powerpoint outlook slack zoom jira postgresql mysql sqlite redis kafka spark pandas numpy pytorch "
    "tensorflow json yaml html css sql xml csv pdf api http https url"
)
_PHRASES = (
    "hugging face",
    "visual studio",
    "google docs",
    "google sheets",
    "amazon web services",
    "google cloud",
    "power bi",
)
_NAMES = frozenset({"person", "place", "organisation", "group"})
"""Kinds that public names are taken for."""

_PUBLIC = frozenset(chain(*(words.split() for words in (_MONTHS, _DAYS, _MAKERS, _ENGINES, _PRODUCTS)), _PHRASES))
_EDGES = " \t\r\n.,;:!?\"'()[]{}<>*_`"


class Allow:
    """What may pass.

    Args:
        words: The configuration's own, in any case.
    """

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._words = frozenset(map(_plain, words)) - {""}

    def listed(self, value: str) -> bool:
        """Is the value one of the configuration's words?"""
        return bool(self._words) and _plain(value) in self._words

    def admits(self, value: str, kind: str) -> bool:
        """May the value pass unmasked?

        Args:
            value: As it was found.
            kind: What it was taken for: public names pass only where it is a kind of names.
        """
        word = _plain(value)
        return word in self._words or (kind in _NAMES and (word in _PUBLIC or _versioned(word)))


def _plain(value: str) -> str:
    return " ".join(value.casefold().split()).strip(_EDGES)


def _versioned(word: str) -> bool:
    """A public name with its version behind it: "gpt-4o", "claude opus 4", "python 3.11"."""
    parts = word.replace("-", " ").split()
    return (
        len(parts) > 1
        and parts[0] in _PUBLIC
        and all(
            part in _PUBLIC
            or part[0].isdigit()
            or part in {"mini", "pro", "flash", "turbo", "large", "small", "lite", "max"}
            for part in parts[1:]
        )
    )
