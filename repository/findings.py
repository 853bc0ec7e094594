"""What a check reports: every mistake at once, each with its place and its remedy."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace


class Severity(enum.StrEnum):
    """Whether a finding stops the work."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One mistake.

    Attributes:
        severity: an error stops the work; a warning loads, and hurts later.
        rule: the rule's name, in kebab-case, as ``unused-output``.
        where: what it is about: a model, a file, a setting.
        tensor: the tensor, if one is meant.
        expected: what the rule asks for; empty where ``found`` says it.
        found: what there is; the whole sentence where ``expected`` is empty.
        remedy: how to mend it, as an imperative sentence.
        arguments: as in :class:`repository.errors.KitError`.
    """

    severity: Severity
    rule: str
    where: str
    expected: str
    found: str
    remedy: str
    tensor: str = ""
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = f"{self.where}, tensor '{self.tensor}'" if self.tensor else self.where
        expected, found = (_shown(each) for each in clauses(self.expected, self.found))
        # Without an expectation, what was found is a whole sentence.
        told = f"expected {expected}, found {found}" if self.expected else _shown(self.found)
        remedy = _shown(self.remedy).rstrip()
        remedy += "" if remedy.endswith((".", "?", "!")) else "."
        return f"{self.severity} [{self.rule}] {_shown(place)}: {told.rstrip('.')}. {remedy}"

    def moved(self, old: str, new: str) -> Finding:
        """The same, of a place that its reader knows by another name."""
        texts = {name: getattr(self, name) for name in ("where", "expected", "found", "remedy")}
        return replace(self, **{name: text.replace(old, new) for name, text in texts.items()})


def clauses(expected: str, found: str) -> tuple[str, str]:
    """The texts behind "expected" and "found" in a sentence.

    Either may come from another error, which has an "expected" or a full stop of its own.
    """
    return _clause(expected, "expected "), _clause(found, "found ")


def _clause(text: str, said: str) -> str:
    told = text.strip()
    while told.startswith(said):
        told = told.removeprefix(said)
    return told.rstrip(".") or "nothing"


_LONGEST = 2000
"""Characters of a part of a line that are shown: a name may have a million."""


def _shown(text: str) -> str:
    """A text that fits in a line: a stranger's files give names to it, control characters too."""
    return shortened(printable(text).replace("\n", "\\n"), _LONGEST)


def printable(text: str) -> str:
    """A text for a terminal: control characters, which names may hold, are escaped."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text
    )


def shortened(text: str, length: int = 100) -> str:
    """A text that may be of any length, with its middle left out."""
    half = (length - 1) // 2
    return text if len(text) <= length else f"{text[:half]}…{text[-half:]}"


def with_article(word: str) -> str:
    """A word after "a" or "an"."""
    return f"{'an' if word[:1].lower() in tuple('aeio') else 'a'} {word}"


def finding_of(
    rule: str,
    where: str,
    expected: str,
    found: str,
    remedy: str,
    arguments: tuple[str, ...] = (),
    *,
    tensor: str = "",
    severity: Severity = Severity.ERROR,
) -> Finding:
    """A finding, its fields in the order in which they are read; an error by default."""
    return Finding(
        severity=severity,
        rule=rule,
        where=where,
        tensor=tensor,
        expected=expected,
        found=found,
        remedy=remedy,
        arguments=arguments,
    )


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that stop the work."""
    return [finding for finding in findings if finding.severity is Severity.ERROR]
