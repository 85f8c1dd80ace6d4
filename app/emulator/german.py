"""What NetBox says with ``Accept-Language: de``: some of its messages, and some of its framework's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.emulator.values import Json

_DNS = "Only alphanumeric characters, asterisks, hyphens, periods, and underscores are allowed in DNS names"

GERMAN = {
    r"Custom field '(.*)' must have a unique value\.": (
        r"Benutzerdefiniertes Feld '\1'muss einen eindeutigen Wert haben."
    ),
    r"Authentication credentials were not provided\.": "Anmeldedaten fehlen.",
    r"You do not have permission to perform this action\.": (
        "Sie sind nicht berechtigt, diese Aktion durchzuführen."
    ),
    r"This field is required\.": "Dieses Feld ist zwingend erforderlich.",
    r"This field may not be null\.": "Dieses Feld darf nicht null sein.",
    r"This field may not be blank\.": "Dieses Feld darf nicht leer sein.",
    r'Method "(.*)" not allowed\.': r'Methode "\1" nicht erlaubt.',
    r"Duplicate IP address found in global table: (.*)": (
        r"Doppelte IP-Adresse gefunden in globale Tabelle: \1"
    ),
    r"Duplicate IP address found in (VRF .*): (\S+)": r"Doppelte IP-Adresse gefunden in \1: \2",
    r"Related object not found using the provided numeric ID: (\d+)": (
        r"Verwandtes Objekt wurde mit der angegebenen numerischen ID nicht gefunden: \1"
    ),
    r"Virtual machine name must be unique per cluster and tenant\.": (
        "Der Name der virtuellen Maschine muss pro Cluster und Mandant eindeutig sein."
    ),
    _DNS: (
        "In DNS-Namen sind nur alphanumerische Zeichen, Sternchen, Bindestriche, Punkte und Unterstriche "
        "zulässig"
    ),
}


def german(body: Json) -> Json:
    """Return an error's body with the messages that NetBox translates."""
    if isinstance(body, dict):
        return {key: german(value) for key, value in body.items()}
    if isinstance(body, list):
        return [german(item) for item in body]
    if isinstance(body, str):
        for pattern, text in GERMAN.items():
            found = re.fullmatch(pattern, body)
            if found:
                return found.expand(text)
    return body
