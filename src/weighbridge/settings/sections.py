"""The sections of the one settings table: each field's type, default, limits and meaning, stated once."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Gateway(Struct, frozen=True, forbid_unknown_fields=True):
    """The HTTP edge that `weighbridge serve` opens."""

    host: Annotated[
        str, Meta(description="Address to listen on. Any but a loopback one needs an access key or require_key.")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")] = 8790
    workers: Annotated[int, Meta(ge=1, le=64, description="Worker processes that answer requests.")] = 2
    access_key_env: Annotated[
        str, Meta(description="Name of the environment variable with the key that clients must show, if it is set.")
    ] = "WEIGHBRIDGE_ACCESS_KEY"
    require_key: Annotated[
        bool,
        Meta(description="Ask for a key always; else as soon as an access key is set or 'keys create' made the first."),
    ] = False
    allowed_hosts: Annotated[
        tuple[str, ...], Meta(description="Host headers to accept besides the address itself and localhost.")
    ] = ()
    allowed_origins: Annotated[
        tuple[str, ...], Meta(description="Origin headers (browser pages) to accept; none by default.")
    ] = ()
    max_body_mb: Annotated[float, Meta(gt=0, le=1024, description="Largest request body, in megabytes.")] = 20.0
    max_pending_mb: Annotated[
        float,
        Meta(
            gt=0, le=1_000_000, description="Megabytes of requests under way per worker; what comes on top is refused."
        ),
    ] = 256.0
    concurrency: Annotated[
        int, Meta(ge=1, le=100_000, description="Exchanges under way per worker; what comes on top waits its turn.")
    ] = 1024
    queue: Annotated[
        int, Meta(ge=0, le=1_000_000, description="Requests that may wait per worker, half of them of one caller.")
    ] = 2048
    queue_seconds: Annotated[float, Meta(gt=0, le=3600, description="How long a request may wait for its turn.")] = 10.0
    max_depth: Annotated[int, Meta(ge=8, le=512, description="Deepest nesting of JSON in a request.")] = 64
    drain_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="How long a stopping worker may finish its streams.")
    ] = 30.0
    heartbeat: Annotated[
        float, Meta(ge=0, le=3600, description="Seconds after which a quiet stream is sent a comment; 0 sends none.")
    ] = 15.0
    stored_responses: Annotated[
        bool, Meta(description="Keep answers of the Responses API that may be stored, to go on from by their id.")
    ] = True
    stored_days: Annotated[float, Meta(gt=0, le=36500, description="Days that stored responses are kept.")] = 30.0
    stored_mb: Annotated[
        float, Meta(gt=0, le=1_000_000, description="Most megabytes of stored responses; the oldest go first.")
    ] = 1000.0


class Admin(Struct, frozen=True, forbid_unknown_fields=True):
    """The admin API that `weighbridge admin serve` opens."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")] = 8791
    key_env: Annotated[
        str,
        Meta(
            description="Name of the environment variable with a key of the role admin, besides those that were made."
        ),
    ] = "WEIGHBRIDGE_ADMIN_KEY"
    allowed_hosts: Annotated[
        tuple[str, ...], Meta(description="Host headers to accept besides the address itself and localhost.")
    ] = ()
    allowed_origins: Annotated[
        tuple[str, ...], Meta(description="Origin headers (browser pages) to accept; none by default.")
    ] = ()


class Client(Struct, frozen=True, forbid_unknown_fields=True):
    """How engines are called."""

    connect_timeout: Annotated[float, Meta(gt=0, le=600, description="Seconds to connect to a host.")] = 5.0
    read_timeout: Annotated[float, Meta(gt=0, le=3600, description="Seconds between two reads of an answer.")] = 300.0
    deadline: Annotated[
        float, Meta(gt=0, le=7200, description="Seconds for a whole exchange where no route says otherwise.")
    ] = 600.0
    retries: Annotated[int, Meta(ge=0, le=10, description="Times a safe request is sent again.")] = 2
    backoff: Annotated[
        float, Meta(gt=0, le=60, description="Seconds of the first backoff; each further one doubles, jittered.")
    ] = 0.25
    max_retry_after: Annotated[
        float, Meta(ge=0, le=3600, description="Longest Retry-After, in seconds, that is waited for.")
    ] = 20.0
    connections: Annotated[int, Meta(ge=1, le=10000, description="Open connections per worker.")] = 1000
    max_answer_mb: Annotated[float, Meta(gt=0, le=1024, description="Largest answer, in megabytes.")] = 64.0


