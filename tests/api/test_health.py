"""The routes for whoever watches the process."""

from starlette.testclient import TestClient

from app.api.app import Surroundings, build_app
from app.domain.upstream import NotSent
from app.edge.works import Works
from tests.api.conftest import Rig, Tokens
from tests.api.key_twin import KeyTwin
from tests.api.machine_twin import MachineTwin
from tests.api.twin import Twin


def test_health_asks_nobody_and_looks_at_nothing(api: TestClient, rig: Rig) -> None:
    """NetBox's outage is not ours."""
    del api.headers["Authorization"]
    rig.twin.failure = NotSent("down")
    rig.reasons.append("the ledger cannot be written")
    response = api.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_readiness_says_what_stands_in_the_way(api: TestClient, rig: Rig) -> None:
    """A ledger that cannot be written, for one."""
    del api.headers["Authorization"]
    assert api.get("/readyz").json() == {"ready": True, "reasons": []}
    rig.reasons.append("the ledger cannot be written")
    response = api.get("/readyz")
    assert (response.status_code, response.json()["reasons"]) == (503, ["the ledger cannot be written"])


def test_metrics_are_shown_to_prometheus(api: TestClient) -> None:
    """Prometheus has no login, and says which format it likes."""
    del api.headers["Authorization"]
    text = api.get("/metrics")
    newer = api.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert text.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE berth_http_requests_total counter" in text.text
    assert newer.text.endswith("# EOF\n")


def test_metrics_can_live_elsewhere() -> None:
    """On a port of their own, they have no route here."""
    twin = Twin()
    app = build_app(
        twin.desk(MachineTwin(twin).desk(), KeyTwin(twin).desk()),
        Works(),
        Tokens(),
        Surroundings(with_metrics=False),
    )
    with TestClient(app) as client:
        assert client.get("/metrics").status_code == 404


def test_probes_and_scrapers_may_send_what_they_like(api: TestClient) -> None:
    """Unknown parameters are refused where they could be a mistake with consequences."""
    assert api.get("/healthz?from=loadbalancer").status_code == 200
