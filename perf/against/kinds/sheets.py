# ruff: noqa: RUF001 (full-width marks)
"""Page kinds as HTML, with the text that a reader should find, in order.

A sheet is a function of a :class:`~perf.against.kinds.texts.Writer`; each block of its truth is one
entry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from perf.against.kinds import texts
from perf.against.kinds.texts import Writer


@dataclass(frozen=True)
class Sheet:
    """A page before it is drawn.

    Attributes:
        body: HTML.
        lines: the truth, in reading order.
        size: width and height in pixels.
        css: of the body.
    """

    body: str
    lines: tuple[str, ...]
    size: tuple[int, int] = (900, 330)
    css: str = ""


Draw = Callable[[Writer], Sheet]


def _paragraphs(lines: tuple[str, ...] | list[str]) -> str:
    return "".join(f"<p>{line}</p>" for line in lines)


def prose(
    css: str = "", size: tuple[int, int] = (900, 330), sentences: tuple[int, ...] = (4, 3)
) -> Draw:
    """Paragraphs of English in a given style."""

    def draw(w: Writer) -> Sheet:
        lines = tuple(w.prose(n) for n in sentences)
        return Sheet(_paragraphs(lines), lines, size, css)

    return draw


def capitals(w: Writer) -> Sheet:
    """Running text in capitals alone."""
    text = w.prose(5).upper()
    return Sheet(f"<p>{text}</p>", (text,), (900, 300))


def language(
    listed: tuple[str, ...], count: int, css: str = "", size: tuple[int, int] = (900, 260)
) -> Draw:
    """Sentences of another language, each on a line of its own."""

    def draw(w: Writer) -> Sheet:
        lines = tuple(w.some(listed, count))
        return Sheet(_paragraphs(lines), lines, size, "p{margin:6px 0}" + css)

    return draw


def fixed(lines: tuple[str, ...], css: str, size: tuple[int, int], joint: str = "") -> Draw:
    """Lines that are always the same."""

    def draw(w: Writer) -> Sheet:
        return Sheet(joint.join(f"<div>{line}</div>" for line in lines), lines, size, css)

    return draw


def article(w: Writer) -> Sheet:
    """A heading and two paragraphs: the page that is degraded most often."""
    title = f"News from {w.fill('town')}"
    lines = (title, w.prose(3), w.prose(3))
    return Sheet(f"<h2>{title}</h2>" + _paragraphs(lines[1:]), lines, (900, 330), "h2{margin:0}")


def table(css: str, rows: int = 6) -> Draw:
    """Goods with numbers, read row by row."""

    def draw(w: Writer) -> Sheet:
        cells = [["Article", "Stock", "Ordered", "Price", "Shelf"]]
        for name in w.goods(rows):
            numbers = [str(w.integer(1, 9)), str(w.integer(10, 999)), w.price(1, 99)]
            cells.append([name, *numbers, f"{w.pick('A B C D')}{w.integer(1, 20)}"])
        body = "".join(
            "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in cells
        )
        lines = tuple(" ".join(row) for row in cells)
        return Sheet(f"<table>{body}</table>", lines, (760, 44 + 36 * len(cells)), css)

    return draw


RULED = "table{border-collapse:collapse;width:100%}td{border:1px solid #555;padding:5px 8px}"
BARE = "table{width:100%}td{padding:4px}td+td{text-align:right}"
ZEBRA = (
    "table{width:100%;border-spacing:0}td{padding:6px}tr:nth-child(odd){background:#dce6f2}"
    "tr:first-child{background:#26456b;color:#fff;font-weight:bold}"
)


def invoice(w: Writer) -> Sheet:
    """A letterhead, a ruled table with short numbers, sums at the right."""
    rows = []
    for name in w.goods(5):
        rows.append([name, str(w.integer(1, 9)), w.price(1, 9), w.price(10, 60)])
    head = ["Item", "Qty", "Unit price", "Amount"]
    number, date = f"Invoice no. 2026-{w.integer(10000, 99999)}", f"Date: {w.fill('date')} 2026"
    to = f"Bill to: {w.fill('person')}, {w.integer(2, 90)} Dock Lane, {w.fill('town')}"
    sums = [f"Subtotal: {w.price(90, 200)}", f"VAT 20 %: {w.price(10, 40)}"]
    due = f"Amount due: {w.price(110, 240)}"
    body = (
        f"<div style='float:right;text-align:right'>{number}<br>{date}</div><h2>Brightwater Ltd."
        f"</h2><p>{to}</p><table>"
        + "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in [head, *rows])
        + "</table>"
        + "".join(f"<p class=r>{line}</p>" for line in sums)
        + f"<p class=r><b>{due}</b></p><p>Please pay within {w.integer(8, 40)} days.</p>"
    )
    lines = ["Brightwater Ltd.", number, date, to, " ".join(head)]
    lines += [" ".join(row) for row in rows] + [*sums, due]
    lines.append(body[body.rindex("<p>") + 3 : body.rindex("</p>")])
    css = RULED + "h2{margin:0 0 16px}.r{text-align:right}td+td{text-align:right}p{margin:12px 0}"
    return Sheet(body, tuple(lines), (900, 540), css)


def receipt(w: Writer) -> Sheet:
    """A till's narrow paper in a fixed face."""
    lines = ["CORNER SHOP", f"{w.fill('town')} {w.fill('date')}", f"Till 3 No {w.fill('code')}"]
    body = "".join(f"<div class=c>{line}</div>" for line in lines) + "<div>" + "-" * 28 + "</div>"
    lines.append("-" * 28)
    for name in w.goods(7):
        price = w.price(1, 20)
        body += f"<div class=r><span>{name}</span><span>{price}</span></div>"
        lines.append(f"{name} {price}")
    total = w.price(40, 90)
    body += f"<div class=r><b>TOTAL</b><b>{total}</b></div><div class=c>Thank you!</div>"
    lines += [f"TOTAL {total}", "Thank you!"]
    css = (
        "body{font:17px 'DejaVu Sans Mono'}.c{text-align:center}"
        ".r{display:flex;justify-content:space-between}"
    )
    return Sheet(body, tuple(lines), (360, 330), css)


