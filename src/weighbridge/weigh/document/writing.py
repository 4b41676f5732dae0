"""A weighing as an open scorecard document."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from weighbridge import __version__
from weighbridge.canon import FilePart, ImagePart
from weighbridge.weigh.document import canonical, columns
from weighbridge.weigh.document.columns import Fetch
from weighbridge.weigh.document.shape import FORMAT, VERSION, Role
from weighbridge.weigh.types import Result, Sample, Weighing

ELEMENT = "weighbridge-scorecard"  #: the id of the script element that carries a document inside HTML
MOST_PLAIN = 2_000_000  #: bytes of a document that stands in HTML as it is; a larger one is packed
SIGNED_APART = ("digests", "signature")  #: the members that the document's own digest leaves out
FIGURES = ("scorecards", "comparisons", "noise", "tolls", "changes", "stopping", "preferred")
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def document(weighing: Weighing, *, with_answers: bool = False, fetch: Fetch | None = None) -> dict[str, Any]:
    """The document of a weighing, as a JSON value.

    Args:
        weighing: What was measured and what is claimed of it.
            One that was read from a document gives that document again.
        with_answers: Put questions and answers in. Without them the document holds their SHA-256, by which they can be
            checked later, and nothing that anybody wrote but judges.
        fetch: Gives the answers that the weighing does not hold.
    """
    members = _members(weighing, with_answers=with_answers, fetch=fetch)
    return (
        members if "digests" in members and "page" not in weighing.source else members | {"digests": digests(members)}
    )


def _bare(weighing: Weighing, *, with_answers: bool, fetch: Fetch | None = None) -> dict[str, Any]:
    """The document without its digests."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "software": {"name": "weighbridge", "version": weighing.version or __version__},
        "raw": raw(weighing, with_answers=with_answers, fetch=fetch),
        "figures": figures(weighing),
    }


def write(weighing: Weighing, *, with_answers: bool = False, fetch: Fetch | None = None) -> bytes:
    """The document in its canonical form, with a line break behind it; see `document`."""
    return _written(_members(weighing, with_answers=with_answers, fetch=fetch)) + b"\n"


def embed(weighing: Weighing) -> str:
    """The document, without answers, as a script element that no browser runs and nothing inside can end.

    A large document is packed, since hundreds of thousands of grades would make a page slow to open.
    """
    return embedded(_written(_members(weighing, with_answers=False)))


def embed_in(page: str, weighing: Weighing, fetch: Fetch | None = None) -> str:
    """An HTML page with the document at the end of its body, which tells the digest of all the rest of the page.

    So a figure that is changed in the page alone is found as well.
    """
    at = page.rfind("</body>")
    before, after = (page[:at], page[at:]) if at >= 0 else (page, "")
    told = {"sha256": canonical.sha256((before + after).encode())}
    members = _members(weighing, with_answers=False, fetch=fetch) | {"page": told}
    return before + embedded(_written({name: value for name, value in members.items() if name != "signature"})) + after


def _members(weighing: Weighing, *, with_answers: bool, fetch: Fetch | None = None) -> dict[str, Any]:
    """The document, its digests and signature only where it was read with them."""
    if weighing.source:
        return {name: value for name, value in weighing.source.items() if name != "page"}
    return _bare(weighing, with_answers=with_answers, fetch=fetch)


def _written(members: dict[str, Any]) -> bytes:
    """The canonical form; what is long is worked out once, for the digests and for the file."""
    pieces = canonical.members({name: value for name, value in members.items() if name not in SIGNED_APART})
    made = _digests(pieces)
    if "signature" in members and members.get("digests") == made:
        pieces["signature"] = canonical.encode(members["signature"])
    return canonical.joined(pieces | {"digests": canonical.encode(made)})


def embedded(data: bytes) -> str:
    """The script element that carries a document, given as JSON."""
    start = f'<script type="application/json" id="{ELEMENT}"'
    if len(data) <= MOST_PLAIN:
        return f"{start}>{data.decode().translate(_ESCAPES)}</script>"
    packed = base64.b64encode(gzip.compress(data, 3, mtime=0)).decode()
    return f'{start} data-packed="gzip-base64">"{packed}"</script>'