class Cache(Struct, frozen=True, forbid_unknown_fields=True):
    """Answers that routes with `cache` give again, in the memory of each worker."""

    mb: Annotated[
        float,
        Meta(ge=0, le=100_000, description="Megabytes of answers per worker; those not asked for longest go first."),
    ] = 64.0
    answer_mb: Annotated[float, Meta(gt=0, le=1024, description="Largest answer that is kept, in megabytes.")] = 1.0


class Resilience(Struct, frozen=True, forbid_unknown_fields=True):
    """When an engine is left alone, and how requests are spread. Each worker goes by what it sees itself."""

    enabled: Annotated[bool, Meta(description="Pass over engines that keep failing or asked to wait.")] = True
    failures: Annotated[
        int, Meta(ge=1, le=200, description="Failures within the window from which an engine is left alone.")
    ] = 5
    failure_share: Annotated[
        float, Meta(gt=0, le=1, description="Share of the calls in the window that must have failed, too.")
    ] = 0.5
    window: Annotated[float, Meta(gt=0, le=3600, description="Seconds that failures are counted.")] = 30.0
    open_seconds: Annotated[
        float,
        Meta(
            gt=0, le=3600, description="Seconds that it is left alone at first; doubles while it fails, up to 32 times."
        ),
    ] = 10.0
    cooldown: Annotated[
        float,
        Meta(ge=0, le=3600, description="Seconds that others go first after a 429 that does not say how long to wait."),
    ] = 2.0
    max_cooldown: Annotated[
        float, Meta(gt=0, le=86400, description="Longest time that a host can ask to be left alone, in seconds.")
    ] = 3600.0
    slow_start: Annotated[
        float,
        Meta(
            gt=0,
            le=3600,
            description="Seconds in which an engine that came back goes from one request at once to a thousand.",
        ),
    ] = 10.0
    explore: Annotated[
        float,
        Meta(ge=0, le=0.5, description="Share of requests for which balance by latency tries another engine first."),
    ] = 0.05
    sticky: Annotated[
        int, Meta(ge=1, le=10_000_000, description="Conversations per worker of which is known who answered last.")
    ] = 20_000


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """How limits and budgets are kept; what they are is set by `weighbridge limits` and `weighbridge budgets`."""

    output_tokens: Annotated[
        int,
        Meta(
            ge=1, le=10_000_000, description="Output tokens reserved for a request that does not say how many it wants."
        ),
    ] = 1000
    queue: Annotated[
        int,
        Meta(ge=0, le=1_000_000, description="Requests that may wait per worker for a limit of requests at a time."),
    ] = 1024
    queue_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="How long a request may wait for a limit of requests at a time.")
    ] = 10.0
    lease: Annotated[
        float,
        Meta(
            gt=0, le=1, description="Share of a limit that a machine takes at a time where several have one database."
        ),
    ] = 0.05


class Store(Struct, frozen=True, forbid_unknown_fields=True):
    """Where traces, results and plans lie."""

    state: Annotated[
        str,
        Meta(
            description="URL of the database for plans, keys, budgets and limits, such as postgresql://host/name; "
            "empty: a file in the store's folder. Leave the password to PGPASSWORD or ~/.pgpass."
        ),
    ] = ""
    path: Annotated[
        str, Meta(description="Folder of the store; a relative one is taken from the configuration file's folder.")
    ] = ".weighbridge"
    bodies: Annotated[bool, Meta(description="Record the texts of requests and replies in traces.")] = True
    retention_days: Annotated[float, Meta(gt=0, le=36500, description="Days that traces are kept.")] = 30.0
    segment_mb: Annotated[
        float, Meta(gt=0, le=4096, description="Size at which a trace segment is sealed to Parquet, in megabytes.")
    ] = 64.0
    segment_seconds: Annotated[
        float, Meta(gt=0, le=86400, description="Age at which a trace segment is sealed to Parquet.")
    ] = 3600.0
    keepsakes: Annotated[
        str,
        Meta(
            description="File, in the store's folder, with the thinking of earlier answers: each engine gets its own "
            "back. Empty keeps none."
        ),
    ] = "keepsakes.db"
    keepsakes_days: Annotated[float, Meta(gt=0, le=3650, description="Days that such thinking is kept.")] = 7.0
    keepsakes_mb: Annotated[
        float, Meta(gt=0, le=1_000_000, description="How much of it is kept, in megabytes; the oldest goes first.")
    ] = 256.0


