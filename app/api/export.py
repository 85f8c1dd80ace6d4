"""Writes the OpenAPI document to `openapi/`: `python -m app.api.export openapi`."""

import sys
from pathlib import Path
from typing import Any, Final

from app.api.app import Surroundings, api_routes
from app.api.desk import Desk
from app.api.document import describe, rendered
from app.edge.works import Works

FOLDER: Final = Path("openapi")


def document() -> dict[str, Any]:
    """The document of this version. Routes are only looked at, so there is no desk behind them."""
    nobody: Any = None
    desk = Desk(**dict.fromkeys(Desk.__dataclass_fields__, nobody))
    return describe(api_routes(desk, Works(), Surroundings()).routes)


def export(folder: Path = FOLDER) -> None:
    """Write the document as JSON and as YAML."""
    for name, text in rendered(document()).items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    export(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
