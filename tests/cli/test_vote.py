"""`weighbridge vote`: blind, resumable, undone, summed up and exported; keys are piped in."""

from __future__ import annotations

import json
import random

import msgspec
import pytest
import weighings
from typer.testing import CliRunner

from weighbridge.canon import Ballot
from weighbridge.canon.ballots import Pick
from weighbridge.cli import app
from weighbridge.errors import InputError, StoreError, TooLargeError
from weighbridge.weigh import document
from weighbridge.weigh.judges import people, voting
from weighbridge.weigh.types import Judgement, Preference

COUNT = 6


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(autouse=True)
def workshop(tmp_path):
    asked = [(f"q{i}", f"question {i}") for i in range(COUNT)]
    write(tmp_path / "old.jsonl", [{"id": i, "input": q, "output": f"good {i}"} for i, q in asked])
    write(tmp_path / "new.jsonl", [{"id": i, "output": f"bad {i}"} for i, _ in asked])
    return tmp_path


FILES = ("old.jsonl", "new.jsonl")


def run(*arguments, keys=""):
    return CliRunner().invoke(app, ["vote", *arguments], input=keys)


def voted(*arguments, keys=""):
    done = run(*arguments, keys=keys)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def failure(*arguments, kind=InputError):
    done = run(*arguments)
    assert isinstance(done.exception, kind), (done.output, done.exception)
    return done.exception


def summary(*arguments):
    return json.loads(voted(*arguments, "--summary", "--json"))


def prefer_good(shown):
    """The keys with which somebody who prefers the good answers would have answered what was shown."""
    keys = ""
    for turn in shown.split("question ")[1:]:
        keys += "a" if turn.index("good") < turn.index("bad") else "b"
    return keys


def test_votes_are_blind_and_go_to_whose_answer_it_was():
    shown = voted(*FILES, "--voter", "ann", keys="s" * COUNT)  # to see in which order and on which side answers stand
    assert "old" not in shown
    assert "new" not in shown
    keys = prefer_good(shown)
    assert set(keys) == {"a", "b"}
    voted(*FILES, "--voter", "ann", keys="u" * COUNT + keys)
    found = summary(*FILES)
    (standing,) = found["standings"]
    assert (standing["base"], standing["candidate"]) == ("old", "new")
    assert (standing["votes"], standing["base_votes"], standing["share"]["value"]) == (COUNT, COUNT, 0)
    assert (found["pairs"], found["voted"]) == (COUNT, COUNT)


def test_sides_differ_between_voters_and_the_order_does_not():
    def turns(name):
        shown = voted(*FILES, "--voter", name, keys="q")
        return shown.split("question ")[1][:1]

    assert len({turns(f"v{i}") for i in range(5)}) == 1
    sides = {prefer_good(voted(*FILES, "--voter", f"v{i}", keys="q")) for i in range(12)}
    assert sides == {"a", "b"}


def test_one_stops_and_goes_on_later():
    shown = voted(*FILES, "--voter", "ann", keys="ab\nq")
    assert "2 of 6 pairs voted on by ann; 4 left." in shown
    shown = voted(*FILES, "--voter", "ann", keys="T x")
    assert "3 of 6" in shown
    assert "'x' is no choice" in shown
    assert "3 of 6 pairs voted on by ann; 3 left." in shown
    shown = voted(*FILES, "--voter", "bob", "--limit", "2", keys="tttttt")
    assert "2 of 2 pairs voted on by bob; 0 left." in shown
    assert "question" not in voted(*FILES, "--voter", "bob", "--limit", "2", keys="t")


def test_keys_that_are_no_text_are_no_choice():
    shown = voted(*FILES, "--voter", "ann", keys=b"\xff\x00\x1b[Atq")
    assert "is no choice" in shown
    assert "\x1b" not in shown
    assert "2 of 6 pairs voted on by ann" in shown  # the A of an arrow is a key as well


def test_undo_goes_back_as_far_as_one_likes():
    voted(*FILES, "--voter", "ann", keys="ttq")
    shown = voted(*FILES, "--voter", "ann", keys="uuuq")
    assert "There is nothing to undo." in shown
    assert summary(*FILES)["voted"] == 0


