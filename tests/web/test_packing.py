"""Pages are compressed for those who take it, and their length tells nothing exact."""

import gzip

from tests.web.conftest import Visitor
from ttr.web.packing import LEAST


async def test_a_page_travels_compressed_to_those_who_take_that(owner: Visitor) -> None:
    await owner.make_check(name="Nightly")
    plain = await owner.client.get("/dashboard")
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]
    answer = await owner.client.get("/dashboard", headers={"Accept-Encoding": "gzip, br"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Security-Policy"] == plain.headers["Content-Security-Policy"]
    body = await answer.get_data(as_text=False)
    assert int(answer.headers["Content-Length"]) == len(body)
    assert "Nightly" in gzip.decompress(body).decode()
    refused = await owner.client.get("/dashboard", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers


async def test_what_is_short_stays_as_it_is(owner: Visitor) -> None:
    answer = await owner.client.get(
        "/checks/999/row", headers={"Accept-Encoding": "gzip", "HX-Request": "true"}
    )
    assert answer.status_code == 404
    assert len(await answer.get_data(as_text=False)) < LEAST
    assert "Content-Encoding" not in answer.headers


async def test_the_same_page_has_many_lengths(owner: Visitor) -> None:
    path = f"/checks/{await owner.make_check()}/content"
    bodies = [
        await (await owner.client.get(path, headers={"Accept-Encoding": "gzip"})).get_data(as_text=False)
        for _ in range(20)
    ]
    # The page tells its time, so its own length may differ a little; the padding by much more.
    assert max(map(len, bodies)) - min(map(len, bodies)) > 20
