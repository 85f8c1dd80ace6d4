"""What `berth audit verify` finds in a ledger, in whichever database."""

from __future__ import annotations

from app.ledger.proof import Proof
from app.store.reading import open_archive


def flaws(url: str) -> list[str]:
    """Return every flaw of the audit log."""
    with open_archive(url) as archive:
        counted = archive.counted()
        return [flaw.detail for flaw in Proof().flaws(archive.lines(), counted)]
