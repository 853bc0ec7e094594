"""Sentences: half of them set phrases, half of them words of the vocabulary in any order.

A sentence belongs to training or to evaluation by its own hash, so the two never share one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from training.asr.text import words

HELD_OUT_SHARE = 16
"""One sentence in so many is kept from training."""

PHRASES = (
    "transfer {amount} to account {code} on {date}",
    "transfer {amount} to account {code}",
    "pay {amount} from account {code}",
    "pay the invoice of {amount} on {date}",
    "deposit {amount} in my account {time}",
    "withdraw {amount} please",
    "{verb} the {noun}",
    "{verb} the {quality} {noun}",
    "{verb} my {noun} {time}",
    "{verb} {noun} {number}",
    "{verb} {noun} {code}",
    "{verb} the {noun} and the {noun}",
    "{verb} the {noun} in the {noun}",
    "{verb} the {noun} at {clock}",
    "{verb} all {noun} {digits}",
    "turn {place} the {noun}",
    "turn the {noun} {place}",
    "switch {place} the {quality} light in the {noun}",
    "move the {noun} {place} {number}",
    "set the {noun} to {number}",
    "set the temperature to {number} degrees",
    "set the volume to {number} percent",
    "set the timer to {timer}",
    "set my alarm to {clock}",
    "increase the {noun} {noun} to {decimal}",
    "book the {noun} on {date} at {clock}",
    "schedule the meeting with {spelled} on {weekday} at {clock}",
    "order {number} {noun} {noun} from {spelled}",
    "call {digits}",
    "call {spelled} at {digits} please",
    "dial {digits}",
    "code {code}",
    "add my number {digits}",
    "send the {noun} to {spelled} {time}",
    "find flight {code} on {date}",
    "train {code} at {clock} from station {spelled}",
    "room {number} section {code}",
    "{spelled}",
    "{digits}",
    "{date}",
    "{amount}",
    "{number}",
    "{decimal}",
    "{clock} on {weekday}",
    "yes {verb} the {noun}",
    "no {verb} the {noun} please",
    "{verb}",
    "{noun}",
    "{time}",
)

_COINS = {"dollar": "cent", "euro": "cent"}


def split_of(sentence: str) -> str:
    """``evaluation`` for one sentence in :data:`HELD_OUT_SHARE`, else ``training``."""
    held_out = hashlib.sha256(sentence.encode()).digest()[0] % HELD_OUT_SHARE == 0
    return "evaluation" if held_out else "training"


def sentence(rng: np.random.Generator, split: str) -> str:
    """A sentence of the split: lower-case words, one space between two."""
    while True:
        made = _phrase(rng) if rng.random() < 0.5 else _free(rng)
        if split_of(made) == split:
            return made


def cardinal(value: int) -> str:
    """A whole number below a thousand million, in words.

    Raises:
        ValueError: a number outside that range.
    """
    if not 0 <= value < 10**9:
        raise ValueError(f"expected a number of 0 to 999999999, found {value}.")
    if value < 20:
        return (*words.DIGITS, *words.TEENS)[value]
    if value < 100:
        tens, unit = divmod(value, 10)
        return words.TENS[tens - 2] + (f" {words.DIGITS[unit]}" if unit else "")
    for scale, name in ((10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if value >= scale:
            many, rest = divmod(value, scale)
            joint = " and " if rest and (scale == 100 or rest < 100) else " "
            return (f"{cardinal(many)} {name}{joint}" + (cardinal(rest) if rest else "")).strip()
    raise AssertionError


def ordinal(value: int) -> str:
    """1 to 31 as the day of a month: first, twenty first."""
    if value < 10:
        return words.UNIT_ORDINALS[value - 1]
    if value < 20:
        return words.OTHER_ORDINALS[value - 10]
    tens, unit = divmod(value, 10)
    if not unit:
        return words.OTHER_ORDINALS[tens + 8]
    return f"{words.TENS[tens - 2]} {words.UNIT_ORDINALS[unit - 1]}"


def _pick(rng: np.random.Generator, among: tuple[str, ...]) -> str:
    return among[int(rng.integers(len(among)))]


def _some(rng: np.random.Generator, among: tuple[str, ...], least: int, most: int) -> str:
    return " ".join(_pick(rng, among) for _ in range(int(rng.integers(least, most + 1))))


def _number(rng: np.random.Generator) -> str:
    return cardinal(int(rng.integers(10 ** int(rng.choice([1, 2, 2, 2, 3, 3, 4, 6, 7])))))


def _decimal(rng: np.random.Generator) -> str:
    whole = cardinal(int(rng.integers(100)))
    return f"{whole} point {_some(rng, words.DIGITS, 1, 2)}"


def _amount(rng: np.random.Generator) -> str:
    unit = _pick(rng, ("dollar", "euro", "pound", "percent"))
    if unit == "percent":
        return (
            f"{_decimal(rng) if rng.random() < 0.5 else cardinal(int(rng.integers(101)))} percent"
        )
    value = int(rng.integers(10 ** int(rng.choice([1, 2, 3, 4]))))
    amount = f"{cardinal(value)} {unit}{'' if value == 1 else 's'}"
    if unit in _COINS and rng.random() < 0.3:
        cents = int(rng.integers(1, 100))
        amount += f" and {cardinal(cents)} cent{'' if cents == 1 else 's'}"
    return amount


def _year(rng: np.random.Generator) -> str:
    if rng.random() < 0.3:
        return cardinal(int(rng.integers(2000, 2010)))
    century = cardinal(int(rng.integers(18, 21)))
    return f"{century} {cardinal(int(rng.integers(10, 100)))}"


def _date(rng: np.random.Generator) -> str:
    day, month = ordinal(int(rng.integers(1, 32))), _pick(rng, words.MONTHS)
    date = f"{month} {day}" if rng.random() < 0.5 else f"the {day} of {month}"
    if rng.random() < 0.2:
        date = f"{_pick(rng, words.WEEKDAYS)} {date}"
    return f"{date} {_year(rng)}" if rng.random() < 0.3 else date


def _clock(rng: np.random.Generator) -> str:
    hour = cardinal(int(rng.integers(1, 13)))
    minute = cardinal(int(rng.integers(10, 60)))
    half = _pick(rng, ("", " a m", " p m"))
    return f"{hour} {minute}{half}" if rng.random() < 0.6 else f"{hour}{half}"


def _code(rng: np.random.Generator) -> str:
    return f"{_some(rng, words.LETTERS, 1, 2)} {_some(rng, words.DIGITS, 1, 4)}"


def _timer(rng: np.random.Generator) -> str:
    return f"{cardinal(int(rng.integers(2, 60)))} {_pick(rng, ('minutes', 'hours', 'days'))}"


_SLOTS: dict[str, Callable[[np.random.Generator], str]] = {
    "amount": _amount,
    "clock": _clock,
    "code": _code,
    "date": _date,
    "decimal": _decimal,
    "digits": lambda rng: _some(rng, words.DIGITS, 2, 8),
    "noun": lambda rng: _pick(rng, words.NOUNS),
    "number": _number,
    "place": lambda rng: _pick(rng, words.PLACES),
    "quality": lambda rng: _pick(rng, words.QUALITIES),
    "spelled": lambda rng: _some(rng, words.LETTERS, 2, 7),
    "time": lambda rng: _pick(rng, words.TIMES),
    "timer": _timer,
    "verb": lambda rng: _pick(rng, words.VERBS),
    "weekday": lambda rng: _pick(rng, words.WEEKDAYS),
}


def _phrase(rng: np.random.Generator) -> str:
    made = []
    for word in _pick(rng, PHRASES).split():
        made.append(_SLOTS[word[1:-1]](rng) if word.startswith("{") else word)
    return " ".join(made)


_FREE = tuple(word for word in words.VOCABULARY if word != "to")


def _free(rng: np.random.Generator) -> str:
    """One to ten words, mostly any of the vocabulary, some of them numbers or letters in a row."""
    made = []
    for _ in range(int(rng.integers(1, 7))):
        kind = rng.random()
        if kind < 0.7:
            made.append(_some(rng, _FREE, 1, 2))
        elif kind < 0.8:
            made.append(_some(rng, words.LETTERS, 1, 4))
        elif kind < 0.9:
            made.append(_some(rng, words.DIGITS, 1, 4))
        else:
            made.append(_number(rng))
    return " ".join(made)
