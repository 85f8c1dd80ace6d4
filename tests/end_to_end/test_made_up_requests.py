"""Requests made up from the OpenAPI document, sent to the program: no answer may surprise its reader."""

from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings

from tests.api.test_schemathesis import CONFIG
from tests.end_to_end.conftest import TOKENS
from tests.end_to_end.program import Program

DOCUMENT = Path(__file__).parents[2] / "openapi" / "berth.v1.json"
schema = schemathesis.openapi.from_path(DOCUMENT, config=CONFIG)


@schema.parametrize()
@settings(
    max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)
def test_the_program_keeps_the_documents_promises(case: schemathesis.Case[Any], service: Program) -> None:
    """Whatever is asked of the whole program, its answer is one that the document describes."""
    case.call_and_validate(
        base_url=service.url, headers={"Authorization": f"Bearer {TOKENS['alice']}"}, timeout=30
    )
