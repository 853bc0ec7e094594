"""The closed vocabulary of the demo recogniser: every word that it was trained to tell apart.

No two words of it sound alike, except "to" and "two": "to" therefore stands in set phrases only,
where what surrounds it decides. Words that sound like a letter's name ("see", "are", "you") or like
a digit ("for", "ate") are left out.
"""

from __future__ import annotations

LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = (
    *("ten", "eleven", "twelve", "thirteen", "fourteen"),
    *("fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES = ("hundred", "thousand", "million", "point")
UNIT_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth"),
)
OTHER_ORDINALS = (
    *("tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth"),
    *("seventeenth", "eighteenth", "nineteenth", "twentieth", "thirtieth"),
)
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
CURRENCIES = (
    *("dollar", "dollars", "euro", "euros", "pound", "pounds", "cent", "cents"),
    *("percent",),
)

VERBS = (
    *("open", "close", "start", "stop", "pause", "resume", "play", "record", "save", "load"),
    *("send", "receive", "call", "dial", "answer", "cancel", "delete", "insert", "copy", "paste"),
    *("move", "rotate", "zoom", "scroll", "search", "find", "show", "hide", "list", "print"),
    *("edit", "rename", "upload", "download", "connect", "disconnect", "enable", "disable"),
    *("lock", "unlock", "turn", "switch", "increase", "decrease", "raise", "lower", "set"),
    *("reset", "refresh", "update", "install", "check", "confirm", "repeat", "transfer", "pay"),
    *("deposit", "withdraw", "book", "order", "reserve", "schedule", "create", "add", "select"),
    *("skip", "mute", "compare"),
)
NOUNS = (
    *("account", "payment", "balance", "invoice", "receipt", "card", "bank", "ticket", "train"),
    *("flight", "hotel", "room", "table", "window", "door", "light", "kitchen", "bedroom"),
    *("garage", "garden", "office", "heater", "fan", "camera", "screen", "volume", "music"),
    *("song", "album", "radio", "channel", "video", "picture", "file", "folder", "document"),
    *("page", "report", "message", "email", "contact", "meeting", "calendar", "alarm", "timer"),
    *("reminder", "weather", "temperature", "traffic", "map", "station", "airport", "street"),
    *("address", "number", "code", "password", "user", "device", "printer", "keyboard"),
    *("speaker", "microphone", "battery", "network", "server", "project", "task", "customer"),
    *("product", "price", "delivery", "package", "machine", "engine", "pump", "valve", "sensor"),
    *("motor", "robot", "elevator", "level", "pressure", "unit", "section"),
)
PLACES = ("left", "right", "up", "down", "forward", "back", "on", "off")
QUALITIES = (
    *("red", "green", "blue", "yellow", "white", "black", "new", "old", "large", "small"),
    *("high", "low", "fast", "slow", "next", "previous", "last", "all"),
)
TIMES = ("today", "tomorrow", "yesterday", "now", "later", "again", "morning", "evening", "noon")
MEASURES = ("minute", "minutes", "hour", "hours", "day", "days", "week", "weeks", "degrees")
JOINTS = ("the", "my", "and", "from", "to", "at", "in", "of", "with", "please", "yes", "no")

COMMANDS = (*VERBS, *NOUNS, *PLACES, *QUALITIES, *TIMES, *MEASURES, *JOINTS)
"""The words of commands; with letters, numbers, dates and amounts they are the vocabulary."""

NUMBERS = (*DIGITS, *TEENS, *TENS, *SCALES)
ORDINALS = (*UNIT_ORDINALS, *OTHER_ORDINALS)
DATES = (*ORDINALS, *MONTHS, *WEEKDAYS)

VOCABULARY = (*LETTERS, *NUMBERS, *DATES, *CURRENCIES, *COMMANDS)
"""Every word once."""
