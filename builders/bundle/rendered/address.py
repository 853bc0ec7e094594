"""Where a repository lies, as a ``storageUri``; addresses are compared by their parts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Address:
    """A ``storageUri``.

    Attributes:
        scheme: as ``pvc``, ``s3`` or ``oci``; empty if the text has none.
        parts: claim, bucket or registry, and then the path, without empty parts.
    """

    scheme: str
    parts: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address of a text: ``pvc://claim/a/b``."""
        scheme, there, rest = text.partition("://")
        if not there:
            scheme, rest = "", text
        return cls(scheme, tuple(part for part in rest.split("/") if part))

    def inside(self, other: Address) -> bool:
        """Whether this is the other address or a folder of it."""
        return self.scheme == other.scheme and self.parts[: len(other.parts)] == other.parts

    @property
    def root(self) -> str:
        """The claim, the bucket or the registry; empty if there is none."""
        return self.parts[0] if self.parts else ""

    def __str__(self) -> str:
        return f"{self.scheme}://{'/'.join(self.parts)}"
