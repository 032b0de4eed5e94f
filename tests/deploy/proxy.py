"""A running Caddy with the repository's Caddyfile, by the command of its image."""

import json
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.deploy.programs import ROOT, caddy
from tests.journeys.client import call, until
from tests.ports import free_port

TUNNEL = "127.0.0.66"
"""The address of cloudflared where the networks begin with 127.0.0: what it says of its clients is believed."""


class Proxy:
    """Caddy on ports of loopback, in front of `webs` instead of the service's name; `with` starts and stops it.

    Its `environment` is that of the service; a SITE_ADDRESS is a domain, which is served on `https_port`.
    """

    def __init__(
        self, which: str, webs: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.port, self.https_port, self.alive_port = free_port(), free_port(), free_port()
        self._command = [caddy(which), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
        self._log = folder / "caddy.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            "HOME": str(folder),
            "CLOUDFLARED_ADDRESS": TUNNEL,
            "PROXY_IN_FRONT": "",
            "SITE_ADDRESS": "http://:8080",
            **(environment or {}),
        }
        site = self._environment["SITE_ADDRESS"]
        self._environment["SITE_ADDRESS"] = site.replace(":8080", f":{self.port}")
        text = (ROOT / "Caddyfile").read_text()
        for here, there in (
            ("web:8000", " ".join(webs)),
            (":2020", f":{self.alive_port}"),
            ("http_port 8080", f"http_port {self.port}"),
            ("https_port 8443", f"https_port {self.https_port}"),
            ("read_header 10s", "read_header 1s"),
        ):
            assert here in text
            text = text.replace(here, there)
        folder.joinpath("Caddyfile").write_text(text)

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self._is_alive)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(20)
        print(*self.log().splitlines()[-40:], sep="\n")

    def log(self) -> str:
        """All that it has said."""
        return self._log.read_text()

    def entries(self) -> list[dict[str, Any]]:
        """The same, line by line: each is JSON."""
        return [json.loads(line) for line in self.log().splitlines()]

    def _is_alive(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=10).close()
            return call(self.alive_port, "GET", "/")[0] == 204
        except OSError:
            return False
