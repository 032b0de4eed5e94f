"""A bot that is not set up: it says so and waits to be stopped.

Whoever starts every line of the Procfile takes a process that ends for one that has crashed: platforms start it again
and again, and Procfile runners stop all others with it.
"""

import signal


def stand_by(lacking: str) -> None:
    """Say which settings are missing, then wait for SIGTERM or SIGINT."""
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    print(
        f"ttr bot: Nothing to do. To let people log in by Telegram, set {lacking} (docs/telegram.md). Until then this "
        "process is not needed; it waits to be stopped.",
        flush=True,
    )
    signal.sigwait(signals)
