"""Processes for a test's Procfile: stand_in.py web|count|crash|deaf|horse|flood."""

import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import redis


class Health(BaseHTTPRequestHandler):
    """Answers every GET as a healthy web process would."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"ok": true}')

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def web() -> None:
    HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Health).serve_forever()


def count() -> None:
    """Increment one key, say what was acknowledged; reconnect for ever."""
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    while True:
        try:
            print("acknowledged", client.incr("count"))
        except redis.ConnectionError:
            print("no redis")
        time.sleep(0.02)


def crash() -> None:
    sys.exit(3)


def deaf() -> None:
    """Ignore every polite signal."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    print("deaf")
    time.sleep(600)


def horse() -> None:
    """Like a worker whose job runs in a process group of its own, deaf as well."""
    command = [sys.executable, __file__, "deaf"]
    child = subprocess.Popen(command, process_group=0)
    print("horse", child.pid)
    time.sleep(600)


def flood() -> None:
    while True:
        print("x" * 1000)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
