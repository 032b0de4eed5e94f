"""The page /docs/api shows what the OpenAPI document says, and nothing that the security policy forbids."""

import re
import shlex

from quart import Quart
from quart.typing import TestClientProtocol as Client

from ttr.api.openapi import document
from ttr.app import create_app
from ttr.settings import Settings
from ttr.store.users import User
from ttr.web.reference import sections, shapes


async def test_every_operation_is_on_the_page(app: Quart, client: Client) -> None:
    answer = await client.get("/docs/api")
    text = await answer.get_data(as_text=True)
    assert answer.status_code == 200
    for path, methods in document(app)["paths"].items():
        assert f">{path}</code>" in text
        for said in methods.values():
            # On what is never folded away: a link to it would show nothing.
            assert text.count(f'<li class="reference__operation" id="{said["operationId"]}">') == 1


async def test_every_link_of_the_page_leads_somewhere(client: Client) -> None:
    text = await (await client.get("/docs/api")).get_data(as_text=True)
    targets = re.findall(r'id="([^"]+)"', text)
    assert len(set(targets)) == len(targets)
    links = set(re.findall(r'href="#([^"]+)"', text))
    assert len(links) > 30
    assert links <= set(targets)


async def test_the_page_has_no_inline_style_or_script(client: Client) -> None:
    text = await (await client.get("/docs/api")).get_data(as_text=True)
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)


async def test_the_front_page_leads_to_it(client: Client) -> None:
    assert 'href="/docs/api"' in await (await client.get("/")).get_data(as_text=True)


def test_a_curl_line_is_one_that_a_shell_reads(settings: Settings) -> None:
    app = create_app(settings)
    for section in sections(document(app), "https://ttr.example"):
        for operation in section.operations:
            for _, line in operation.calls:
                words = shlex.split(line.replace("\\\n", " "))
                assert words[0] == "curl"
                assert sum(word.startswith("https://ttr.example/api/v1/") for word in words) == 1
                assert "{" not in words[3 if operation.method != "GET" else 1]


async def test_a_curl_line_has_the_query_that_its_call_needs(app: Quart, account: tuple[User, str]) -> None:
    lines = {
        operation.name: operation.calls[0][1]
        for section in sections(document(app), "")
        for operation in section.operations
        if operation.method == "GET"
    }
    assert '"/api/v1/checks?size=100&status=down,late"' in lines["checks_index"]
    needed = 0
    for methods in document(app)["paths"].values():
        for said in methods.values():
            if any(one["in"] == "query" and one.get("required") for one in said["parameters"]):
                address = shlex.split(lines[said["operationId"]].replace("\\\n", " "))[1]
                answer = await app.test_client().get(address, headers={"X-Auth-Key": account[1]})
                assert answer.status_code in (200, 204), address
                needed += 1
    assert needed == 2


async def test_what_holds_unless_said_is_shown(client: Client) -> None:
    text = await (await client.get("/docs/api")).get_data(as_text=True)
    size = text.partition('id="checks_index"')[2].partition("<code>size</code>")[2].partition("</tr>")[0]
    assert "25 unless said." in size


def test_every_shape_is_explained(settings: Settings) -> None:
    app = create_app(settings)
    for shape in shapes(document(app)):
        assert shape.about, shape.name
        assert shape.fields, shape.name
        assert all(field.words for field in shape.fields), shape
