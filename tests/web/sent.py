"""Deliveries put straight into the store, for pages that show them."""

import json
from collections.abc import Sequence

from ttr.domain.alert import Event, to_json
from ttr.store import keys
from ttr.store.redis import Store
from ttr.store.users import User


async def put_delivery(
    store: Store,
    user: User,
    delivery_id: str,
    events: Sequence[Event],
    *,
    channel: int = 1,
    state: str = "delivered",
    name: str = "Ops room",
    kind: str = "webhook",
    attempts: Sequence[Sequence[object]] = (),
    again_at: int | None = None,
    count: int | None = None,
) -> None:
    """A delivery as the scripts write it; `attempts` are [at, outcome, reason, status, ms, detail, again_at]."""
    partition = user.partition
    fields = {
        "user_id": user.id,
        "channel_id": channel,
        "channel_name": name,
        "channel_kind": kind,
        "created_at": events[0].at,
        "state": state,
        "checks": "," + "".join(f"{event.check_id}," for event in events),
        "channels": f",{channel},",
        "lane": f"{user.id}-c{channel}",
        "attempts": len(attempts),
        "count": len(events) if count is None else count,
        "log": "".join(json.dumps(list(attempt)) + "\n" for attempt in attempts),
    }
    if again_at is not None:
        fields["again_at"] = again_at
    await store.redis.hset(keys.delivery(partition, delivery_id), mapping=fields)
    await store.redis.rpush(
        keys.delivery_events(partition, delivery_id), *(to_json(event) for event in events)
    )
    await store.redis.lpush(keys.user_deliveries(partition, user.id), delivery_id)
    for check_id in dict.fromkeys(event.check_id for event in events if event.check_id):
        await store.redis.lpush(keys.check_deliveries(partition, check_id), delivery_id)
