"""What is never masked."""

import pytest

from weighbridge.mask.allow import Allow
from weighbridge.mask.scan import Scanner


@pytest.mark.parametrize(
    "name", ["Claude", "GPT-4o", "gpt-4", "Monday", "December", "Python 3.11", "OpenAI", "Claude Opus 4", "DeepSeek"]
)
def test_public_names_are_no_names(name: str):
    assert Allow().admits(name, "person")
    assert Allow().admits(f" {name}. ", "organisation")


@pytest.mark.parametrize("name", ["April Smith", "Claude Monet", "Anna", "Mistral Meyer"])
def test_people_are_not_let_through_for_a_public_part(name: str):
    assert not Allow().admits(name, "person")


def test_public_names_pass_only_as_names():
    assert not Allow().admits("claude", "password")
    assert not Allow().admits("python", "username")


def test_the_configuration_lets_anything_pass():
    allow = Allow(["Acme  Corp", "info@acme.test"])
    assert allow.admits("ACME Corp", "organisation")
    assert allow.listed("info@acme.test")
    assert not allow.listed("bob@acme.test")
    assert not Allow().listed("")


def test_the_scanner_keeps_to_the_list():
    text = "mail info@acme.io and bob@acme.io"
    spans = Scanner(allow=["Info@acme.io"], engine="re").scan(text)
    assert {text[span.start : span.end] for span in spans if span.kind == "email"} == {"bob@acme.io"}
