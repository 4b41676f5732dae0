"""What clients ask engines beside conversations: how many tokens a request has, and embeddings."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Engine, Plan, Reply, Request, Usage, encode
from weighbridge.dialects import counting
from weighbridge.dialects.splice import splice_model
from weighbridge.dialects.strict import decode, kind
from weighbridge.errors import BrokenAnswerError, EngineError, InputError, MaskError, PolicyError
from weighbridge.exchange import Call, Road, WholeAnswer
from weighbridge.exchange.tries import CHARS_PER_TOKEN, estimate_usage
from weighbridge.gateway.answers import Pairs, told
from weighbridge.gateway.fronts import CHAT
from weighbridge.routes import Resolve, choose

_ESTIMATED = (b"x-weighbridge-estimated", b"1")
_EMBEDDING = frozenset({"openai-chat", "openai-responses"})  #: whoever speaks one of these may have the other paths


class Counted(Struct, frozen=True):
    """A count, ready to be told."""

    tokens: int
    dialect: str
    headers: Pairs

    async def body(self) -> bytes:
        """The answer in the client's dialect."""
        return counting.write_answer(self.dialect, self.tokens)

    async def close(self, *, reason: str = "") -> None:
        """Nothing is held."""


class Counting:
    """Counts tokens: by the engine that would answer, where it can, else by an estimate that says that it is one.

    Args:
        road: How engines are called.
        plan: Gives the plan in force.
        engine: Finds engines by name.
    """

    def __init__(self, road: Road, plan: Callable[[], Plan], engine: Resolve) -> None:
        self._road = road
        self._plan = plan
        self._engine = engine

    async def ask(self, call: Call, front: str) -> Counted:
        """Count the tokens of a request.

        Only the first engine of a route is asked: another one's tokens are no answer.

        Args:
            call: What is to be counted.
            front: The client's dialect.

        Raises:
            NotFoundError: No such route or engine.
        """
        engine = choose(self._plan(), call.request.model, self._engine).engines[0]
        dialect = counts_in(engine, front)
        if dialect:
            told_here = call.request.headers if dialect == front else {}
            try:
                answer = await self._road.forward(
                    replace(call, dialect=dialect, request=replace(call.request, headers=told_here)),
                    target=counting.target(dialect, engine.upstream),
                    write=lambda request, one: _written(request, one, dialect),
                    read=_no_tokens,
                    serves=lambda one: one.name == engine.name,
                )
                return Counted(counting.read_answer(await answer.body()), front, told(answer))
            except (EngineError, MaskError, PolicyError, InputError):
                pass  # its trace tells why; an estimate serves the client better than an error
        return Counted(estimate(call.request), front, [_ESTIMATED])


def counts_in(engine: Engine, front: str) -> str:
    """The dialect in which an engine's host can be asked for a count, the client's own if possible; "" for none."""
    if engine.host.runs_here:
        return counting.NAMES[0]  # llama.cpp's server counts for each of its models
    spoken = {engine.host.dialect, *engine.host.speaks}
    return next((name for name in (front, *counting.NAMES) if name in spoken and name in counting.NAMES), "")


def estimate(request: Request) -> int:
    """About how many tokens a request has: the tracer's rule, and by the same the tools, which it has no need of."""
    tools = sum(len(tool.name) + len(tool.description) + len(encode(tool.schema)) for tool in request.tools)
    return max(1, estimate_usage(request, None).input + round(tools / CHARS_PER_TOKEN))


def read_embedding(body: bytes, *, max_depth: int) -> Request:
    """Read what a client wants to have embedded. All of it stands in `extra`: the host gets the bytes as they are.

    Raises:
        InputError: It names no model or holds nothing to embed.
        TooLargeError: It nests deeper than `max_depth`.
    """
    asked = decode(body, max_depth)
    for name, wanted in (("model", "the name of a route or an engine"), ("input", "a text, or a list of texts")):
        if not asked.get(name):
            raise InputError(f"Nothing stands under '{name}'.", where=name, fix=f"Give {wanted}.")
    if type(asked["model"]) is not str:
        raise InputError(f"It is {kind(asked['model'])}.", where="model", fix="Give the name of a route or an engine.")
    return Request(model=asked.pop("model"), extra={"openai-embeddings": asked})


async def embed(road: Road, call: Call) -> WholeAnswer:
    """Have texts embedded.

    Raises:
        NotFoundError: No such route or engine.
        InputError: No engine of the route has a host that offers embeddings.
        EngineError: Every engine failed.
    """
    body = call.body or b""
    return await road.forward(
        replace(call, dialect=CHAT),
        target="/embeddings",
        write=lambda request, engine: _embedding(body, call.request, request, engine),
        read=read_embedded,
        serves=lambda engine: bool(_EMBEDDING & {engine.host.dialect, *engine.host.speaks}),
    )


def _embedding(body: bytes, asked: Request, request: Request, engine: Engine) -> bytes:
    """The client's bytes; where something was masked in them, what was read of them."""
    if request is asked:
        return splice_model(body, engine.upstream)
    return encode({"model": engine.upstream, **request.extra["openai-embeddings"]})


class _Usage(Struct):
    prompt_tokens: int = 0


class _Embedded(Struct):
    data: list[msgspec.Raw]
    model: str = ""
    usage: _Usage | None = None


_EMBEDDED = msgspec.json.Decoder(_Embedded)


def read_embedded(body: bytes) -> Reply:
    """What the trace keeps of an answer with embeddings: the tokens, not the numbers.

    Raises:
        BrokenAnswerError: It holds no embeddings.
    """
    try:
        told = _EMBEDDED.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenAnswerError(f"The embeddings cannot be read: {error}.") from error
    usage = Usage(input=told.usage.prompt_tokens) if told.usage is not None else None
    return Reply(model=told.model, usage=usage)


def _written(request: Request, engine: Engine, dialect: str) -> bytes:
    asked = replace(request, model=engine.upstream)
    return counting.write_request(dialect, asked, engine.profile_in(dialect))


def _no_tokens(body: bytes) -> Reply:
    """A count costs nothing: its trace has no tokens."""
    counting.read_answer(body)
    return Reply(usage=Usage())
