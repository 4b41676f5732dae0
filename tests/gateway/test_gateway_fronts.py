"""Each dialect at the running gateway: paths, keys, errors, lists, counts, embeddings, stored responses."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import anthropic
import openai
import pytest
from gateways import Behaviour, Gateway, Host, post, toml
from google import genai

from weighbridge.gateway.fronts import ANTHROPIC, CHAT, GEMINI, RESPONSES

pytestmark = pytest.mark.xdist_group("gateway")

KEY = "a key \N{SNOWMAN} that nobody guesses".encode().hex()
USER: Any = {"role": "user", "content": "hi"}
ASKS: dict[str, tuple[str, str, dict[str, Any]]] = {
    CHAT: ("/v1/chat/completions", "/v1/chat/completions", {"messages": [USER]}),
    RESPONSES: ("/v1/responses", "/v1/responses", {"input": [USER]}),
    ANTHROPIC: ("/v1/messages", "/v1/messages", {"max_tokens": 10, "messages": [USER]}),
    GEMINI: (
        "/v1beta/models/{model}:generateContent",
        "/v1beta/models/{model}:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    ),
}
FRONTS = tuple(ASKS)
COUNTED = {"input_tokens": 42}
EMBEDDED = {
    "object": "list",
    "model": "emb",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -1.0]}],
    "usage": {"prompt_tokens": 7, "total_tokens": 7},
}
LONG = "x" * 4000


def native(name):
    """An answer of a host that speaks Responses itself."""
    content = [{"type": "output_text", "text": f"mine, {name}", "annotations": [], "logprobs": []}]
    message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": content}
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": f"sealed-{name}"}
    return {
        "id": name, "object": "response", "created_at": 1, "model": "native", "status": "completed", "error": None,
        "incomplete_details": None, "instructions": None, "metadata": {}, "parallel_tool_calls": True, "tools": [],
        "tool_choice": "auto", "temperature": 1.0, "top_p": 1.0, "output": [thought, message], "news": {"x": 1},
    }  # fmt: skip


def flow(answer):
    begun = answer | {"status": "in_progress", "output": []}
    place = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": answer["output"][0]},
        {"type": "response.output_item.done", "output_index": 0, "item": answer["output"][0]},
        {"type": "response.output_item.added", "output_index": 1, "item": answer["output"][1] | {"content": []}},
        {
            "type": "response.output_text.delta",
            "delta": answer["output"][1]["content"][0]["text"],
            "logprobs": [],
            **place,
        },
        {"type": "response.output_item.done", "output_index": 1, "item": answer["output"][1]},
        {"type": "response.completed", "response": answer},
    ]
    lines = [f"event: {e['type']}\ndata: {json.dumps(e | {'sequence_number': n})}\n\n" for n, e in enumerate(events)]
    return "".join(lines).encode()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """One gateway with a key, for all tests that leave it as they found it."""
    host = Host().start()
    folder = tmp_path_factory.mktemp("gateway")
    text = toml(
        host.port,
        ["fine", "down", "limited", "snap", "slow", "emb", "dumb"],
        {"assistant": ["fine"], "vectors": ["down", "emb"]},
        '[gateway]\nworkers = 2\nmax_body_mb = 1\nallowed_origins = ["http://good.example"]\nheartbeat = 0.2\n'
        "[client]\nretries = 0\n",
    ) + toml(host.port, ["opus", "nocount"], {"mixed": ["opus"]}, host="claude", dialect=ANTHROPIC)
    text += toml(host.port, ["native", "flow"], host="own", dialect=RESPONSES)
    host.behaviours |= {
        "down": Behaviour(status=503),
        "limited": Behaviour(status=429, headers={"retry-after": "7"}),
        "snap": Behaviour(break_after=4),
        "slow": Behaviour(first_delay=1.5, delay=0.3, chunks=3),
        "emb": Behaviour(paths={"/v1/embeddings": EMBEDDED}),
        "dumb": Behaviour(paths={"/v1/embeddings": {"no": "data"}}),
        "opus": Behaviour(paths={"/v1/messages/count_tokens": COUNTED}),
        "nocount": Behaviour(status=404),
        "native": Behaviour(paths={"/v1/responses": native("resp_whole")}),
        "flow": Behaviour(raw=flow(native("resp_flow"))),
    }
    (folder / "weighbridge.toml").write_text(text)
    made = Gateway(folder, environ={"WEIGHBRIDGE_ACCESS_KEY": KEY})
    made.host = host
    yield made
    assert made.stop() == 0
    host.stop()
    assert made.errors == ""


def ask(gateway, dialect, model="assistant", *, stream=False, path="", **headers):
    """A request in a dialect, with the key shown as a bearer token unless told otherwise."""
    whole, streamed, body = ASKS[dialect]
    where = path or (streamed if stream else whole)
    if dialect != GEMINI:
        body = body | {"model": model, "stream": stream}
    named = {"authorization": f"Bearer {KEY}", **headers}
    return post(gateway, where.replace("{model}", quote(model, safe="")), body, **named)


def get(gateway, path, method="GET", **headers):
    status, told, body = post(gateway, path, None, method=method, **({"authorization": f"Bearer {KEY}"} | headers))
    return status, told, json.loads(body) if body else None


# --- answers ----------------------------------------------------------------------------------


def text_of(dialect, body):
    if dialect == CHAT:
        return body["choices"][0]["message"]["content"]
    if dialect == RESPONSES:
        return body["output"][-1]["content"][0]["text"]
    return body["content"][0]["text"] if dialect == ANTHROPIC else body["candidates"][0]["content"]["parts"][0]["text"]


@pytest.mark.parametrize("dialect", FRONTS)
def test_each_dialect_is_answered(gateway, dialect):
    status, headers, body = ask(gateway, dialect)
    assert status == 200, body
    assert text_of(dialect, json.loads(body)).startswith("fine-0")
    assert headers["x-weighbridge-engine"] == "fine@test"
    status, headers, body = ask(gateway, dialect, "fine@test", stream=True)
    assert status == 200
    assert headers["content-type"].startswith("text/event-stream")
    assert body.count(b"fine-") == 8 or b"fine-0" in body
    assert f'dialect="{dialect}"' in gateway.get("/metrics", {"authorization": f"Bearer {KEY}"})


def test_a_stream_as_a_list(gateway):
    path = "/v1beta1/projects/p/locations/l/publishers/google/models/assistant:streamGenerateContent"
    status, headers, body = ask(gateway, GEMINI, path=path)
    assert (status, headers["content-type"]) == (200, "application/json")
    texts = [part["text"] for item in json.loads(body) for part in item["candidates"][0]["content"].get("parts", [])]
    assert "".join(texts).count("fine-") == 8
    status, _, body = ask(gateway, GEMINI, path="/v1beta/models/snap@test:streamGenerateContent")
    assert status == 200
    assert "error" in json.loads(body)[-1]


def test_the_bearer_may_come_without_a_version(gateway):
    for path in ("/chat/completions", "/v1/v1/chat/completions"):
        assert ask(gateway, CHAT, path=path)[0] == 200


def test_losses_are_told(gateway):
    body = ASKS[CHAT][2] | {"model": "opus@claude", "seed": 3, "logit_bias": {"1": 2}}
    gateway.host.behaviours["opus"].paths["/v1/messages"] = {
        "id": "m", "type": "message", "role": "assistant", "model": "opus", "content": [{"type": "text", "text": "ok"}],
        "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    status, headers, _ = post(gateway, "/v1/chat/completions", body, authorization=f"Bearer {KEY}")
    assert status == 200
    number, _, rest = headers["x-weighbridge-loss"].partition("; ")
    assert int(number) >= 2
    assert "seed" in rest
    assert "logit_bias" in rest
    assert gateway.host.seen[-1].headers["anthropic-version"]


# --- heartbeats -------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", FRONTS)
def test_quiet_streams_get_comments(gateway, dialect):
    status, headers, body = ask(gateway, dialect, "slow@test", stream=True)
    assert status == 200
    assert body.startswith(b": weighbridge\n\n")
    assert "x-weighbridge-trace" in headers
    assert "x-weighbridge-engine" not in headers  # the comment came before anyone answered
    assert b"slow-2" in body
    clean = body.replace(b": weighbridge\n\n", b"")
    assert all(block.startswith((b"data:", b"event:")) for block in clean.split(b"\n\n") if block)


# --- keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", FRONTS)
@pytest.mark.parametrize("way", ["authorization", "x_api_key", "x_goog_api_key", "query"])
def test_keys_in_each_way(gateway, dialect, way):
    whole, _, body = ASKS[dialect]
    path = whole.replace("{model}", "assistant")

    def shown(key):
        if way == "query":
            return post(gateway, f"{path}?alt=json&key={key}", body | {"model": "assistant"})
        value = f"Bearer {key}" if way == "authorization" else key
        return post(gateway, path, body | {"model": "assistant"}, **{way: value})

    if dialect == GEMINI:
        body = {name: value for name, value in body.items() if name != "model"}
    wrong, headers, told = shown("wrong")
    assert wrong == 401
    assert headers["www-authenticate"] == "Bearer"
    assert KEY not in told.decode()
    assert "wrong" not in told.decode().replace("No valid", "")
    right, _, _ = shown(KEY)
    assert right in (200, 400)  # Gemini's body knows no model


def test_no_key_no_answer(gateway):
    for method, path in (("POST", "/v1/messages"), ("GET", "/v1/models"), ("GET", "/metrics"), ("GET", "/nowhere")):
        assert post(gateway, path, {}, method=method)[0] == 401
    assert post(gateway, "/healthz", None, method="GET")[0] == 200
    status, _, _ = post(gateway, "/v1/models", None, method="GET", authorization="Bearer x", x_api_key=KEY)
    assert status == 200  # some clients send two


# --- errors -----------------------------------------------------------------------------------


def error_of(dialect, body):
    """The shape that clients of a dialect look for."""
    told = json.loads(body)
    error = told["error"]
    assert error["message"]
    if dialect == ANTHROPIC:
        assert told["type"] == "error"
        assert error["type"]
    elif dialect == GEMINI:
        assert error["status"].isupper()
        assert isinstance(error["code"], int)
    else:
        assert "code" in error
    return error


@pytest.mark.parametrize("dialect", FRONTS)
def test_errors_in_each_shape(gateway, dialect):
    whole = ASKS[dialect][0].replace("{model}", "assistant")
    bearer = f"Bearer {KEY}"
    cases = [
        (post(gateway, whole, b"{", authorization=bearer), {400}),
        (post(gateway, whole, b"x" * 2_000_000, authorization=bearer), {413}),
        (post(gateway, whole, {}, authorization="Bearer no"), {401}),
        (post(gateway, whole, {}, authorization=bearer, host="evil.example"), {403}),
        (post(gateway, whole, None, method="PUT", authorization=bearer), {405}),
        (ask(gateway, dialect, "nobody"), {400, 404}),
        (ask(gateway, dialect, "limited@test"), {429}),
        (ask(gateway, dialect, "down@test"), {503, 529}),
    ]
    for (status, headers, body), wanted in cases:
        assert status in wanted, body
        error_of(dialect, body)
        if status == 429:
            # What is left of the 7 seconds that the host asked for, from whoever heard it first.
            assert 1 <= int(headers["retry-after"]) <= 7
        if status == 405:
            assert headers["allow"].startswith("POST")


def test_pitfall_35_statuses_differ(gateway):
    assert ask(gateway, CHAT, "nobody")[0] == 404
    assert ask(gateway, ANTHROPIC, "nobody")[0] == 404
    assert ask(gateway, ANTHROPIC, "down@test")[0] == 529
    assert ask(gateway, RESPONSES, "nobody")[0] == 400


def test_paths_that_are_not_there(gateway):
    for path, headers, dialect in (
        ("/v1/completions", {}, CHAT),
        ("/v1/messages/batches", {}, ANTHROPIC),
        ("/v1/complete", {"anthropic-version": "2023-06-01"}, ANTHROPIC),
        ("/v1beta/files", {}, GEMINI),
        ("/v1/responses/x/cancel", {}, RESPONSES),
    ):
        status, _, body = post(gateway, path, {}, authorization=f"Bearer {KEY}", **headers)
        assert status == 404
        error_of(dialect, body)
    assert get(gateway, "/v1/models", method="HEAD")[0] == 200
    assert get(gateway, "/v1/messages", method="HEAD")[0] in (404, 405)


@pytest.mark.parametrize("dialect", FRONTS)
def test_what_breaks_is_told_in_the_stream(gateway, dialect):
    status, _, body = ask(gateway, dialect, "snap@test", stream=True)
    assert status == 200
    last = body.decode().strip().split("\n\n")[-1]
    assert '"error"' in last or "response.failed" in last
    assert "[DONE]" not in last


def test_pages_of_good_origins_may_send_what_the_sdks_send(gateway):
    asked = "x-stainless-lang, anthropic-version,x-api-key"
    status, headers, _ = post(
        gateway,
        "/v1/messages",
        None,
        method="OPTIONS",
        origin="http://good.example",
        access_control_request_headers=asked,
    )
    assert status == 200
    assert asked in headers["access-control-allow-headers"]
    assert "DELETE" in headers["access-control-allow-methods"]
    assert "x-weighbridge-loss" in headers["access-control-expose-headers"]
    status, headers, _ = post(
        gateway,
        "/v1/messages",
        None,
        method="OPTIONS",
        origin="http://good.example",
        access_control_request_headers="x y: z",
    )
    assert "x y" not in headers["access-control-allow-headers"]


# --- lists ------------------------------------------------------------------------------------


def test_lists_in_each_shape(gateway):
    _, _, chat = get(gateway, "/v1/models")
    assert chat["object"] == "list"
    names = [row["id"] for row in chat["data"]]
    assert names[:3] == ["assistant", "mixed", "vectors"]
    assert "fine@test" in names
    _, _, listed = get(gateway, "/v1/models", anthropic_version="2023-06-01")
    assert [row["id"] for row in listed["data"]] == names
    assert (listed["first_id"], listed["last_id"], listed["has_more"]) == (names[0], names[-1], False)
    assert listed["data"][0]["type"] == "model"
    _, _, row = get(gateway, "/v1/models/fine@test", anthropic_version="2023-06-01")
    assert row["created_at"].endswith("Z")
    for path, headers in (("/v1beta/models", {}), ("/v1/models", {"x_goog_api_key": KEY})):
        _, _, gemini = get(gateway, path, **headers)
        assert [row["name"] for row in gemini["models"]] == [f"models/{name}" for name in names]
    _, _, row = get(gateway, "/v1beta/models/" + quote("fine@test", safe=""))
    assert "generateContent" in row["supportedGenerationMethods"]
    assert get(gateway, "/v1beta/models/nobody")[0] == 404


def test_lists_by_the_sdks(gateway):
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0) as client:
        names = [row.id for row in client.models.list()]
    with anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0) as claude:
        assert [row.id for row in claude.models.list()] == names
        assert claude.models.retrieve("fine@test").type == "model"
        assert claude.messages.count_tokens(model="mixed", messages=[USER]).input_tokens == 42
    options = genai.types.HttpOptions(base_url=gateway.url)
    gemini = genai.Client(api_key=KEY, http_options=options)
    assert [row.name for row in gemini.models.list()] == [f"models/{name}" for name in names]
    assert gemini.models.get(model="fine@test").supported_actions == [
        "generateContent", "streamGenerateContent", "countTokens",
    ]  # fmt: skip
    assert gemini.models.count_tokens(model="mixed", contents="hi").total_tokens == 42
    gemini.close()


# --- counts -----------------------------------------------------------------------------------


def count(gateway, front, model, body=None):
    if front == GEMINI:
        path, body = f"/v1beta/models/{model}:countTokens", body or ASKS[GEMINI][2]
    else:
        path, body = "/v1/messages/count_tokens", (body or {"messages": [USER]}) | {"model": model}
    status, headers, told = post(gateway, path, body, x_api_key=KEY)
    told = json.loads(told)
    return status, told.get("input_tokens", told.get("totalTokens")), headers, told


COUNTING = (ANTHROPIC, GEMINI)


@pytest.mark.parametrize("front", COUNTING)
def test_hosts_that_count_are_asked(gateway, front):
    status, tokens, headers, _ = count(gateway, front, "mixed")
    assert (status, tokens) == (200, 42)
    assert "x-weighbridge-estimated" not in headers
    assert headers["x-weighbridge-engine"] == "opus@claude"
    seen = gateway.host.seen[-1]
    assert seen.path == "/v1/messages/count_tokens"
    assert seen.body["model"] == "opus"
    assert seen.body.keys() <= {"model", "messages"}


@pytest.mark.parametrize("front", COUNTING)
@pytest.mark.parametrize("model", ["assistant", "nocount@claude"])
def test_else_tokens_are_estimated(gateway, front, model):
    status, few, headers, _ = count(gateway, front, model)
    assert status == 200
    assert headers["x-weighbridge-estimated"] == "1"
    body: dict[str, Any] = {"messages": [{"role": "user", "content": LONG}]}
    if front == GEMINI:
        asked = {"model": "models/x", "contents": [{"role": "user", "parts": [{"text": LONG}]}]}
        body = {"generateContentRequest": asked}
    _, many, _, _ = count(gateway, front, model, body)
    assert few < 10
    assert many == 1000


@pytest.mark.parametrize("front", COUNTING)
def test_counts_that_cannot_be(gateway, front):
    status, _, _, told = count(gateway, front, "nobody")
    assert status == 404
    error_of(front, json.dumps(told))
    status, _, _, told = count(gateway, front, "mixed", {"messages": 3, "contents": 3})
    assert status == 400
    error_of(front, json.dumps(told))


# --- embeddings -------------------------------------------------------------------------------


def embed(gateway, model, **more):
    body = {"model": model, "input": ["a", "b"], **more}
    status, headers, told = post(gateway, "/v1/embeddings", body, authorization=f"Bearer {KEY}")
    return status, headers, json.loads(told)


def test_embeddings(gateway):
    status, headers, body = embed(gateway, "vectors", dimensions=2)  # its first engine is down
    assert (status, body) == (200, EMBEDDED)
    assert headers["x-weighbridge-engine"] == "emb@test"
    assert gateway.host.seen[-1].body == {"model": "emb", "input": ["a", "b"], "dimensions": 2}
    metrics = gateway.get("/metrics", {"authorization": f"Bearer {KEY}"})
    assert 'weighbridge_tokens_total{engine="emb@test",kind="input"} 7' in metrics


def test_embeddings_that_cannot_be(gateway):
    assert embed(gateway, "opus@claude")[0] == 400  # its host has none
    assert embed(gateway, "dumb@test")[0] == 502
    assert embed(gateway, "nobody")[0] == 404
    assert embed(gateway, "emb@test", input=None)[0] == 400
    assert embed(gateway, 7)[0] == 400


# --- stored responses -------------------------------------------------------------------------


def respond(gateway, text, key=KEY, **more):
    body = {"model": "assistant", "input": text, **more}
    status, _, told = post(gateway, "/v1/responses", body, authorization=f"Bearer {key}")
    if not more.get("stream"):
        return status, json.loads(told)
    events = [json.loads(block.partition("data: ")[2]) for block in told.decode().split("\n\n") if "data: {" in block]
    return status, events[-1]["response"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation_by_id(gateway, stream):
    """Over two workers: each request has a connection of its own."""
    status, first = respond(gateway, "one", stream=stream)
    assert status == 200
    for number in range(6):
        status, second = respond(gateway, "two", previous_response_id=first["id"], stream=stream)
        assert status == 200, number
        said = gateway.host.seen[-1].body["messages"]
        assert [message["role"] for message in said] == ["user", "assistant", "user"]
    _, third = respond(gateway, "three", previous_response_id=second["id"], stream=stream)
    assert len(gateway.host.seen[-1].body["messages"]) == 5
    status, _, found = get(gateway, f"/v1/responses/{third['id']}")
    assert status == 200
    assert found["output"] == third["output"]
    status, _, items = get(gateway, f"/v1/responses/{third['id']}/input_items")
    assert items["data"][0]["content"][0]["text"] == "three"
    status, _, gone = get(gateway, f"/v1/responses/{third['id']}", method="DELETE")
    assert (status, gone["deleted"]) == (200, True)
    for method in ("GET", "DELETE"):
        status, _, told = get(gateway, f"/v1/responses/{third['id']}", method=method)
        assert status == 404
        error_of(RESPONSES, json.dumps(told))


def test_what_is_not_stored_cannot_be_had(gateway):
    _, answer = respond(gateway, "one", store=False)
    assert get(gateway, f"/v1/responses/{answer['id']}")[0] == 404
    respond(gateway, "two", previous_response_id="resp_of_nobody")
    assert len(gateway.host.seen[-1].body["messages"]) == 1


@pytest.mark.parametrize(("model", "name"), [("native", "resp_whole"), ("flow", "resp_flow")])
def test_a_conversation_with_a_host_of_the_same_dialect(gateway, model, name):
    """On the fast lane the id is the host's; what it sealed goes back to it exactly."""
    stream = model == "flow"
    how: dict[str, Any] = {"model": f"{model}@own", "stream": stream}
    assert respond(gateway, "one", previous_response_id="resp_theirs", **how)[1] == native(name)
    assert gateway.host.seen[-1].body == {"model": model, "input": "one", "stream": stream} | {
        "previous_response_id": "resp_theirs"  # not ours: the host may know it
    }
    _, _, found = get(gateway, f"/v1/responses/{name}")
    assert found == native(name)
    status, _ = respond(gateway, "two", previous_response_id=name, store=False, **how)
    assert status == 200
    said = gateway.host.seen[-1].body
    assert said["previous_response_id"] == "resp_theirs"  # where the chain begins
    assert [item.get("content") for item in said["input"]] == ["one", None, native(name)["output"][1]["content"], "two"]
    assert said["input"][1] == native(name)["output"][0]