def test_several_voters_and_how_they_agree(workshop):
    keys = prefer_good(voted(*FILES, "--voter", "ann", keys="s" * COUNT))
    voted(*FILES, "--voter", "ann", keys="u" * COUNT + keys)
    keys = prefer_good(voted(*FILES, "--voter", "bob", keys="s" * COUNT))
    voted(*FILES, "--voter", "bob", keys="u" * COUNT + keys[:3] + "tts")
    found = summary(*FILES)
    assert [(v["name"], v["votes"], v["skipped"]) for v in found["voters"]] == [("ann", 6, 0), ("bob", 5, 1)]
    (raters,) = found["raters"]
    assert (raters["agreed"]["value"], raters["agreed"]["n"]) == (0.6, 5)
    shown = voted(*FILES, "--summary")
    assert "2 voters; 6 of 6 pairs voted on." in shown
    assert "new is preferred to old in" in shown
    assert "ann and bob agree on 60.0%" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_votes_are_exported_for_ranking(workshop):
    voted(*FILES, "--voter", "ann", keys="tsab")
    voted(*FILES, "--export", "votes.jsonl")
    rows = [json.loads(line) for line in (workshop / "votes.jsonl").read_text().splitlines()]
    assert len(rows) == 3
    assert {(row["a"], row["b"], row["voter"]) for row in rows} == {("old", "new", "ann")}
    assert rows[0]["winner"] == "tie"
    assert {row["winner"] for row in rows[1:]} <= {"a", "b"}
    assert set(rows[0]) == {"a", "b", "winner", "sample", "cluster", "a_length", "b_length", "voter", "at", "first"}


def test_a_weighing_is_voted_on_and_its_judges_are_compared_with_people(workshop):
    made = weighings.build(12)
    base, other = made.base, weighings.ENGINES[1]
    differ = [s.id for s, a, b in zip(made.samples, made.results[base], made.results[other], strict=True)
              if a.reply and b.reply and a.reply.text != b.reply.text]  # fmt: skip
    preferences = tuple(
        Preference(s.id, 0.0, (Judgement("j@x", 0.0, first=base), Judgement("j@x", 0.0, first=other)))
        for s in made.samples
    )
    made = msgspec.structs.replace(made, preferences={other: preferences})
    (workshop / "w.json").write_bytes(msgspec.json.encode(made))
    shown = voted("w.json", "--candidate", other, "--voter", "ann", keys="t" * 50)
    assert f"{len(differ)} of {len(differ)} pairs" in shown
    assert "smollm2" not in shown
    found = summary("w.json", "--candidate", other)
    assert [(j["one"], j["other"], j["agreed"]["value"]) for j in found["judges"]] == [("j@x", "people", 0.0)]
    assert summary("w.json")["pairs"] > len(differ)
    assert "no candidate" in failure("w.json", "--candidate", "x").what


def test_what_an_answer_holds_does_nothing_to_the_terminal(workshop):
    write(workshop / "evil.jsonl", [{"id": "q0", "output": "\x1b[2Jgone [red]\u202e\x07 \ud800"[:-1]}])
    shown = voted("old.jsonl", "evil.jsonl", keys="q")
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[red]" in shown


@pytest.mark.parametrize(
    ("lines", "where", "what"),
    [
        ('{"id": "q0"}', "x.jsonl:1", "'output' is missing"),
        ('{"id": "q0", "output": 5}', "x.jsonl:1", "'output' is no text"),
        ('{"output": "y"}', "x.jsonl:1", "'id' is missing"),
        ('{"id": "q0", "output": "y"}\n{"id": "q0", "output": "z"}', "x.jsonl:2", "comes twice"),
        ('{"id": "q0", "output": "y"}\n{"id"', "x.jsonl:2", "Not valid JSON"),
        ("", "x.jsonl", "holds no answers"),
        ('{"id": "other", "output": "y"}', "old.jsonl, x.jsonl", "share no id"),
        ('{"id": "q0", "output": " good q0 "}', "old.jsonl, x.jsonl", "all the same"),
    ],
)
def test_bad_files_name_their_line(workshop, lines, where, what):
    (workshop / "x.jsonl").write_text(lines)
    error = failure("old.jsonl", "x.jsonl")
    assert (error.where, what in error.what) == (where, True)
    assert error.fix


def test_what_else_cannot_be_voted_on(workshop):
    assert "cannot be read" in failure("none.json").what
    assert "no weighing" in failure("old.jsonl").what
    assert "cannot be read" in failure("old.jsonl", "none.jsonl").what
    assert "hold one candidate" in failure(*FILES, "--candidate", "x").what
    assert "name cannot be used" in failure(*FILES, "--voter", " \n").what
    assert "Nobody voted" in failure(*FILES, "--export", "votes.jsonl").what
    voted(*FILES, keys="t")
    assert "cannot be written" in failure(*FILES, "--export", "none/votes.jsonl", kind=StoreError).what
    with (workshop / "huge.json").open("wb") as stream:
        stream.truncate((1 << 30) + 1)
    failure("huge.json", kind=TooLargeError)


# --- figures ------------------------------------------------------------------------------------------


