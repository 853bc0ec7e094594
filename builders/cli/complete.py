"""What a shell completes of builds."""

from __future__ import annotations

from repository.cli.naming.complete import beginning


def profiles(incomplete: str) -> list[str]:
    """The names of the kit's profiles; a shell completes files by itself."""
    from builders.kit.paths import BUILDERS

    return beginning(incomplete, (each.stem for each in (BUILDERS / "profiles").glob("*.yaml")))


def families(incomplete: str) -> list[str]:
    """The families of the kit, and of installed packages."""
    from builders.kit.checkout import Checkout

    return beginning(incomplete, Checkout().families)