def newspaper(columns: int, rule: bool = False, size: tuple[int, int] = (900, 420)) -> Draw:
    """A title centred over columns."""

    def draw(w: Writer) -> Sheet:
        title = f"{w.fill('town')} Chronicle"
        lines = (title, w.prose(5), w.prose(4))
        body = f"<h1>{title}</h1><div class=c>{_paragraphs(lines[1:])}</div>"
        line = "column-rule:1px solid #444;" if rule else ""
        css = (
            "body{font:15px 'Liberation Serif'}h1{text-align:center;margin:0 0 8px}p{margin:0 0 "
            f"8px}}.c{{column-count:{columns};column-gap:28px;{line}}}"
        )
        return Sheet(body, lines, size, css)

    return draw


def short_column(w: Writer) -> Sheet:
    """Two columns of which the second is short."""
    lines = (w.prose(5), w.prose(1))
    body = f"<div class=r><div>{lines[0]}</div><div>{lines[1]}</div></div>"
    css = ".r{display:grid;grid-template-columns:1fr 1fr;gap:50px}"
    return Sheet(body, lines, (900, 300), css)


def sidebar(w: Writer) -> Sheet:
    """A narrow list beside running text."""
    links = ["Home", "Timetables", "Opening hours", "Lost property", "Contact"]
    lines = (*links, w.prose(5))
    body = (
        f"<div class=r><div class=s>{''.join(f'<div>{x}</div>' for x in links)}</div>"
        f"<div>{lines[-1]}</div></div>"
    )
    css = ".r{display:grid;grid-template-columns:200px 1fr;gap:40px}.s{background:#e8eef4}"
    return Sheet(body, lines, (900, 260), css)


def chat(dark: bool, messages: int = 7, width: int = 540) -> Draw:
    """Bubbles at both sides, with times."""

    def draw(w: Writer) -> Sheet:
        body, lines = "", []
        for number in range(messages):
            text, time = w.sentence(), w.fill("time")
            side = "mine" if number % 2 else "theirs"
            body += f"<div class={side}>{text}<div class=t>{time}</div></div>"
            lines += [text, time]
        paper, ink, theirs, mine = ["#fff", "#111", "#ececec", "#d5f5c8"]
        if dark:
            paper, ink, theirs, mine = ["#0b141a", "#e9edef", "#202c33", "#005c4b"]
        css = (
            f"body{{font:18px 'Liberation Sans';background:{paper};color:{ink};margin:12px}}"
            ".mine,.theirs{border-radius:12px;padding:8px 12px;margin:8px 0;width:70%}"
            f".theirs{{background:{theirs}}}.mine{{background:{mine};margin-left:24%}}"
            ".t{font-size:12px;text-align:right;opacity:.7}"
        )
        return Sheet(body, tuple(lines), (width, 112 * messages + 24), css)

    return draw


