"""Profiles: an engine's quirks as data."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct


class Quirk(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A combination of wire fields that an engine forbids or demands, and what to do about it."""

    when: dict[str, Any] = {}  #: wire field -> the value that it has, or a list of such values; "*": it is set, "-": it
    #: is not. All must hold
    drop: tuple[str, ...] = ()  #: wire fields that are then left out
    set: dict[str, Any] = {}  #: wire fields that then have this value
    why: str = ""  #: the reason that is told; without one, what is set where nothing stood is no loss
    severity: Literal["low", "medium", "high", ""] = ""  #: how much the loss matters; else as much as the field does


class SchemaRules(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The subset of JSON Schema that an engine takes. A schema is rewritten only so that it accepts the same values."""

    name: str = ""
    rejects: tuple[str, ...] = ()  #: keywords that are an error
    knows: tuple[str, ...] | None = None  #: the only keywords that are none; else all but `rejects`
    formats: tuple[str, ...] | None = None  #: the only values of `format`; else any
    strict_only: bool = False  #: the rules hold only where `strict` was asked for
    closed: bool = False  #: for `strict`, every object needs additionalProperties: false
    all_required: bool = False  #: for `strict`, every property must be required
    typed: bool = False  #: every schema says its type, and a list what it holds; for `strict` without exception
    one_type: bool = False  #: `type` may not be a list
    text_enums: bool = False  #: `enum` may hold only texts
    booleans: bool = True  #: true and false may stand for a schema
    plain_patterns: bool = False  #: a pattern may not look around: (?=...), (?<!...)
    local_refs: bool = True  #: understands $ref to $defs of the same schema
    bare_refs: bool = False  #: nothing may stand beside a $ref
    recursion: bool = True  #: understands schemas that contain themselves
    top_object: bool = False  #: the outermost schema must be of type object, and no anyOf


class Profile(Struct, frozen=True, omit_defaults=True):
    """An engine's quirks as data, applied to the request on its way out. Every change is a Loss or a rename.

    A wire field is named as in the dialect; a dotted name reaches further in, and through lists into each item.
    """

    name: str = ""
    dialects: tuple[str, ...] = ()  #: this layer holds only where one of these is spoken; (): in all
    over: tuple[str, ...] = ()  #: this layer holds only where one of these lies beneath it; (): everywhere
    layers: tuple[str, ...] = ()  #: profiles that are laid beneath this one, in order
    rename: dict[str, str] = {}  #: wire field -> the engine's name for it
    drop: tuple[str, ...] = ()  #: wire fields that the engine rejects
    fixed: dict[str, Any] = {}  #: wire fields that must have this value
    defaults: dict[str, Any] = {}  #: wire fields set where the request is silent
    quirks: tuple[Quirk, ...] = ()  #: forbidden combinations, in order
    roles: dict[str, str] = {}  #: role -> the role the engine knows instead
    system: Literal["", "first", "one"] = ""  #: system texts stand first only; in one message only; "": anywhere
    tools: Literal["native", "grammar", "none", ""] = ""  #: how it calls tools: itself, held by a grammar, not at all
    structured: Literal["native", "grammar", "none", ""] = ""  #: the same for answers of a given shape
    schema: SchemaRules | None = None  #: what it takes of JSON Schema; else what its dialect takes
    stream_usage: bool = True  #: understands stream_options.include_usage
    max_output: int | None = None  #: where a dialect demands a limit and none was asked for; from the catalogue
    call_ids: str = ""  #: a pattern that a tool call's id must match in full; "": the dialect's own
    call_id_length: int = 0  #: how many letters and digits an id has that is made to fit; 0: 24
    choices: dict[str, str] = {}  #: a tool choice's mode -> the nearest one that the engine knows
    efforts: dict[str, dict[str, Any]] = {}  #: level of thinking -> the wire fields that ask for it; `on` is thinking
    #: at the engine's own choice
    budget: str = ""  #: the wire field that takes a budget of thinking tokens
    least_budget: int = 0  #: the smallest budget; above 0, only `efforts.none` ends thinking
    most_budget: int | None = None  #: the largest one
    shown: dict[str, Any] = {}  #: the wire fields that ask for the thinking to be told
    retell: bool = False  #: its answers lack what clients of its own dialect need: they are written anew
    reasoning_field: str = ""  #: openai-chat: where an answer's thinking stands; "": reasoning_content
    replay: Literal["", "always", "tools", "never"] = ""  #: earlier thinking is sent again in every turn; in those
    #: that used tools; in none; "": as the request has it
    issuer: str = ""  #: who can read the blobs that this engine seals, with {model}, {host}, {lab}; "": only the engine
    blank_seal: str = ""  #: a seal is demanded back on tool calls: what stands in for it on those of other engines
    rejects: tuple[str, ...] = ()  #: inputs that are an error: image, image_url, file, file_url, pdf, audio, video
    audio_uri: bool | None = None  #: openai-chat: sounds are told as a data URI, not as bare base64
    tool_media: bool | None = None  #: may a tool's answer hold images and files? else as the dialect has it
    calls_together: bool = False  #: openai-responses: nothing may stand between the calls of one step and their outputs
    cache_markers: bool | None = None  #: does it know cache markers? else as the dialect has it
