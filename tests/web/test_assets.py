"""Static files: addressed by content, kept for good, and the vendored ones unchanged."""

import gzip
import hashlib
import re

from quart import Quart

from tests.web.conftest import Visitor
from ttr.paths import STATIC
from ttr.web import assets
from ttr.web.assets import STYLES, asset, tree_digest


async def test_every_file_a_page_names_is_there_and_may_be_kept(visitor: Visitor) -> None:
    page = await visitor.read("/")
    addresses = re.findall(r'(?:href|src)="(/assets/[^"#]+)', page)
    assert len(addresses) > 5
    for address in addresses:
        response = await visitor.get(address)
        assert response.status_code == 200, address
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_an_old_address_is_served_and_not_kept(app: Quart) -> None:
    response = await app.test_client().get("/assets/000000000000/css/base.css")
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-cache")


async def test_nothing_outside_is_served(app: Quart) -> None:
    for path in (
        "../pyproject.toml",
        "%2e%2e/pyproject.toml",
        "css/../../pyproject.toml",
        "nothing.css",
        "css",
    ):
        assert (await app.test_client().get(f"/assets/{tree_digest()}/{path}")).status_code == 404


async def test_names_that_are_made_up_are_not_remembered(app: Quart) -> None:
    client = app.test_client()
    await client.get(asset(STYLES))
    kept = assets._content.cache_info().currsize
    for number in range(20):
        assert (await client.get(asset(f"css/{number}.css"))).status_code == 404
    assert assets._content.cache_info().currsize == kept


async def test_every_file_is_sent_whole(app: Quart) -> None:
    for path in (file for file in STATIC.rglob("*") if file.is_file()):
        answer = await app.test_client().get(asset(path.relative_to(STATIC).as_posix()))
        assert await answer.get_data() == path.read_bytes()


async def test_all_stylesheets_leave_as_one_with_the_order_of_layers_first(visitor: Visitor) -> None:
    assert asset(STYLES) in await visitor.read("/")
    sent = await visitor.read(asset(STYLES))
    for path in STATIC.rglob("*.css"):
        assert path.read_text() in sent
    assert sent.startswith((STATIC / "css/layers.css").read_text())


async def test_every_script_is_linked(visitor: Visitor) -> None:
    page = await visitor.read("/")
    for path in (STATIC / "js").glob("*.js"):
        assert asset(f"js/{path.name}") in page


async def test_text_is_compressed_for_who_takes_it(app: Quart) -> None:
    client = app.test_client()
    for path in (STYLES, "js/times.js", "icons/favicon.svg"):
        plain = await client.get(asset(path))
        packed = await client.get(asset(path), headers={"Accept-Encoding": "gzip, br"})
        assert "Content-Encoding" not in plain.headers
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
        assert gzip.decompress(await packed.get_data()) == await plain.get_data()
        assert packed.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_vendored_files_have_the_checksums_of_their_note() -> None:
    rows = re.findall(
        r"^\| `([^`]+)` \|.*`([0-9a-f]{64})` \|$", (STATIC / "vendor/README.md").read_text(), re.M
    )
    assert len(rows) >= 4
    for name, checksum in rows:
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == checksum


async def test_the_stream_s_extension_is_there_before_htmx_begins(visitor: Visitor) -> None:
    # Deferred, htmx begins after a timeout of 0 ms, which the extension lost in one tab of six.
    found = re.findall(r'<script src="[^"]*vendor/(\w[\w-]*)-[\d.]+min\.js"([^>]*)>', await visitor.read("/"))
    assert found == [("htmx", ""), ("hx-sse", "")]