CODE = (
    "def mean(values: list[float]) -> float:",
    '    """The arithmetic mean of at least one value."""',
    "    if not values:",
    '        raise ValueError("expected values, found none")',
    "    total = 0.0",
    "    for index, value in enumerate(values):",
    "        total += value * 1.0  # weights[index]",
    "    return total / len(values)",
    "",
    "print(mean([3.5, 4.25, 17.0e-3]), 0x7F, a != b)",
)


def code(dark: bool, numbers: bool = False) -> Draw:
    """Source text, indented, in a fixed face."""

    def draw(w: Writer) -> Sheet:
        shown = [line.replace("<", "&lt;").replace("->", "-&gt;") for line in CODE]
        if numbers:
            shown = [f"<i>{n:2}</i>  {line}" for n, line in enumerate(shown, 1)]
        lines = tuple(
            f"{n} {line.strip()}" if numbers else line.strip()
            for n, line in enumerate(CODE, 1)
            if line or numbers
        )
        paper, ink = ("#1e1e1e", "#d4d4d4") if dark else ("#fff", "#24292e")
        css = (
            f"body{{background:{paper};color:{ink}}}pre{{font:17px/1.4 'DejaVu Sans Mono';"
            "margin:0}i{color:#888;font-style:normal}"
        )
        return Sheet(f"<pre>{chr(10).join(shown)}</pre>", lines, (760, 290), css)

    return draw


def form(w: Writer) -> Sheet:
    """Labels beside boxes that are filled in."""
    fields = [
        ("First name", w.pick("Ada Basil Clara Dmitri Enid")),
        ("Family name", w.pick(texts.SURNAMES)),
        ("Date of birth", f"{w.integer(10, 28)}.{w.integer(10, 12)}.{w.integer(1950, 2005)}"),
        ("Street, number", f"Mill Road {w.integer(3, 120)}"),
        ("Post code, town", f"{w.integer(10000, 99999)} {w.fill('town')}"),
        ("Customer number", w.fill("code")),
    ]
    body = "<h3>Application for a library card</h3>" + "".join(
        f"<div class=f><label>{a}</label><span>{b}</span></div>" for a, b in fields
    )
    lines = ("Application for a library card", *(f"{a} {b}" for a, b in fields))
    css = (
        ".f{display:flex;margin:8px 0}label{width:200px}span{border:1px solid #333;flex:1;"
        "padding:3px 8px}h3{margin:0 0 12px}"
    )
    return Sheet(body, lines, (640, 320), css)


def underlined_form(w: Writer) -> Sheet:
    """What is filled in stands on dotted lines."""
    fields = [("Name:", w.fill("person")), ("Town:", w.fill("town")), ("Date:", w.fill("date"))]
    fields += [("Reference:", w.fill("code")), ("Amount:", w.price(10, 99))]
    body = "".join(f"<div class=f>{a}<span>{b}</span></div>" for a, b in fields)
    css = ".f{margin:14px 0}span{border-bottom:2px dotted #222;padding:0 60px 0 12px}"
    return Sheet(body, tuple(f"{a} {b}" for a, b in fields), (560, 260), css)


def contents(w: Writer) -> Sheet:
    """Chapters, each with its page at the right."""
    rows = [
        ("Introduction", "1"),
        ("The harbour and its trade", str(w.integer(4, 12))),
        ("Bridges, roads and ferries", str(w.integer(13, 40))),
        ("Animals of the valley", str(w.integer(41, 70))),
        ("Accounts", str(w.integer(71, 120))),
        ("Index", str(w.integer(121, 300))),
    ]
    body = "<h2>Contents</h2>" + "".join(
        f"<div class=r><span>{a}</span><span>{b}</span></div>" for a, b in rows
    )
    css = ".r{display:flex;justify-content:space-between;margin:6px 0}h2{margin:0 0 10px}"
    return Sheet(body, ("Contents", *(f"{a} {b}" for a, b in rows)), (620, 280), css)


