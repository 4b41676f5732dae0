"""`weighbridge weigh --mask` from end to end: a host on loopback that keeps every byte it is sent, and recorded answers."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typer.testing import CliRunner

from weighbridge.cli import app
from weighbridge.errors import InputError, SettingsError, WeighbridgeError

PHONES = [f"020 7946 {number:04d}" for number in range(100, 106)]
NAMES = ["Anna Weber", "Tom Okafor", "Li Castellane", "Mia Duarte", "Ben Achebe", "Eva Lindqvist"]
HIDDEN = "Mx Quillon"  #: no term of the configuration: nobody finds it


class Host(BaseHTTPRequestHandler):
    """Speaks OpenAI's dialect: says the number behind "Tel" of whatever it is asked, in pieces."""

    bodies: list[bytes]

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.bodies.append(body)
        asked = json.loads(body)["messages"][-1]["content"]
        found = re.search(r"Tel (.+?)\. ", asked)
        text = f"It is {found[1] if found else 'unknown'}."
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        pieces = [text[at : at + 3] for at in range(0, len(text), 3)]
        for piece in pieces:
            self._say({"choices": [{"index": 0, "delta": {"content": piece}}]})
        usage = {"prompt_tokens": len(asked), "completion_tokens": 5, "total_tokens": len(asked) + 5}
        self._say({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self._say({"choices": [], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def _say(self, event):
        told = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "echo", **event}
        self.wfile.write(b"data: " + json.dumps(told).encode() + b"\n\n")

    def log_message(self, *_):
        """Not a word."""


@pytest.fixture
def bodies():
    kept: list[bytes] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Kept", (Host,), {"bodies": kept}))
    running = threading.Thread(target=server.serve_forever, args=(0.01,))
    running.start()
    yield server.server_address[1], kept
    server.shutdown()
    server.server_close()
    running.join()


def config(port, more=""):
    terms = json.dumps(NAMES)
    return f"""
[models.echo]
[models.tape]
[hosts.loop]
url = "http://127.0.0.1:{port}/v1"
dialect = "openai-chat"
auth = "none"
[hosts.taped]
auth = "none"
recorded = {{ path = "tape.jsonl" }}
[offers."echo@loop"]
upstream = "echo"
price = {{ input = 1.0, output = 2.0, valid_from = "2026-01-01" }}
[offers."tape@taped"]
[mask]
names = "off"
terms = {{ person = {terms} }}
{more}
"""


@pytest.fixture
def workshop(tmp_path, monkeypatch, bodies):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weighbridge.toml").write_text(config(bodies[0]))
    rows = [
        {
            "id": f"n{at}",
            "category": "numbers",
            "input": f"{name} was seen with {HIDDEN} today. Tel {phone}. What is the number?",
            "target": phone,
            "grader": "contains",
            "identifiers": {"person": [name, HIDDEN], "phone": [phone]},
        }
        for at, (name, phone) in enumerate(zip(NAMES, PHONES, strict=True))
    ]
    (tmp_path / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    bare = [{k: v for k, v in row.items() if k != "identifiers"} for row in rows]
    (tmp_path / "bare.jsonl").write_text("".join(json.dumps(row) + "\n" for row in bare))
    plain = {"id": "a", "input": "Which is a metal? A) wood B) iron", "target": "B", "grader": "choice"}
    (tmp_path / "plain.jsonl").write_text(json.dumps(plain) + "\n")
    tape = [{"when": {"last": name}, "output": phone} for name, phone in zip(NAMES[:4], PHONES, strict=False)]
    (tmp_path / "tape.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in [*tape, {"when": {}, "output": "B"}])
    )
    return tmp_path


def weigh(*arguments):
    return CliRunner().invoke(app, ["weigh", *arguments])


def weighed(*arguments):
    done = weigh(*arguments, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


BOTH = ("notes.jsonl", "--engines", "echo@loop", "--mask", "none,strict")
MASKED = "echo@loop +mask strict"


def test_an_engine_against_itself(workshop, bodies):
    found = weighed(*BOTH)
    assert found["base"] == "echo@loop"
    assert [card["engine"] for card in found["scorecards"]] == ["echo@loop", MASKED]
    assert found["comparisons"].keys() == found["tolls"].keys() == {MASKED}
    assert found["comparisons"][MASKED]["n"] == len(NAMES)
    clear, strict = (card["masked"] for card in found["scorecards"])
    assert (clear["level"], strict["level"]) == ("none", "strict")
    assert clear["leak"]["value"] == 1
    assert clear["per_sample"] == 0
    assert strict["leak"]["value"] == pytest.approx(1 / 3)  # the name that nobody finds
    assert strict["leak"]["n"] == 3 * len(NAMES)
    assert strict["by_kind"]["phone"]["value"] == 0
    assert strict["by_kind"]["person"]["value"] == 0.5
    assert strict["samples"]["value"] == 1
    assert strict["kinds"]["phone"] == len(NAMES)
    assert strict["per_sample"] >= 2
    assert found["identifiers_by"] == "suite"

    assert len(bodies[1]) == 2 * len(NAMES)
    masked = [body for body in bodies[1] if not any(name.encode() in body for name in NAMES)]
    assert len(masked) == len(NAMES)
    assert not any(phone.encode() in body for body in masked for phone in PHONES)
    assert all(HIDDEN.encode() in body for body in masked)


def test_answers_are_graded_as_the_caller_reads_them(workshop):
    found = weighed(*BOTH)
    assert [card["quality"]["value"] for card in found["scorecards"]] == [1, 1]
    for result in found["results"][MASKED]:
        said = result["reply"]["choices"][0]["parts"][0]["text"]
        assert said == f"It is {PHONES[int(result['sample'][1:])]}."
        assert result["exposure"]["leaked"] == {"person": 1}


def test_the_next_run_asks_nothing_and_measures_the_same(workshop, bodies):
    first = weighed(*BOTH)
    asked = len(bodies[1])
    again = weighed(*BOTH)
    assert len(bodies[1]) == asked
    assert all(result["reused"] for found in again["results"].values() for result in found)
    assert [card["masked"] for card in again["scorecards"]] == [card["masked"] for card in first["scorecards"]]
    weighed("notes.jsonl", "--engines", "echo@loop", "--mask", "strict,none")
    assert len(bodies[1]) == asked


def test_each_level_and_each_setting_of_masking_is_asked_by_itself(workshop, bodies):
    weighed(*BOTH)
    asked = len(bodies[1])
    weighed("notes.jsonl", "--engines", "echo@loop", "--mask", "none,personal")
    assert len(bodies[1]) == asked + len(NAMES)
    (workshop / "weighbridge.toml").write_text(config(bodies[0], 'allow = ["Anna Weber"]'))
    found = weighed(*BOTH)
    assert len(bodies[1]) == asked + 2 * len(NAMES)
    strict = found["scorecards"][1]["masked"]
    assert strict["leak"]["value"] == pytest.approx((len(NAMES) + 1) / (3 * len(NAMES)))


def test_quality_that_masking_costs_is_seen(workshop):
    found = weighed("notes.jsonl", "--engines", "tape@taped", "--mask", "none,strict")
    assert [card["quality"]["value"] for card in found["scorecards"]] == [pytest.approx(4 / 6), 0]
    assert found["comparisons"]["tape@taped +mask strict"]["difference"] == pytest.approx(-4 / 6)


def test_the_terminal_and_the_report_tell_it(workshop):
    done = weigh(*BOTH, "--noise", "--margin", "0.5")
    assert done.exit_code == 0, (done.output, done.exception)
    told = " ".join(done.stdout.split())
    assert "What does masking cost echo@loop?" in told
    assert "What the engine saw" in told
    assert "At level none the engine saw 100.0% of 18 identifiers." in told
    assert "At level strict the engine saw 33.3% of 18 identifiers" in told
    assert "Pair by pair, the first token comes" in told
    assert max(map(len, done.stdout.splitlines())) <= 80
    page = (workshop / "weighbridge-report.html").read_text()
    assert "What does masking cost" in page
    assert "At level strict the engine saw 33.3% of 18 identifiers" in page
    assert "Over-masked" in page


def test_detectors_name_what_a_suite_does_not(workshop):
    done = weigh("bare.jsonl", "--engines", "echo@loop", "--mask", "none,strict", "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    assert "names no identifiers; what detectors find" in done.stderr
    found = json.loads(done.stdout)
    assert found["identifiers_by"] == "detectors"
    clear, strict = (card["masked"] for card in found["scorecards"])
    assert clear["leak"]["value"] == 1
    assert strict["leak"]["value"] == 0
    assert strict["leak"]["n"] >= 2 * len(NAMES)


def test_a_suite_in_which_nobody_is_named_has_no_leak_to_tell(workshop):
    done = weigh("plain.jsonl", "--engines", "tape@taped", "--mask", "none,strict", "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    assert "what leaks stays unknown" in done.stderr
    found = json.loads(done.stdout)
    assert all("leak" not in card["masked"] for card in found["scorecards"])
    shown = weigh("plain.jsonl", "--engines", "tape@taped", "--mask", "strict")
    assert "an unknown share of identifiers" in " ".join(shown.stdout.split())


def test_one_level_alone_gets_a_scorecard_without_a_verdict(workshop):
    found = weighed("notes.jsonl", "--engines", "echo@loop", "--mask", "strict")
    assert found["base"] == MASKED
    assert found["comparisons"] == {}
    assert found["scorecards"][0]["masked"]["leak"]["value"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--engines", "echo@loop", "--mask", "none,strickt"), "Did you mean 'strict'?"),
        (("--engines", "echo@loop", "--mask", "none,none"), "named twice"),
        (("--engines", "echo@loop,tape@taped", "--mask", "none,strict"), "--engines names 2"),
        (("--engines", "echo@loop", "--mask", "none,strict", "--base", "echo@loop"), "first level of --mask"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_asked(workshop, bodies, arguments, says):
    done = weigh("notes.jsonl", *arguments)
    assert isinstance(done.exception, InputError), done.output
    assert says in str(done.exception)
    assert not bodies[1]


def test_a_level_below_what_the_configuration_masks_cannot_be_weighed(workshop, bodies):
    (workshop / "weighbridge.toml").write_text(config(bodies[0], 'level = "personal"'))
    done = weigh(*BOTH)
    assert isinstance(done.exception, SettingsError), done.output
    assert "masked at 'personal'" in str(done.exception)
    assert weighed("notes.jsonl", "--engines", "echo@loop", "--mask", "personal,strict")


def test_nothing_is_sent_where_names_are_to_be_found_and_nobody_can(workshop, bodies):
    text = config(bodies[0]).replace('names = "off"', 'names = "fast"')
    (workshop / "weighbridge.toml").write_text(text)
    done = weigh("notes.jsonl", "--engines", "echo@loop", "--mask", "strict")
    assert isinstance(done.exception, WeighbridgeError), done.output
    assert "mask models add" in str(done.exception)
    assert not bodies[1]
