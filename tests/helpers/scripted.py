"""What the engine behind the SDKs' tests says."""

from __future__ import annotations

from weighbridge.canon import Part, Request, TextPart, ToolCallPart, ToolResultPart

TEXT = "Zażółć gęślą jaźń — 你好, wörld."
CITIES = ("Paris", "Łódź")
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "The city's name."}},
    "required": ["city"],
    "additionalProperties": False,
}
JSON = '{"name":"Ada","born":1815}'


def play(request: Request) -> tuple[Part, ...]:
    """Two tool calls at once, then their results told; JSON where a shape was asked for; else a text."""
    results = [p for m in request.messages for p in m.parts if isinstance(p, ToolResultPart)]
    if request.tools and not results:
        return (
            TextPart("I look."),
            *(
                ToolCallPart(f"call_{i:08d}", request.tools[0].name, f'{{"city":"{city}"}}')
                for i, city in enumerate(CITIES)
            ),
        )
    if results:
        told = ["".join(p.text for p in result.parts if isinstance(p, TextPart)) for result in results]
        return (TextPart(" and ".join(told)),)
    if request.response_format is not None and request.response_format.kind != "text":
        return (TextPart(JSON),)
    return (TextPart(TEXT),)


def weather(city: str) -> str:
    """What the tool answers."""
    return f"sunny in {city}"


TOLD = " and ".join(weather(city) for city in CITIES)
