"""The pages under /docs."""

import re

import pytest
from starlette.testclient import TestClient

from app.edge.problems import TABLE
from tests.api.conftest import Rig


@pytest.mark.parametrize("path", ["/docs", "/docs/errors"])
def test_a_page_loads_nothing_from_elsewhere_and_has_nothing_inline(api: TestClient, path: str) -> None:
    """So the policy can forbid both, and the page works offline."""
    response = api.get(path)
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert not re.search(r"<script>|<style|\son\w+=|https?://", response.text)


def test_everything_that_a_page_names_is_there(api: TestClient) -> None:
    """Scripts and styles are served from here, with their own types."""
    names = re.findall(
        r'(?:src|href)="(/docs/static/[^"]+)"', api.get("/docs").text + api.get("/docs/errors").text
    )
    types = {name: api.get(name).headers["content-type"].partition(";")[0] for name in names}
    assert types == {
        "/docs/static/swagger-ui.css": "text/css",
        "/docs/static/swagger-ui-bundle.js": "text/javascript",
        "/docs/static/docs.js": "text/javascript",
        "/docs/static/docs.css": "text/css",
    }


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.code)
def test_the_type_of_a_problem_leads_to_its_section(api: TestClient, rig: Rig, kind: type) -> None:
    """`type` is a relative URL with the code as its fragment."""
    code = kind.code  # type: ignore[attr-defined]
    assert f'<section id="{code}">' in api.get("/docs/errors").text


def test_static_files_stay_in_their_folder(api: TestClient) -> None:
    """Whatever the path says."""
    assert api.get("/docs/static/..%2fapp.py").status_code == 404
