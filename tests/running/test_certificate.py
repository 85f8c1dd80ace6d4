"""Berth's own certificate, and tokens that come without one."""

from __future__ import annotations

import io
import json
import signal
import ssl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from app.emulator import SEED_TOKEN
from app.listening import certificate_of
from app.main import warn_of_openness
from app.settings import Settings, SettingsWrong
from app.telemetry.logs import make_logger
from tests.end_to_end.program import Program, berth, wait_until
from tests.whole import TOKEN, emulated

if TYPE_CHECKING:
    from collections.abc import Iterator

CERTIFICATE, KEY = "cert.pem", "key.pem"


def issue(authority: trustme.CA, folder: Path) -> None:
    """Put a new certificate for 127.0.0.1 and its key into the folder."""
    leaf = authority.issue_cert("127.0.0.1")
    leaf.private_key_pem.write_to_path(str(folder / KEY))
    (folder / CERTIFICATE).write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))


def settings(folder: Path, **more: str) -> Settings:
    """Settings with the certificate that is in the folder."""
    return Settings.read(
        {
            "NETBOX_URL": "https://netbox.example.com",
            "NETBOX_API_TOKEN": "x",
            "BERTH_TOKEN": TOKEN,
            "BERTH_TLS_CERT_FILE": str(folder / CERTIFICATE),
            "BERTH_TLS_KEY_FILE": str(folder / KEY),
            **more,
        }
    )


@contextmanager
def serving(folder: Path, **more: str) -> Iterator[Program]:
    """A Berth process; it is waited for by what it logs."""
    with emulated() as netbox:
        program = berth(folder, netbox.url, SEED_TOKEN, token=TOKEN, **more)
        program.scheme = "https"
        try:
            program.start()
            yield program
        finally:
            program.stop_if_running()


def serial(port: int) -> str:
    """Which certificate is shown."""
    return ssl.get_server_certificate(("127.0.0.1", port))


def test_berth_speaks_https_alone_and_takes_a_new_certificate_at_sighup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who knows the authority is served; who speaks plain HTTP is not; a bad file changes nothing."""
    authority, roots = trustme.CA(), tmp_path / "roots.pem"
    authority.cert_pem.write_to_path(str(roots))
    issue(authority, tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(roots))
    files = {"tls_cert_file": str(tmp_path / CERTIFICATE), "tls_key_file": str(tmp_path / KEY)}
    with serving(tmp_path / "berth", **files) as program:
        assert program.process is not None
        url = f"https://127.0.0.1:{program.port}/api/v1/allocations"
        answer = requests.get(url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
        assert answer.status_code == 200, answer.text
        with pytest.raises(requests.ConnectionError):
            requests.get(url.replace("https", "http"), timeout=10)
        first = serial(program.port)
        (tmp_path / KEY).write_text("no key")
        program.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the certificate is wrong, the old one stays" in program.log(), "it is told")
        assert serial(program.port) == first
        issue(authority, tmp_path)
        program.process.send_signal(signal.SIGHUP)
        wait_until(lambda: serial(program.port) != first, "the new certificate is shown")
        assert requests.get(url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10).status_code == 200


@pytest.mark.parametrize("spoilt", [CERTIFICATE, KEY])
@pytest.mark.parametrize("how", ["gone", "garbage", "another's"])
def test_a_certificate_that_cannot_be_used_is_told_at_start(tmp_path: Path, spoilt: str, how: str) -> None:
    """By the names of both files, and never by what is in them."""
    issue(trustme.CA(), tmp_path)
    file = tmp_path / spoilt
    match how:
        case "gone":
            file.unlink()
        case "garbage":
            file.write_text("canary")
        case _:
            kept = (tmp_path / spoilt).read_bytes()
            issue(trustme.CA(), tmp_path)
            file.write_bytes(kept)
    with pytest.raises(SettingsWrong) as wrong:
        certificate_of(settings(tmp_path))
    assert wrong.value.problems[0].startswith("BERTH_TLS_CERT_FILE: ")
    assert str(tmp_path / KEY) in str(wrong.value)
    assert "canary" not in str(wrong.value)


def test_a_key_with_a_password_is_refused_at_once(tmp_path: Path) -> None:
    """OpenSSL would ask for it on the terminal, and wait."""
    issue(trustme.CA(), tmp_path)
    key = load_pem_private_key((tmp_path / KEY).read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"canary"))
    (tmp_path / KEY).write_bytes(locked)
    with pytest.raises(SettingsWrong, match="are no certificate and its key"):
        certificate_of(settings(tmp_path))


def test_one_of_the_two_files_is_not_enough(tmp_path: Path) -> None:
    """The other one is named."""
    with pytest.raises(SettingsWrong, match="set both BERTH_TLS_CERT_FILE and BERTH_TLS_KEY_FILE"):
        settings(tmp_path, BERTH_TLS_KEY_FILE="")


LOUD = [
    ({"BERTH_NETBOX_VERIFY": "false"}, "THE CERTIFICATE OF NETBOX IS NOT CHECKED"),
    (
        {"NETBOX_URL": "http://netbox.example.com", "BERTH_NETBOX_ALLOW_HTTP": "true"},
        "called over plain HTTP",
    ),
    ({"BERTH_HOST": "0.0.0.0"}, "speaks plain HTTP beyond loopback"),
    ({"BERTH_POLICY_FILE": ""}, "no naming convention"),
]


@pytest.mark.parametrize(("environ", "words"), LOUD)
def test_what_is_open_is_said_aloud_at_every_start(
    tmp_path: Path, environ: dict[str, str], words: str
) -> None:
    """And nothing else is."""
    closed = {"BERTH_TLS_CERT_FILE": "", "BERTH_TLS_KEY_FILE": "", "BERTH_POLICY_FILE": "/policy.yaml"}
    stream = io.StringIO()
    warn_of_openness(settings(tmp_path, **{**closed, **environ}), make_logger(stream))
    [line] = map(json.loads, stream.getvalue().splitlines())
    assert line["level"] == "warning"
    assert words in line["event"]
