"""Asks the kernel whether the web process could listen, before anything is started."""

import errno
import socket

from ttr.up.refusal import Refusal


def refuse_taken_port(host: str, port: int) -> None:
    """Raise Refusal with the reason if `host` and `port` can't be listened on now."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise Refusal(
            f"{host} is no address of this machine. Set --host or HOST, for example 127.0.0.1."
        ) from None
    for family, kind, protocol, _, address in addresses:
        with socket.socket(family, kind, protocol) as trial:
            # As the web server does it, so that connections of an earlier run in TIME_WAIT don't count.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                trial.bind(address)
                trial.listen(1)
            except OSError as error:
                raise Refusal(_reason(error, host, port)) from None


def _reason(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use by another program. Choose another with --port or PORT."
    if error.errno == errno.EACCES:
        return (
            f"Port {port} needs more rights than this user has. Choose one from 1024 up with --port or PORT."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine. Set --host or HOST, for example 127.0.0.1."
    return f"Port {port} on {host} can't be listened on: {error.strerror}."
