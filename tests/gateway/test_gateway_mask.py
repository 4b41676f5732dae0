"""Masking at the running gateway: nothing leaks anywhere, and conversations keep everybody apart and come back whole."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from typing import Any

import pytest
from gateways import unmeasured

from weighbridge import dialects, settings
from weighbridge.canon import Masking
from weighbridge.cli.drill_bodies import ANTHROPIC, CHAT, DIALECTS, GEMINI, RESPONSES, TOOL, path
from weighbridge.cli.drill_gateway import configure, route, running
from weighbridge.cli.drill_host import leaves, opened
from weighbridge.dialects.fold import Fold
from weighbridge.engines.transport import AiohttpTransport, HttpRequest

pytestmark = pytest.mark.xdist_group("gateway")

PEOPLE = {
    "Ottilie Brandstetter": "ottilie.b@quill-post.net",
    "Ottilie Quillmoor": "o.quillmoor@quill-post.net",
    "Lorenzo Brandstetter": "lorenzo@brandstetter-post.net",
    "Lorenza Castellano": "lorenza77@castle-post.net",
}
CONFIG = f"""
[mask]
names = "off"
[mask.terms]
person = {json.dumps([*PEOPLE])}
[client]
backoff = 0.01
"""
ROUTE = """
[routes.r]
primary = "gpt-4.1@openai"
mask = "strict"
"""
TURNS = 20
LETTERS = "abcdefghijklmnopqrst"


def load(folder, text=CONFIG):
    (folder / "weighbridge.toml").write_text(text)
    return settings.load(folder / "weighbridge.toml", environ={})


@pytest.mark.no_cover
@pytest.mark.timeout(240)
def test_nothing_leaks_and_everything_comes_back(tmp_path):
    load(tmp_path, CONFIG + ROUTE)
    program = "from weighbridge.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "mask", "drill", "r", "--quick", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=unmeasured(),  # it searches dozens of megabytes
    )
    told = json.loads(done.stdout)
    assert told["leaks"] == []
    assert told["broken"] == []
    assert done.returncode == 0
    assert told["level"] == "strict"
    assert told["canaries"] > 1500
    assert told["searched"] > 10**7


# --- conversations ----------------------------------------------------------------------------


def said(turn):
    """What somebody says in a turn: of two people, one of them as in the turn before."""
    names = [*PEOPLE]
    first, second = names[turn % len(names)], names[(turn + 1) % len(names)]
    return f"Line {LETTERS[turn]}: {first} (mail {PEOPLE[first]}) called {second}, who wrote from {PEOPLE[second]}."


class Talk:
    """One conversation in a dialect: what was said so far, and each next turn with the answer in it."""

    def __init__(self, dialect, model):
        self.dialect = dialect
        self.model = model
        self.turns: list[dict[str, Any]] = []
        self.answers: list[str] = []

    def body(self, turn, *, stream):
        text = said(turn)
        if self.dialect == GEMINI:
            self.turns.append({"role": "user", "parts": [{"text": text}]})
            declared = {"name": TOOL, "parameters": {"type": "object", "properties": {"said": {"type": "string"}}}}
            return {"contents": self.turns, "tools": [{"functionDeclarations": [declared]}]}
        self.turns.append({"role": "user", "content": text})
        schema = {"type": "object", "properties": {"said": {"type": "string"}}}
        body: dict[str, Any] = {"model": self.model, "stream": stream}
        if self.dialect == RESPONSES:
            tool = {"type": "function", "name": TOOL, "parameters": schema}
            return body | {"input": self.turns, "tools": [tool], "store": False}
        if self.dialect == ANTHROPIC:
            tools = [{"name": TOOL, "input_schema": schema}]
            return body | {"messages": self.turns, "tools": tools, "max_tokens": 1000}
        tools = [{"type": "function", "function": {"name": TOOL, "parameters": schema}}]
        return body | {"messages": self.turns, "tools": tools}

    def answered(self, turn, text, arguments):
        """Put the answer and its tool call into the history, with a result of the tool."""
        self.answers.append(text)
        call, result = f"call_{turn:04}", json.dumps({"found": said(turn)})
        if self.dialect == CHAT:
            made = {"id": call, "type": "function", "function": {"name": TOOL, "arguments": arguments}}
            self.turns.append({"role": "assistant", "content": text, "tool_calls": [made]})
            self.turns.append({"role": "tool", "tool_call_id": call, "content": result})
        elif self.dialect == RESPONSES:
            self.turns.append({"role": "assistant", "content": text})
            self.turns.append({"type": "function_call", "call_id": call, "name": TOOL, "arguments": arguments})
            self.turns.append({"type": "function_call_output", "call_id": call, "output": result})
        elif self.dialect == ANTHROPIC:
            use = {"type": "tool_use", "id": call, "name": TOOL, "input": json.loads(arguments)}
            self.turns.append({"role": "assistant", "content": [{"type": "text", "text": text}, use]})
            told = {"type": "tool_result", "tool_use_id": call, "content": result}
            self.turns.append({"role": "user", "content": [told]})
        else:
            parts: list[Any] = [{"text": text}, {"functionCall": {"name": TOOL, "args": json.loads(arguments)}}]
            self.turns.append({"role": "model", "parts": parts})
            response = {"functionResponse": {"name": TOOL, "response": json.loads(result)}}
            self.turns.append({"role": "user", "parts": [response]})


def told_of(dialect, answer, *, stream):
    speaks = dialects.get(dialect)
    if not stream:
        return speaks.read_reply(answer)
    made = speaks.reader()
    fold = Fold.of([*made.feed(answer), *made.close()])
    assert fold.failure is None
    return fold.reply()


async def converse(talk, url, transport):
    """All turns of one conversation, each answered with its own last words."""
    for turn in range(TURNS):
        stream = turn % 2 == 1
        body = json.dumps(talk.body(turn, stream=stream)).encode()
        headers = {"content-type": "application/json", "x-weighbridge-conversation": f"talk-{talk.dialect}"}
        request = HttpRequest("POST", url + path(talk.dialect, talk.model, stream=stream), headers, body)
        response = await transport.send(request, connect_timeout=10, read_timeout=60)
        answer = await response.read(1 << 26)
        assert response.status == 200, answer
        reply = told_of(talk.dialect, answer, stream=stream)
        (call,) = reply.choices[0].tool_calls
        assert reply.text == said(turn)
        assert json.loads(call.arguments) == {"said": said(turn)}
        talk.answered(turn, reply.text, call.arguments)


async def conversations(folder, config):
    """A conversation in each dialect at once, each at a host of another; what the host saw of each."""
    talks = [Talk(client, route("repeat", DIALECTS[(n + 1) % len(DIALECTS)])) for n, client in enumerate(DIALECTS)]
    transport = AiohttpTransport(connections=len(talks))
    try:
        async with opened() as host:
            async with running(configure(folder, config, Masking(level="strict"), host)) as url:
                await asyncio.gather(*(converse(talk, url, transport) for talk in talks))
            return {talk.model.partition("repeat-")[2]: talk for talk in talks}, host.captured
    finally:
        await transport.close()


SENTENCE = re.compile(r"Line ([a-z]): (.+?) \(mail (.+?)\) called (.+?), who wrote from (.+?)\.$", re.MULTILINE)


@pytest.mark.no_cover
def test_twenty_turns_in_each_dialect_keep_everybody_apart(tmp_path):
    (work := tmp_path / "work").mkdir()
    talks, captured = asyncio.run(conversations(work, load(tmp_path)))
    assert len(captured) == TURNS * len(DIALECTS)
    everyone: dict[str, set[str]] = {}
    for dialect in talks:
        bodies = [one.body for one in captured if one.dialect == dialect]
        assert len(bodies) == TURNS
        for body in bodies:
            assert not any(word.encode() in body for name in PEOPLE for word in (name, PEOPLE[name]))
        surrogates: dict[str, set[str]] = {}
        for leaf in leaves(json.loads(bodies[-1])):
            for letter, *hidden in SENTENCE.findall(leaf):
                for real, shown in zip(SENTENCE.findall(said(LETTERS.index(letter)))[0][1:], hidden, strict=True):
                    surrogates.setdefault(real, set()).add(shown)
        assert surrogates.keys() == {*PEOPLE, *PEOPLE.values()}
        assert all(len(shown) == 1 for shown in surrogates.values()), surrogates  # one each, in all turns
        shown = {next(iter(one)) for one in surrogates.values()}
        assert len(shown) == 2 * len(PEOPLE)  # nobody has another's
        for real, one in surrogates.items():
            everyone.setdefault(real, set()).update(one)
    # No two conversations can be joined by what they call somebody; that two names agree by chance is rare.
    assert sum(map(len, everyone.values())) >= len(everyone) * len(DIALECTS) - 2