def digests(tree: dict[str, Any]) -> dict[str, str]:
    """The digests that belong to a document: of its raw part, and of all but `digests` and `signature`."""
    return _digests(canonical.members({name: value for name, value in tree.items() if name not in SIGNED_APART}))


def _digests(pieces: dict[str, bytes]) -> dict[str, str]:
    return {"raw": canonical.sha256(pieces.get("raw", b"null")), "document": canonical.sha256(canonical.joined(pieces))}


def figures(weighing: Weighing) -> dict[str, Any]:
    """All that is claimed of the raw part."""
    found = {name: getattr(weighing, name) for name in FIGURES}
    return {
        name: columns.clean(msgspec.to_builtins(value))
        for name, value in found.items()
        if value or name in {"scorecards", "comparisons"}
    }


def raw(weighing: Weighing, *, with_answers: bool = False, fetch: Fetch | None = None) -> dict[str, Any]:
    """All that figures are made of."""
    made: dict[str, Any] = {
        "run": _run(weighing),
        "suite": {
            "name": columns.clean(weighing.suite),
            "digest": weighing.digest,
            "samples": _samples(weighing, with_answers=with_answers),
        },
        "engines": [_engine(engine) for engine in columns.clean(msgspec.to_builtins(weighing.engines))],
        "passes": _passes(weighing, with_answers=with_answers, fetch=fetch),
    }
    if weighing.judges:
        made["judges"] = columns.clean(msgspec.to_builtins(weighing.judges))
    if weighing.preferences:
        made["preferences"] = columns.clean(msgspec.to_builtins(weighing.preferences))
    return made


def _run(weighing: Weighing) -> dict[str, Any]:
    names = ("day", "started", "seed", "margin", "alpha", "base", "levels", "identifiers_by", "stopped", "sandbox")
    return {name: columns.clean(value) for name in names if (value := getattr(weighing, name)) not in ("", ())}


def _engine(engine: dict[str, Any]) -> dict[str, Any]:
    return {name: engine[name] for name in ("model", "host", "offer")}


def _samples(weighing: Weighing, *, with_answers: bool) -> dict[str, Any]:
    found = weighing.samples
    made: dict[str, Any] = {
        "id": columns.clean([sample.id for sample in found]),
        "digest": [sample_digest(sample, weighing.identifiers_by) for sample in found],
        "grader": columns.clean([sample.grader for sample in found]),
    }
    for name in ("category", "cluster"):
        values = [getattr(sample, name) for sample in found]
        if any(values):
            made[name] = columns.clean(values)
    asks = [asked_for(sample) for sample in found]
    if any(asks):
        made["asks"] = asks
    if with_answers:
        made["whole"] = [whole(sample, weighing.identifiers_by) for sample in found]
    return made


def sample_digest(sample: Sample, identifiers_by: str) -> str:
    """SHA-256 of the canonical form of a sample as its suite has it."""
    return canonical.digest(whole(sample, identifiers_by))


def whole(sample: Sample, identifiers_by: str) -> dict[str, Any]:
    """The sample as a JSON value."""
    made: dict[str, Any] = msgspec.to_builtins(bare(sample, identifiers_by))
    return made


def bare(sample: Sample, identifiers_by: str) -> Sample:
    """The sample without what detectors found in it: that is none of the suite's words."""
    return replace(sample, identifiers=()) if identifiers_by == "detectors" else sample


def asked_for(sample: Sample) -> list[str]:
    """What the sample needs of an engine beside words."""
    parts = [part for message in sample.messages for part in message.parts]
    needs = {
        "tools": bool(sample.tools),
        "schema": sample.schema is not None,
        "image": any(isinstance(part, ImagePart) for part in parts),
        "file": any(isinstance(part, FilePart) for part in parts),
    }
    return [name for name, needed in needs.items() if needed]


def _passes(weighing: Weighing, *, with_answers: bool, fetch: Fetch | None) -> Sequence[dict[str, Any]]:
    found: list[tuple[Role, str, Sequence[Result]]] = [("answers", *pair) for pair in weighing.results.items()]
    found += [("repeat", name, results) for name, passes in weighing.repeats.items() for results in passes]
    found += [("again", weighing.base, weighing.again)] if weighing.again else []
    return [
        columns.write(name, role, weighing.samples, results, with_answers=with_answers, fetch=fetch)
        for role, name, results in found
    ]
