"""Values and texts that nobody means well with, for JSON, YAML and protobuf's text alike."""

from __future__ import annotations

import copy
import json
import re
from random import Random
from typing import Any

from tests.fuzz import mutate

PATHS = (
    *("/etc/passwd", "/proc/self/mem", "/proc/self/environ", "/proc/self/fd", "/dev/zero"),
    *("/dev/full", "/dev/tty", "../secret.txt", "../../secret.txt", "../", ".", "", "//", "/tmp"),
    *("~nobody-there/x", "~", "a/../../secret.txt", "a\nb", "\x1b[2Jx", "é", "x" * 5000, "C:\\x"),
    *("a\u202eb", "model.bin", "..", "./", "a//b", "m/1/model.py", "$(touch x)", "{x}", "%s", "-x"),
)
TEXTS = (
    *("", " ", "x" * 100_000, "\x1b[2J\x07", "\x00", "a\u2028b", "\u202e", "\ud800", "\U0001f600"),
    *("NaN", "null", "true", "-1", "1e999", "24.10", "9" * 5000, "%s%n", "{0.__class__}", "<b>"),
    *("[red]x[/red]", "\\", '"', "'", "a\tb", "\r\n", "__class__", "é" * 300, "\ufeff"),
)
NUMBERS = (
    *(0, -1, 1, 2, 255, 1 << 31, -(1 << 31), (1 << 31) - 1, 1 << 32, 1 << 63, (1 << 63) - 1),
    *(1 << 64, 1 << 70, 10**99, 10**150, 1e308, -1e308, 0.5, -0.0, 5e-324, 1e16, 2**53 + 1),
    *(True, False, None),
)


def value(random: Random) -> Any:
    """A JSON value that does not belong where it will stand."""
    kind = random.randrange(8)
    if kind < 2:
        return random.choice(NUMBERS)
    if kind < 4:
        return random.choice(TEXTS)
    if kind == 4:
        return random.choice(PATHS)
    if kind == 5:
        inner: Any = random.choice(("x", 1, None))
        for _ in range(random.choice((1, 5, 60, 99, 150, 400))):
            inner = [inner] if random.random() < 0.5 else {"a": inner}
        return inner
    if kind == 6:
        return [random.choice((*TEXTS, *NUMBERS)) for _ in range(random.choice((0, 1, 3, 2000)))]
    return {random.choice((*TEXTS, *PATHS)): random.choice(NUMBERS) for _ in range(3)}


def changed(random: Random, document: Any) -> Any:
    """A copy of a document with one to three values, keys or items that are others."""
    made = copy.deepcopy(document)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if not isinstance(made, dict | list) or not made:
            return value(random)
        _change(random, *_place(random, made))
    return made


def _place(random: Random, document: Any) -> tuple[Any, Any]:
    """Holder and key of a value: a way down, so that no large part outweighs a small one."""
    holder = document
    while True:
        key = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        if not isinstance(holder[key], dict | list) or not holder[key] or random.random() < 0.2:
            return holder, key
        holder = holder[key]


def _change(random: Random, holder: Any, key: Any) -> None:
    way = random.randrange(8)
    if isinstance(holder, list):
        if way == 0:
            del holder[key]
        elif way == 1:
            holder.insert(key, holder[key])
        elif way == 2:
            holder[key] = [holder[key]]
        else:
            holder[key] = value(random)
        return
    if way == 0:
        del holder[key]
    elif way == 1:
        holder[random.choice((*TEXTS, *PATHS))] = holder.pop(key)
    elif way == 2:
        holder[random.choice((*TEXTS, *PATHS, "extra"))] = value(random)
    elif way == 3:
        holder[key] = random.choice(([holder[key]], {"a": holder[key]}, str(holder[key])))
    else:
        holder[key] = value(random)


def json_text(random: Random, document: Any) -> bytes:
    """A document as JSON, mostly; some are spoilt as texts."""
    text = json.dumps(document, ensure_ascii=random.random() < 0.7)
    content = text.encode("utf-8", "surrogatepass")
    way = random.randrange(24)
    if way < 12:
        return content
    if way == 12:
        return re.sub(rb"(\"[^\"]{1,30}\": ?[^,{}\[\]]{1,90},)", rb"\1\1", content, count=1)
    if way == 13:
        return content[: random.randrange(len(content) + 1)]
    if way == 14:
        return content.replace(b'"', b'"\xff\xfe', 1)
    if way == 15:
        return text.encode(random.choice(("utf-16", "utf-32", "utf-16-le")), "replace")
    if way == 16:
        return b"\xef\xbb\xbf" + content
    if way == 17:
        number = random.choice((b"NaN", b"-Infinity", b"9" * 6000, b"1e999", b"-", b"0x1", b"01"))
        return re.sub(rb": ?(?:\d+|\"[^\"]*\")", b": " + number, content, count=1)
    if way == 18:
        depth = random.choice((150, 3000, 200_000))
        opened, closed = random.choice(((b"[", b"]"), (b'{"a":', b"}")))
        return content[:-1] + b', "deep": ' + opened * depth + b"1" + closed * depth + b"}"
    if way == 19:
        many = random.choice((b"[],", b"0,", b"{},")) * random.choice((1000, 3_000_000, 16_000_000))
        return content[:-1] + b', "many": [' + many + b"0]}"
    if way == 20:
        return content + b" " * random.choice((10, (64 << 20) + 1)) + random.choice((b"", b"{}"))
    return mutate.blindly(random, content)


_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|-?\d[\w.]*|[A-Za-z_][\w./:@-]*|[{}\[\],:]')


def tokens_changed(random: Random, text: str, words: tuple[str, ...]) -> str:
    """A text with one to three of its words, numbers or brackets others, gone or twice.

    Args:
        random: all chances come from it.
        text: YAML, or protobuf's text.
        words: of its language; any may stand for any.
    """
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        found = list(_TOKEN.finditer(text))
        if not found:
            return random.choice(words)
        token = random.choice(found)
        old = token.group()
        way = random.randrange(10)
        if way == 0:
            new = ""
        elif way == 1:
            new = f"{old} {old}"
        elif way == 2:
            new = random.choice(found).group()
        elif way < 6 and old[:1] in "-0123456789":
            new = str(random.choice(NUMBERS))
        elif way < 6 and old[:1] == '"':
            new = json.dumps(random.choice((*PATHS, *TEXTS[:12])), ensure_ascii=False)
        else:
            new = random.choice(words)
        text = text[: token.start()] + new + text[token.end() :]
    return text
