"""Processes for a test's Procfile: stand_in.py web|count|crash|deaf|horse|flood."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

_ANSWER = b'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{"ok": true}'


def web() -> None:
    """Answer every request as a healthy web process would."""
    with socket.create_server((os.environ["HOST"], int(os.environ["PORT"]))) as server:
        while True:
            client, _ = server.accept()
            with client, contextlib.suppress(OSError):
                client.recv(65_536)
                client.sendall(_ANSWER)


def count() -> None:
    """Increment one key, say what was acknowledged; reconnect for ever."""
    import redis  # the others start in a tenth of the time without it

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
