"""The API while Redis is gone."""

import tempfile
from pathlib import Path

from tests.conftest import MASTER_KEY, eventually, start_redis
from tests.ping.conftest import door_settings, hypercorn_door
from ttr.now import now_ms
from ttr.store.redis import open_store, verify, wait_until_ready
from ttr.store.users import create_user


async def test_while_redis_is_gone_the_api_says_503_and_when_to_come_back() -> None:
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
        redis = start_redis(Path(folder))
        try:
            async with open_store(redis.url) as store:
                await wait_until_ready(store)
                await verify(store)
                _, key = await create_user(store, now=now_ms(), master=MASTER_KEY)
            async with hypercorn_door(door_settings(redis)) as door:
                header = f"X-Auth-Key: {key}"
                assert (await door.ask("GET", "/api/v1/checks", header)).status == 200
                redis.process.kill()
                redis.process.wait(10)
                for method, path in (
                    ("GET", "/checks"),
                    ("POST", "/checks"),
                    ("PUT", "/checks/1"),
                    ("POST", "/keys"),
                ):
                    answer = await door.ask(method, f"/api/v1{path}", header, body=b"{}")
                    assert (answer.status, answer.header("retry-after")) == (503, "5")
                    assert answer.json.keys() == {"detail", "errors"}
                health = await door.ask("GET", "/health")
                assert (health.status, health.json["parts"]["redis"]) == (503, "away")
                (Path(folder) / "redis.sock").unlink()
                redis = start_redis(Path(folder))

                async def back() -> bool:
                    return (await door.ask("GET", "/api/v1/checks", header)).status == 200

                await eventually(back)
        finally:
            redis.process.kill()
            redis.process.wait(10)