def ballots(count, voters, rng):
    for i in range(count):
        for voter in range(voters):
            choice = rng.choice(["base", "candidate", "tie", "skip"])
            yield Ballot(f"p{i}", f"s{i}", "a", "b", choice, f"v{voter}", 1.0, rng.choice(["a", "b"]))


def test_a_pair_counts_once_however_many_voted_on_it():
    many = [Ballot("p1", "s1", "a", "b", "candidate", f"v{i}", 1.0, "a") for i in range(9)]
    one = Ballot("p2", "s2", "a", "b", "base", "v0", 1.0, "a")
    (standing,) = people.summarise([*many, one], pairs=2, seed=1).standings
    assert (standing.share.value, standing.share.n, standing.votes) == (0.5, 2, 10)


def test_random_votes_are_about_even_and_rows_leave_skips_out():
    made = list(ballots(300, 3, random.Random(5)))
    found = people.summarise(made, pairs=300, seed=1)
    assert found.standings[0].share.low < 0.5 < found.standings[0].share.high
    assert all(v.first and v.first.low < 0.5 < v.first.high for v in found.voters)
    assert len(list(voting.rows(made))) == sum(b.choice != "skip" for b in made)
    assert len(found.raters) == 3
    assert found.alpha is not None
    assert found.alpha.low < 0 < found.alpha.high
    assert all(r.corrected and r.corrected.low < 0 < r.corrected.high for r in found.raters)


PICKS: tuple[Pick, Pick] = ("candidate", "base")


def test_votes_on_one_document_count_as_one_look():
    def summary(copies, *, clustered):
        rng, made = random.Random(1), []
        for i in range(20):
            first = rng.choice(PICKS)
            choices = {"ann": first, "bob": first if rng.random() < 0.7 else rng.choice(PICKS)}
            for j in range(copies):
                for voter, choice in choices.items():
                    cluster = f"doc {i}" if clustered else ""
                    made.append(Ballot(f"p{i}-{j}", f"s{i}-{j}", "b", "c", choice, voter, 1.0, "b", cluster))
        return people.summarise(made, pairs=20 * copies, seed=1)

    def widths(found):
        rater, voter = found.raters[0], found.voters[0]
        shares = (rater.agreed, rater.corrected, found.alpha, voter.first, found.standings[0].share)
        return [share.high - share.low for share in shares]

    one, many, apart = (
        widths(summary(copies, clustered=clustered)) for copies, clustered in ((1, False), (25, True), (25, False))
    )
    assert all(width > 0.9 * alone > 2 * wrong for width, alone, wrong in zip(many, one, apart, strict=True))


def test_two_candidates_on_one_sample_hang_together():
    rng = random.Random(2)
    made = []
    for i in range(40):
        for voter in ("ann", "bob"):
            choice = rng.choice(PICKS)
            made += [Ballot(f"p{i}{c}", f"s{i}", "a", c, choice, voter, 1.0, "a") for c in "bcdefg"]
    many, one = (
        people.summarise(rows, pairs=40, seed=1).alpha for rows in (made, [b for b in made if b.candidate == "b"])
    )
    assert many
    assert one
    assert many.high - many.low > 0.9 * (one.high - one.low)


def test_votes_correct_a_judge_that_is_too_fond_of_the_candidate():
    rng = random.Random(3)
    truth = [float(rng.random() < 0.4) for _ in range(400)]
    fond = [score if rng.random() < 0.7 else 1.0 for score in truth]
    told = tuple(
        Preference(f"s{i}", score, (Judgement("j", score, first="a"), Judgement("j", score, first="b")))
        for i, score in enumerate(fond)
    )
    some = [
        Ballot(f"p{i}", f"s{i}", "a", "b", "candidate" if truth[i] else "base", "ann", 1.0, "a")
        for i in range(0, 400, 5)
    ]
    found = people.summarise(some, pairs=400, seed=1, preferences={"b": told})
    (one,) = found.powered
    assert (one.voted, one.pairs) == (80, 400)
    assert one.judges_alone > 0.5
    assert one.estimate.low < sum(truth) / 400 < one.estimate.high < one.judges_alone
    assert one.estimate.high - one.estimate.low < one.votes_alone.high - one.votes_alone.low
    assert people.summarise(some[:2], pairs=400, seed=1, preferences={"b": told}).powered == ()


def test_a_scorecard_document_with_answers_is_voted_on(workshop):
    made = weighings.build(6)
    (workshop / "w.json").write_bytes(document.write(made, with_answers=True))
    (workshop / "bare.json").write_bytes(document.write(made))
    other = weighings.ENGINES[2]
    shown = voted("w.json", "--candidate", other, "--voter", "ann", keys="t" * 20)
    assert "0 left." in shown
    assert summary("w.json", "--candidate", other)["voted"] > 0
    assert "no pair of answers" in failure("bare.json").what
