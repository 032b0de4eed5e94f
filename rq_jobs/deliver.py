"""The job that carries a slice of deliveries to a worker."""

import asyncio

from ttr.notify import deliver_slice as send_slice
from ttr.settings import load_settings
from ttr.store.deliveries import Handed


def deliver_slice(partition: int, handed: list[tuple[str, int]]) -> None:
    """Send the deliveries `[id, token]` of one partition."""
    deliveries = [Handed(delivery_id, token) for delivery_id, token in handed]
    asyncio.run(send_slice(load_settings(), partition, deliveries))
