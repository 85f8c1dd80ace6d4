"""Requests made up from the OpenAPI document, good ones and bad ones: no answer may surprise its reader."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings

from tests.api.conftest import Rig

CONFIG = schemathesis.Config.from_dict(
    {
        "checks": {
            # the schema cannot say what the desk knows (what is taken, what belongs to whom), nor that
            # no number in the body may be larger than what every parser keeps (400); and whoever makes these
            # requests up sends wrong tokens, too, until no more of them are looked at (429)
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "400", "403", "404", "409", "422", "429"]
            },
        },
        "operations": [
            {
                "include-operation-id": ["allocateBatch", "registerMachineBatch"],
                "checks": {
                    # `batch` is a key like any other, so other methods do answer at this path
                    "allow_header_conformance": {"enabled": False},
                    # a malformed item is refused in its own result
                    "negative_data_rejection": {"expected-statuses": ["200", "4xx"]},
                },
            }
        ],
    }
)
schema = schemathesis.openapi.from_asgi("/openapi.json", Rig().app(), config=CONFIG)


@schema.parametrize()
@settings(
    max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)
def test_answers_keep_the_documents_promises(case: schemathesis.Case[Any]) -> None:
    """Status, media type, schema and headers are as documented, and nothing malformed is accepted."""
    case.call_and_validate(headers={"Authorization": "Bearer secret-of-team"})