class Weigh(Struct, frozen=True, forbid_unknown_fields=True):
    """How engines are weighed."""

    margin: Annotated[
        float, Meta(gt=0, lt=1, description="How much worse, as a fraction, still counts as good enough.")
    ] = 0.03
    alpha: Annotated[float, Meta(gt=0, lt=0.5, description="One-sided error rate of a verdict.")] = 0.05
    seed: Annotated[int, Meta(ge=0, description="Seed of every random draw.")] = 20261101
    concurrency: Annotated[int, Meta(ge=1, le=4096, description="Most calls under way at once per engine.")] = 16
    max_tokens: Annotated[int, Meta(ge=1, le=1_000_000, description="Output limit of a sample that sets none.")] = 1024
    temperature: Annotated[
        float, Meta(ge=0, le=2, description="Sampling temperature; 0 for answers as repeatable as can be.")
    ] = 0.0


class MaskForce(Struct, frozen=True, forbid_unknown_fields=True):
    """Hosts that get nothing but masked requests, whatever a route says. Every condition that is given must hold."""

    level: Annotated[Literal["secrets", "personal", "strict"], Meta(description="What they get at least.")]
    jurisdictions: Annotated[
        tuple[str, ...],
        Meta(description='Whose law may apply to the host: country codes, "EU", "unknown".'),
    ] = ()
    data_class: Annotated[
        Literal["", "public", "internal", "personal", "secret"],
        Meta(description="Hosts that are cleared for no more than this, or for what nobody knows."),
    ] = ""


class Mask(Struct, frozen=True, forbid_unknown_fields=True):
    """How values are found that an engine must not see. Which engines must not, routes say: `[routes.NAME.mask]`."""

    level: Annotated[
        Literal["none", "secrets", "personal", "strict"], Meta(description="Level of routes that name none.")
    ] = "none"
    names: Annotated[
        Literal["off", "fast", "thorough"],
        Meta(description="How names of people, places and organisations are found; off leaves them to the patterns."),
    ] = "fast"
    models: Annotated[
        tuple[str, ...], Meta(description="Models of names to use, in order; all that were added if empty.")
    ] = ()
    languages: Annotated[
        tuple[str, ...], Meta(description="Languages to expect, such as en or zh; each text's own is found if empty.")
    ] = ()
    min_score: Annotated[float, Meta(ge=0, le=1, description="What is less certain than this is not masked.")] = 0.3
    terms: Annotated[dict[str, tuple[str, ...]], Meta(description="Words of your own to mask, by kind.")] = {}
    patterns: Annotated[
        dict[str, tuple[str, ...]], Meta(description="Regular expressions of your own to mask, by kind.")
    ] = {}
    allow: Annotated[tuple[str, ...], Meta(description="Words that are never masked.")] = ()
    force: Annotated[tuple[MaskForce, ...], Meta(description="Hosts that get nothing but masked requests.")] = ()
    seconds: Annotated[
        float, Meta(gt=0, le=600, description="Longest that looking through a request may take; then it is refused.")
    ] = 10.0
    max_mb: Annotated[
        float, Meta(gt=0, le=1024, description="Most megabytes of text in a request that is to be masked.")
    ] = 10.0
    threads: Annotated[
        int, Meta(ge=1, le=64, description="Requests per worker that are looked through at once beside the others.")
    ] = 2
    cache_mb: Annotated[
        float, Meta(ge=0, le=10_000, description="Megabytes per worker for what was found in earlier messages.")
    ] = 32.0
    vault: Annotated[
        Literal["request", "memory", "store"],
        Meta(
            description="Where values are kept for conversations with an id of their own: nowhere after the request, "
            "in the worker, or encrypted in the state store."
        ),
    ] = "request"
    vault_days: Annotated[float, Meta(gt=0, le=36500, description="Days that a vault is kept after its last use.")] = (
        30.0
    )


class Local(Struct, frozen=True, forbid_unknown_fields=True):
    """Engines that run here, in llama.cpp."""

    enabled: Annotated[bool, Meta(description="Offer local engines at all.")] = True
    threads: Annotated[int, Meta(ge=0, le=1024, description="Threads per local engine; 0 takes one per core.")] = 0
    load_timeout: Annotated[float, Meta(gt=0, le=3600, description="Seconds that loading weights may take.")] = 120.0


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All sections."""

    gateway: Gateway = Gateway()
    admin: Admin = Admin()
    client: Client = Client()
    resilience: Resilience = Resilience()
    cache: Cache = Cache()
    limits: Limits = Limits()
    store: Store = Store()
    weigh: Weigh = Weigh()
    local: Local = Local()
    mask: Mask = Mask()
