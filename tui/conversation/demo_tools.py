"""Two tools to try a conversation with: a calculator, and the weather in a small made-up table."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final, NamedTuple

from tui.conversation.calculator import CalculatorError, calculate
from tui.conversation.tool import Printout, Tool, ToolFailed
from tui.conversation.toolbox import Toolbox
from tui.core.records import JsonObject
from tui.core.text import clip, one_line

CALCULATOR: Final[JsonObject] = {
    "name": "calculator",
    "description": (
        "Evaluate an arithmetic expression and return its value. Use it for every calculation. "
        "There are + - * / // (whole division) % (remainder) ** (power), parentheses, "
        "the constants pi and e, and the functions abs, max, min, round and sqrt."
    ),
    "input_schema": {
        "type": "object",
        "properties": {
            "expression": {"type": "string", "description": "What to evaluate, such as 2+2"}
        },
        "required": ["expression"],
    },
}
GET_WEATHER: Final[JsonObject] = {
    "name": "get_weather",
    "description": (
        "Return the weather in a city: temperature and conditions. It is sample data for a "
        "demonstration and not the real weather; only some large cities are known."
    ),
    "input_schema": {
        "type": "object",
        "properties": {
            "location": {
                "type": "string",
                "description": "The city, such as San Francisco, CA or Paris",
            }
        },
        "required": ["location"],
    },
}


class Weather(NamedTuple):
    """The weather of a city, and what else the city is called."""

    city: str
    celsius: int
    conditions: str
    others: tuple[str, ...] = ()


CITIES: Final = (
    Weather("Berlin", 14, "light rain"),
    Weather("Cairo", 33, "sunny"),
    Weather("Kyoto", 22, "partly cloudy"),
    Weather("Lagos", 30, "thunderstorms"),
    Weather("London", 13, "overcast"),
    Weather("Los Angeles", 24, "sunny", ("la",)),
    Weather("Mumbai", 31, "humid, with haze", ("bombay",)),
    Weather("New York", 19, "clear", ("nyc", "new york city")),
    Weather("Paris", 18, "partly cloudy"),
    Weather("Reykjavik", 6, "windy, with showers"),
    Weather("Rome", 25, "sunny", ("roma",)),
    Weather("San Francisco", 16, "fog", ("sf", "san fran")),
    Weather("S\u00e3o Paulo", 21, "drizzle"),
    Weather("Sydney", 17, "clear"),
    Weather("Tokyo", 23, "cloudy"),
)
_NOT_A_WORD: Final = re.compile(r"[^a-z0-9]+")


def demo_tools() -> Toolbox:
    """Return the tools: `calculator` takes an expression, `get_weather` a location."""
    return Toolbox([Tool(CALCULATOR, _calculator), Tool(GET_WEATHER, _get_weather)])


async def _calculator(given: JsonObject, _: Printout) -> str:
    try:
        return calculate(_text(given, "expression"))
    except CalculatorError as error:
        raise ToolFailed(f"Cannot calculate that: {error}") from None


async def _get_weather(given: JsonObject, _: Printout) -> dict[str, Any]:
    location = _text(given, "location")
    found = find_city(location)
    if found is None:
        known = ", ".join(weather.city for weather in CITIES)
        shown = clip(one_line(location.strip()), 80)
        raise ToolFailed(f"No weather is known for {shown!r}; known cities: {known}")
    return {
        "location": found.city,
        "temperature_c": found.celsius,
        "temperature_f": round(found.celsius * 1.8 + 32),
        "conditions": found.conditions,
    }


def find_city(location: str) -> Weather | None:
    """Return the weather of the city that is meant: `SF`, `paris, France`, `Tokyo Japan`."""
    whole = _words(location[:200])
    for wanted in (whole, _words(location[:200].partition(",")[0])):
        for weather in CITIES:
            names = (_words(weather.city), *weather.others)
            # In two letters at the beginning there is too little said: "la paz" is not LA.
            if wanted in names or wanted.startswith(tuple(f"{n} " for n in names if len(n) > 2)):
                return weather
    return None


def _words(text: str) -> str:
    """Return a name without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(char for char in plain if not unicodedata.combining(char))
    return _NOT_A_WORD.sub(" ", letters.replace(".", "")).strip()


def _text(given: JsonObject, name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ToolFailed(f"{name}: a string with some text is needed")
    return value
