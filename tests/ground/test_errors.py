"""The error tree: codes are unique and as drawn, and names are suggested."""

from __future__ import annotations

import re

from weighbridge import errors


def tree(kind=errors.WeighbridgeError):
    for below in kind.__subclasses__():
        yield below
        yield from tree(below)


def test_the_drawing_is_the_tree() -> None:
    drawn = re.findall(r"(?:\|--|`--) (\w+)\s+(\w+)\s+(\d+)\s+(\d+)", errors.__doc__ or "")
    built = {
        (k.__name__, k.code, str(k.http_status), str(k.exit_code)) for k in tree() if k.__module__ == errors.__name__
    }
    assert set(drawn) == built


def test_a_code_leads_back_to_its_class() -> None:
    for kind in tree():
        if kind.__module__ == errors.__name__ and kind is not errors.WeighbridgeError:
            assert errors.error_of(kind.code) is kind
    assert errors.error_of("made up") is None


def test_codes_are_unique() -> None:
    codes = [k.code for k in tree() if k.__module__ == errors.__name__]
    assert len(codes) == len(set(codes))


def test_an_error_says_where_what_and_fix() -> None:
    error = errors.InputError("No text.", where="a.jsonl:3", fix="Write some.")
    assert str(error) == "a.jsonl:3: No text. Write some."
    assert str(errors.InputError("No text.")) == "No text."


def test_near_names_are_offered_and_far_ones_listed() -> None:
    assert errors.did_you_mean("gtp-4", ["gpt-4", "glm-5"]) == "Did you mean 'gpt-4'?"
    assert errors.did_you_mean("zzz", ["a", "b"]) == "Known: a, b."
    assert errors.did_you_mean("zzz", map(str, range(9))).endswith("5, ...")
    assert errors.did_you_mean("zzz", []) == "None is known."
