"""Verifying a document: every figure worked out anew from its raw part, every digest, and what nobody can check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from weighbridge import __version__
from weighbridge.errors import InputError
from weighbridge.weigh import suites
from weighbridge.weigh.document import rebuilding, recomputing, signing, writing
from weighbridge.weigh.document.matching import UNTOLD, Leaf, leaves
from weighbridge.weigh.document.reading import Opened
from weighbridge.weigh.types import Suite, Weighing

MOST_NAMED = 100  #: disagreements that are named one by one; all are counted


class Check(Struct, frozen=True):
    """One kind of claim: how many agree with what was worked out, how many do not, how many only one side knows."""

    name: str
    agree: int = 0
    disagree: int = 0
    untold: int = 0


class Disagreement(Struct, frozen=True):
    """A claim that is not what follows: where it stands, what the document tells, what was worked out."""

    check: str
    path: str
    told: Any
    recomputed: Any


class Verification(Struct, frozen=True):
    """What verifying a document found. `unverifiable` are sentences on what cannot be worked out from it, and why."""

    agrees: bool
    suite: str
    samples: int
    contestants: int
    software: str
    verified_by: str
    digest: str
    checks: tuple[Check, ...]
    disagreements: tuple[Disagreement, ...] = ()
    unverifiable: tuple[str, ...] = ()
    signed_by: str = ""


def verify(opened: Opened, *, suite: Suite | None = None, key: bytes | None = None) -> Verification:
    """Work out all that can be worked out from a document, and compare.

    Args:
        opened: The document.
        suite: The suite that it says was asked, to be compared with the samples' digests.
        key: The Ed25519 public key that must have signed it; without one a signature is checked by its own key.

    Raises:
        InputError: The raw part cannot be weighed at all.
    """
    document = opened.typed
    told = rebuilding.weighing_of(opened)
    engines = recomputing.contestants(told)
    stopping = list(recomputing.stoppings(told, suite))
    found: list[tuple[str, Iterable[Leaf]]] = [
        ("digests", _digests(opened)),
        ("page", _page(opened)),
        ("figures", _figures(opened, told)),
        ("stopping", stopping),
        ("costs", recomputing.costs(document, engines)),
        ("judgements", recomputing.judgements(document)),
        ("prompts", recomputing.prompts(document)),
        ("samples", recomputing.samples(document)),
        ("answers", recomputing.answers(document)),
        ("grades", recomputing.grades(document)),
        ("suite", _suite(told, opened, suite) if suite else ()),
        ("signature", signing.checked(opened, key)),
    ]
    checks, wrong = [], list[Disagreement]()
    tolerant = document.software.version != __version__
    for name, pairs in found:
        check, differing = _count(name, pairs, tolerant=tolerant and name == "figures")
        checks.append(check)
        wrong += differing
    return Verification(
        agrees=not any(check.disagree for check in checks),
        suite=told.suite,
        samples=len(told.samples),
        contestants=len(told.results),
        software=f"{document.software.name} {document.software.version}",
        verified_by=f"weighbridge {__version__}",
        digest=document.digests.document,
        checks=tuple(check for check in checks if check.agree or check.disagree or check.untold),
        disagreements=tuple(wrong[:MOST_NAMED]),
        unverifiable=tuple(_unverifiable(opened, told, checks)),
        signed_by=document.signature.key if document.signature else "",
    )


def _count(name: str, pairs: Iterable[Leaf], *, tolerant: bool) -> tuple[Check, list[Disagreement]]:
    """The count of a kind, and the first that disagree. `tolerant`: what only one side knows is no disagreement."""
    agree = disagree = untold = 0
    named: list[Disagreement] = []
    for leaf in pairs:
        if leaf.agrees:
            agree += 1
        elif tolerant and (leaf.told is UNTOLD or leaf.found is UNTOLD):
            untold += 1
        else:
            disagree += 1
            if len(named) < MOST_NAMED:
                named.append(Disagreement(name, leaf.path, _plain(leaf.told), _plain(leaf.found)))
    return Check(name, agree, disagree, untold), named


def _plain(value: Any) -> Any:
    return None if value is UNTOLD else value


def _digests(opened: Opened) -> Iterator[Leaf]:
    found = writing.digests(opened.tree)
    yield Leaf("digests.raw", opened.typed.digests.raw, found["raw"])
    yield Leaf("digests.document", opened.typed.digests.document, found["document"])


def _page(opened: Opened) -> Iterator[Leaf]:
    """The page around a document against the digest that it tells of it."""
    told = opened.typed.page
    if told is not None and opened.page:
        yield Leaf("page.sha256", told.sha256, opened.page)


def _figures(opened: Opened, told: Weighing) -> Iterator[Leaf]:
    try:
        found = recomputing.figures(told)
    except InputError as error:
        raise InputError(
            f"The raw part cannot be weighed: {error.what}", where=f"{opened.name}: raw", fix=error.fix
        ) from error
    claimed = {name: value for name, value in opened.tree["figures"].items() if name != "stopping"}
    found.pop("stopping", None)
    return leaves(claimed, found, "figures")


def _suite(told: Weighing, opened: Opened, suite: Suite) -> Iterator[Leaf]:
    """The samples of a suite at hand against their digests in the document."""
    first = suite.samples[: len(told.samples)]  # --limit makes a suite of those alone
    limited = told.digest != suite.digest and suites.digest(first) == told.digest
    yield Leaf("raw.suite.digest", told.digest, told.digest if limited else suite.digest)
    at_hand = {sample.id: sample for sample in suite.samples}
    columns_of = opened.typed.raw.suite.samples
    for index, (key, digest) in enumerate(zip(columns_of.id, columns_of.digest, strict=True)):
        found = writing.sample_digest(at_hand[key], told.identifiers_by) if key in at_hand else None
        yield Leaf(f"raw.suite.samples.digest[{index}]", digest, found)


def _unverifiable(opened: Opened, told: Weighing, checks: Iterable[Check]) -> Iterator[str]:
    document = opened.typed
    yield "That the answers, tokens and times were measured as told: a document cannot prove it, a new run can."
    if opened.page and document.page is None:
        yield "What the page shows around its document: the document tells no digest of it."
    if grades := recomputing.ungraded(document):
        yield (
            f"{grades:,} grades: the answers are not in the document, or take a judge or a sandbox; the SHA-256 of each "
            "answer is."
        )
    if costs := recomputing.uncosted(document):
        yield f"{costs:,} costs: the tokens that they are for are not told."
    if told.stopping and not any(check.name == "stopping" and check.agree + check.disagree for check in checks):
        yield "When the sequential comparison stopped: that takes the suite that the samples were drawn from, see --suite."
    if untold := sum(check.untold for check in checks):
        yield (
            f"{untold:,} figures that only one version of the software knows: {document.software.name} "
            f"{document.software.version} wrote the document, {__version__} verifies it."
        )
    if document.signature is None:
        yield "Who stands by it: nobody signed. Whoever changes a grade can work out new figures and digests as well."
