"""Whether Berth answers on its own port, for the image's HEALTHCHECK: exit code 0 if it does."""

import os
import urllib.request

port = os.environ.get("BERTH_PORT") or "8000"
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
direct.open(f"http://127.0.0.1:{port}/healthz", timeout=4)
