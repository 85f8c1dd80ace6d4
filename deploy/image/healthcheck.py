"""Whether Berth answers on its own port, for the image's HEALTHCHECK: exit code 0 if it does."""

import os
import ssl
import urllib.request

port = os.environ.get("BERTH_PORT") or "8000"
scheme = "https" if os.environ.get("BERTH_TLS_CERT_FILE") else "http"
unchecked = ssl._create_unverified_context()  # noqa: S323, SLF001 - the name is another one, and nothing secret is sent
direct = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unchecked)
)
direct.open(f"{scheme}://127.0.0.1:{port}/healthz", timeout=4)