def calendar(w: Writer) -> Sheet:
    """A month in seven columns."""
    month = f"{w.pick(texts.MONTHS)} 2026"
    rows = [["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]]
    rows += [[str(7 * week + day + 1) for day in range(7)] for week in range(4)]
    body = f"<h2>{month}</h2><table>" + "".join(
        "<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows
    )
    css = "table{width:100%;text-align:center;font-size:22px}td{padding:7px}h2{margin:0}"
    return Sheet(body, (month, *(" ".join(row) for row in rows)), (560, 310), css)


def menu(w: Writer) -> Sheet:
    """Dishes in italics, prices at the right, centred headings."""
    lines, body = [], ""
    for title, dishes in (
        ("Starters", ("Leek soup with cream", "Smoked trout, rye toast", "Beetroot salad")),
        ("Mains", ("Lamb stew and barley", "Plaice in brown butter", "Mushroom pie")),
    ):
        body += f"<h3>{title}</h3>"
        lines.append(title)
        for dish in dishes:
            price = w.price(5, 30)
            body += f"<div class=r><i>{dish}</i><span>{price}</span></div>"
            lines.append(f"{dish} {price}")
    css = (
        "body{font:20px 'Liberation Serif'}h3{text-align:center;margin:6px 0;font-variant:"
        "small-caps}.r{display:flex;justify-content:space-between;margin:4px 60px}"
    )
    return Sheet(body, tuple(lines), (560, 300), css)


def poster(w: Writer) -> Sheet:
    """Few words, very large beside small."""
    day, time = w.fill("date"), w.fill("time")
    lines = ("SUMMER", "CONCERT", f"{day}, {time}", "Admission free. Bring a blanket.")
    body = (
        f"<div style='font:bold 120px/1 Liberation Sans;color:#b3261e'>{lines[0]}<br>{lines[1]}"
        f"</div><div style='font:34px DejaVu Serif;margin:16px 0'>{lines[2]}</div>"
        f"<div style='font:17px Liberation Sans'>{lines[3]}</div>"
    )
    return Sheet(body, lines, (800, 400), "body{background:#fdf3d8;text-align:center}")


def card(w: Writer) -> Sheet:
    """A business card."""
    person = f"{w.pick('Ada Basil Clara Enid')} {w.pick(texts.SURNAMES)}"
    lines = (
        person,
        "Surveyor and harbour pilot",
        f"+44 20 {w.integer(1000, 9999)} {w.integer(1000, 9999)}",
        f"office@{w.fill('town').lower()}.example",
        f"{w.integer(1, 99)} Dock Lane, {w.fill('town')}",
    )
    body = f"<b>{lines[0]}</b>" + "".join(f"<div>{line}</div>" for line in lines[1:])
    css = "body{font:15px 'DejaVu Serif';padding:20px}b{font-size:24px}"
    return Sheet(body, lines, (420, 200), css)


def label(w: Writer) -> Sheet:
    """A parcel's label with bars and long numbers."""
    bars = "".join(
        f"<i style='display:inline-block;height:60px;width:{w.integer(1, 6)}px;background:#000;"
        f"margin-right:{w.integer(1, 5)}px'></i>"
        for _ in range(60)
    )
    number = " ".join(str(w.integer(1000, 9999)) for _ in range(5))
    lines = (f"TO: {w.fill('person')}", f"{w.integer(2, 90)} Mill Road", w.fill("town").upper())
    body = "".join(f"<div>{line}</div>" for line in lines) + f"<p>{bars}</p><div>{number}</div>"
    css = "body{font:bold 24px 'Liberation Sans';border:3px solid #000}p{margin:10px 0}"
    return Sheet(body, (*lines, number), (520, 260), css)


def bullets(w: Writer) -> Sheet:
    """A list within a list."""
    lines = [w.sentence() for _ in range(5)]
    inner = f"<ul><li>{lines[1]}<li>{lines[2]}</ul>"
    body = f"<ol><li>{lines[0]}{inner}<li>{lines[3]}<li>{lines[4]}</ol>"
    truth = (f"1. {lines[0]}", lines[1], lines[2], f"2. {lines[3]}", f"3. {lines[4]}")
    return Sheet(body, truth, (900, 220), "ul{list-style:none}li{margin:4px 0}")


def email(w: Writer) -> Sheet:
    """A message with its head and a quotation."""
    lines = (
        f"From: {w.fill('person')}",
        f"Subject: Parcel {w.fill('code')}",
        w.prose(2),
        w.prose(2),
        "Kind regards, the dispatch office",
    )
    body = (
        f"<b>{lines[0]}</b><br><b>{lines[1]}</b><hr><p>{lines[2]}</p><blockquote>{lines[3]}"
        f"</blockquote><p>{lines[4]}</p>"
    )
    css = "blockquote{border-left:4px solid #88a;padding-left:12px;color:#446}"
    return Sheet(body, lines, (800, 340), css)


def numbers(w: Writer) -> Sheet:
    """Columns of decimal figures."""
    rows = [[w.price(1, 9999) for _ in range(6)] for _ in range(7)]
    body = "<table>" + "".join(
        "<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows
    )
    css = "table{width:100%;text-align:right;font:19px 'Liberation Mono'}td{padding:4px}"
    return Sheet(body, tuple(" ".join(row) for row in rows), (760, 260), css)


def serials(w: Writer) -> Sheet:
    """Codes, addresses and paths that no dictionary has."""
    letters = "A B C D E F G H J K L M N P Q R S T U V W X Y Z 2 3 4 5 6 7 8 9"
    codes = ["-".join("".join(w.pick(letters) for _ in range(5)) for _ in range(4)) for _ in "abc"]
    lines = (
        *codes,
        f"https://www.{w.fill('town').lower()}.example/a?id={w.integer(10, 99)}",
        f"IBAN GB{w.integer(10, 99)} {w.integer(1000, 9999)} {w.integer(1000, 9999)}",
        f"/srv/models/{w.fill('code')}/config.pbtxt",
    )
    return Sheet(_paragraphs(lines), lines, (640, 270), "p{margin:10px 0}")


def phones(w: Writer) -> Sheet:
    """Names and telephone numbers."""
    rows = [
        (w.fill("person"), f"0{w.integer(20, 99)} {w.integer(100000, 999999)}") for _ in "abcde"
    ]
    body = "".join(f"<div class=r><span>{a}</span><span>{b}</span></div>" for a, b in rows)
    css = ".r{display:flex;justify-content:space-between;margin:8px 0;font-size:21px}"
    return Sheet(body, tuple(f"{a} {b}" for a, b in rows), (480, 240), css)


def subtitles(w: Writer) -> Sheet:
    """White letters with a black edge over a picture."""
    lines = (w.sentence(), w.sentence())
    css = (
        "body{background:linear-gradient(40deg,#2a4d6e,#d9c38c 45%,#5b7d4a 70%,#202a30);"
        "text-align:center;font:bold 27px 'Liberation Sans';color:#fff;text-shadow:2px 2px #000,"
        "-2px 2px #000,2px -2px #000,-2px -2px #000;padding-top:150px}"
    )
    return Sheet("<br>".join(lines), lines, (960, 300), css)


def slide(w: Writer) -> Sheet:
    """A presentation's page."""
    lines = ("Results of the year", *(w.sentence() for _ in range(3)))
    body = f"<h1>{lines[0]}</h1>" + "".join(f"<p>{line}</p>" for line in lines[1:])
    css = "body{font:26px 'DejaVu Sans';background:#12305a;color:#fff}h1{color:#ffd166;margin:0}"
    return Sheet(body, lines, (960, 440), css)


def rotated_words(w: Writer) -> Sheet:
    """Names along streets of a map."""
    names = ("Northgate Avenue", "River Lane East", "Old Mill Road", "Harbour Street")
    places = ((30, 60, 0), (480, 130, 30), (60, 330, -45), (480, 420, 0))
    body = "".join(
        f"<div style='position:absolute;left:{x}px;top:{y}px;transform:rotate({angle}deg)'>{name}"
        "</div>"
        for name, (x, y, angle) in zip(names, places, strict=True)
    )
    return Sheet(body, names, (800, 560), "body{font:bold 30px 'Liberation Sans'}")


def chart(w: Writer) -> Sheet:
    """Bars with names turned by 45 degrees below them."""
    days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
    body, lines = "<h3>Visitors by day</h3>", ["Visitors by day"]
    for k, day in enumerate(days):
        height = w.integer(60, 180)
        body += (
            f"<div style='position:absolute;left:{60 + 110 * k}px;top:{260 - height}px;width:60px;"
            f"height:{height}px;background:#5b8bd0'></div><div style='position:absolute;left:"
            f"{66 + 110 * k}px;top:{236 - height}px'>{height}</div><div class=d style='left:"
            f"{20 + 110 * k}px'>{day}</div>"
        )
        lines += [str(height), day]
    css = "h3{margin:0}.d{position:absolute;top:300px;transform:rotate(-45deg)}"
    return Sheet(body, tuple(lines), (640, 370), css)


def vertical_side(w: Writer) -> Sheet:
    """Words down the margin beside running text."""
    lines = ("Confidential draft", w.prose(5))
    body = f"<div class=v>{lines[0]}</div><div class=p>{lines[1]}</div>"
    css = (
        ".v{position:absolute;left:24px;top:30px;writing-mode:vertical-rl;transform:rotate(180deg);"
        "font-weight:bold;font-size:22px}.p{margin-left:80px}"
    )
    return Sheet(body, lines, (900, 290), css)


def vertical_cjk(listed: tuple[str, ...], face: str) -> Draw:
    """Columns from right to left, read from top to bottom."""

    def draw(w: Writer) -> Sheet:
        lines = tuple(w.some(listed, 5))
        css = (
            f"body{{writing-mode:vertical-rl;font:26px '{face}'}}p{{margin:0 10px}}"
            ".w{height:640px}"
        )
        return Sheet(f"<div class=w>{_paragraphs(lines)}</div>", lines, (340, 700), css)

    return draw


def mixed_cjk(w: Writer) -> Sheet:
    """Japanese with Latin words and figures."""
    lines = (
        f"新製品 Model X-{w.integer(10, 99)} は3月{w.integer(2, 28)}日発売です。",
        f"価格は¥{w.integer(10, 99)},800（税込）、重さ{w.price(1, 9)}kgです。",
        f"Wi-Fi 6 と Bluetooth {w.integer(4, 6)}.{w.integer(0, 4)} に対応しています。",
    )
    return Sheet(_paragraphs(lines), lines, (640, 190), CJK)


def scientific(w: Writer) -> Sheet:
    """Symbols, units and indices."""
    lines = (
        f"The speed v = {w.price(2, 9)} m/s at an angle of {w.integer(10, 80)}°.",
        f"Mass m = {w.price(1, 9)} kg ± {w.integer(1, 9)} %, so E = mc².",
        f"At {w.integer(10, 40)} °C the solution held {w.integer(10, 90)} µg/l of salt.",
        "If a < b and b ≤ c then a + c > 2 × b / 3.",
    )
    shown = [line.replace("<", "&lt;") for line in lines]
    return Sheet(_paragraphs(shown), lines, (640, 220), "p{margin:10px 0}")


def spreadsheet(w: Writer) -> Sheet:
    """A grid with letters over the columns and numbers before the rows."""
    rows = [["", "A", "B", "C", "D"]]
    for k, name in enumerate(w.goods(6), 1):
        rows.append([str(k), name, str(w.integer(1, 99)), w.price(1, 40), w.price(40, 900)])
    body = "<table>" + "".join(
        "<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows
    )
    css = (
        "table{border-collapse:collapse;font:14px 'Liberation Sans'}td{border:1px solid #c8c8c8;"
        "padding:3px 10px;min-width:70px}tr:first-child,td:first-child{background:#eee;color:#444}"
    )
    return Sheet(body, tuple(" ".join(filter(None, row)) for row in rows), (560, 230), css)


def sizes(w: Writer) -> Sheet:
    """Every line in another size."""
    lines = tuple(w.sentence() for _ in range(6))
    body = "".join(
        f"<div style='font-size:{size}px'>{line}</div>"
        for size, line in zip((11, 13, 16, 20, 25, 30), lines, strict=True)
    )
    return Sheet(body, lines, (1200, 260))


def footnotes(w: Writer) -> Sheet:
    """Small type below a rule."""
    lines = (w.prose(4), w.prose(1), w.prose(1))
    body = f"<p>{lines[0]}</p><hr><small>{lines[1]}<br>{lines[2]}</small>"
    return Sheet(body, lines, (900, 240), "small{font-size:12px}")


def stamped(w: Writer) -> Sheet:
    """A red stamp across the text."""
    lines = (w.prose(5),)
    body = f"<p>{lines[0]}</p><div class=s></div>"
    css = (
        ".s{position:absolute;left:560px;top:60px;width:150px;height:110px;border:7px double "
        "rgba(190,20,30,.6);border-radius:50%;transform:rotate(-14deg)}"
    )
    return Sheet(body, lines, (900, 220), css)


def licence_plate(w: Writer) -> Sheet:
    """One short code, large, within a frame."""
    plate = f"{w.pick('B HH M K')} {w.pick('XR QT KL')} {w.integer(100, 999)}"
    css = "body{font:bold 90px 'DejaVu Sans Mono';border:8px solid #000;text-align:center;margin:0}"
    return Sheet(plate, (plate,), (640, 150), css)


def on_a_frame(word: str) -> Draw:
    """One short word on a large frame."""
    css = "div{position:absolute;left:900px;top:520px;font:30px 'Liberation Sans'}"
    return fixed((word,), css, (1920, 1080))


def tight(sentences: int, width: int, height: int, css: str) -> Draw:
    """Text whose ink reaches the picture's edges."""

    def draw(w: Writer) -> Sheet:
        text = w.prose(sentences)
        return Sheet(text, (text,), (width, height), "body{margin:0!important}" + css)

    return draw


def tight_word(w: Writer) -> Sheet:
    """One word, cropped close."""
    css = "body{margin:0!important;font:bold 34px/34px 'Liberation Sans';white-space:nowrap}"
    return Sheet("Harbour office", ("Harbour office",), (244, 35), css)


CJK = "body{font:26px 'Noto Sans CJK JP'}p{margin:8px 0}"

SHEETS: dict[str, Draw] = {
    **{f"px{size}": prose(f"body{{font-size:{size}px}}", (460, 300), (5,)) for size in (8, 9, 10)},
    "px12": prose("body{font-size:12px}", (620, 200), (5,)),
    "px14": prose("body{font:14px 'DejaVu Serif'}", (760, 230)),
    "px16": prose("body{font-size:16px}", (760, 260)),
    "px24": prose("body{font-size:24px}", (1100, 330)),
    "px36": prose("body{font-size:36px}", (1400, 400), (3, 2)),
    "px72": prose("body{font:72px 'Liberation Serif'}", (1800, 800), (3,)),
    "sans": prose("body{font-family:'DejaVu Sans'}", (1000, 300)),
    "serif": prose("body{font-family:'Liberation Serif'}"),
    "mono": prose("body{font-family:'DejaVu Sans Mono'}", (1000, 330)),
    "bold": prose("body{font-weight:bold}"),
    "italic": prose("body{font:italic 20px 'Liberation Serif'}"),
    "condensed": prose("body{font:19px 'DejaVu Sans Condensed'}", (860, 280)),
    "narrow": prose("body{transform:scaleX(.6);transform-origin:0 0;width:840px}", (540, 330)),
    "wide": prose("body{transform:scaleX(1.4);transform-origin:0 0;width:640px}", (940, 330)),
    "light": prose("body{font:20px 'Noto Sans';font-weight:300;color:#555}"),
    "capitals": capitals,
    "letterspaced": fixed(
        ("DEPARTMENT", "ANNUAL REPORT"),
        "div{font:26px 'Liberation Sans';letter-spacing:14px;margin:14px 0}",
        (700, 160),
    ),
    "spaced_text": prose("body{letter-spacing:3px;font-size:18px}", (1000, 300), (4,)),
    "underlined": prose("p{text-decoration:underline}"),
    "struck": prose("p{text-decoration:line-through}", (900, 220), (4,)),
    "highlighted": prose("p{background:#ffee55;display:inline}", (900, 240), (5,)),
    "justified": prose("p{text-align:justify;width:420px}", (460, 420), (5,)),
    "tight_lines": prose("body{line-height:1.0}"),
    "loose_lines": prose("body{line-height:2.4}", (900, 420)),
    "drop_cap": prose(
        "p::first-letter{font-size:64px;float:left;line-height:.8}", (900, 260), (5,)
    ),
    "white_on_dark": prose("body{background:#111;color:#eee}"),
    "white_on_red": prose("body{background:#a11;color:#fff}", (900, 240), (5,)),
    "grey_on_white": prose("body{color:#bbb}", (900, 240), (5,)),
    "grey_on_grey": prose("body{background:#888;color:#aaa}", (900, 240), (5,)),
    "blue_on_yellow": prose("body{background:#fe6;color:#23a}", (900, 240), (5,)),
    "gradient": prose("body{background:linear-gradient(90deg,#fff,#666)}", (900, 240), (5,)),
    "hollow": prose(
        "body{font:bold 40px 'Liberation Sans';color:#fff;-webkit-text-stroke:1.5px #222}",
        (1200, 300),
        (3,),
    ),
    "shadowed": prose("body{text-shadow:2px 2px 2px #888;font-size:26px}", (1100, 260), (4,)),
    "article": article,
    "table_ruled": table(RULED),
    "table_bare": table(BARE),
    "table_zebra": table(ZEBRA),
    "invoice": invoice,
    "receipt": receipt,
    "newspaper2": newspaper(2),
    "newspaper3": newspaper(3),
    "newspaper3_rule": newspaper(3, rule=True),
    "short_column": short_column,
    "sidebar": sidebar,
    "chat_light": chat(dark=False),
    "chat_dark": chat(dark=True),
    "chat_tall": chat(dark=False, messages=30, width=700),
    "code_light": code(dark=False),
    "code_dark": code(dark=True),
    "code_numbered": code(dark=False, numbers=True),
    "form": form,
    "form_dotted": underlined_form,
    "contents": contents,
    "calendar": calendar,
    "menu": menu,
    "poster": poster,
    "card": card,
    "label": label,
    "bullets": bullets,
    "email": email,
    "numbers": numbers,
    "serials": serials,
    "phones": phones,
    "subtitles": subtitles,
    "slide": slide,
    "rotated_words": rotated_words,
    "chart": chart,
    "vertical_side": vertical_side,
    "vertical_japanese": vertical_cjk(texts.JAPANESE, "Noto Serif CJK JP"),
    "vertical_chinese": vertical_cjk(texts.CHINESE, "Noto Sans CJK SC"),
    "japanese": language(texts.JAPANESE, 5, CJK, (800, 260)),
    "japanese_small": language(
        texts.JAPANESE, 6, "body{font:14px 'Noto Serif CJK JP'}", (420, 190)
    ),
    "chinese": language(texts.CHINESE, 5, "body{font:24px 'Noto Sans CJK SC'}", (640, 260)),
    "traditional": language(
        texts.TRADITIONAL, 4, "body{font:24px 'Noto Serif CJK TC'}", (640, 210)
    ),
    "japanese_latin": mixed_cjk,
    "french": language(texts.FRENCH, 5),
    "german": language(texts.GERMAN, 5, "body{font-family:'DejaVu Serif'}"),
    "spanish": language(texts.SPANISH, 4),
    "polish": language(texts.POLISH, 4, "body{font-family:'Noto Sans'}"),
    "czech": language(texts.CZECH, 3),
    "turkish": language(texts.TURKISH, 3),
    "nordic": language(texts.NORDIC, 3),
    "greek": language(texts.GREEK, 3, "body{font-family:'DejaVu Sans'}"),
    "greek_capitals": fixed(
        texts.GREEK_CAPITALS, "div{font:30px 'DejaVu Serif';margin:10px 0}", (700, 190)
    ),
    "cyrillic": language(texts.CYRILLIC, 1, "", (500, 90)),
    "scientific": scientific,
    "spreadsheet": spreadsheet,
    "sizes": sizes,
    "footnotes": footnotes,
    "stamped": stamped,
    "licence_plate": licence_plate,
    "frame_number": on_a_frame("42"),
    "frame_page": on_a_frame("Page 7"),
    "frame_word": on_a_frame("Harbour"),
    "tight_page": tight(3, 640, 136, "body{font:20px/22px 'Liberation Sans'}"),
    "tight_line": tight(1, 900, 27, "body{font:24px/26px 'Liberation Sans';white-space:nowrap}"),
    "tight_word": tight_word,
    "long_line": tight(5, 4200, 50, "body{font:26px/50px 'Liberation Sans';white-space:nowrap}"),
}
"""Every kind that the browser draws, by name."""
