"""Whatever bytes Redis holds, Postgres gives them back."""

from hypothesis import given
from hypothesis import strategies as st

from ttr.archive.database import Database
from ttr.archive.encoding import pack, pack_pairs, to_json, unpack, unpack_pairs


@given(st.binary())
def test_a_value_comes_back(value: bytes) -> None:
    assert unpack(pack(value)) == value


@given(st.binary(max_size=50))
def test_what_is_no_text_is_not_taken_for_text(value: bytes) -> None:
    packed = pack(value)
    assert isinstance(packed, str) == (b"\0" not in value and _is_text(value))


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


async def test_postgres_takes_the_most_hostile_of_them(database: Database) -> None:
    pairs = [
        b"a",
        b"\0\xff",
        b"b",
        "\ufeff\ud7ff\U0010ffff'\"\\u0000".encode(),
        b"c",
        b"",
        b"d",
        b'{"base64": "x"}',
    ]
    async with database.connection() as connection:
        row = await (await connection.execute("select %s::jsonb", (to_json(pack_pairs(pairs)),))).fetchone()
    assert row is not None
    assert unpack_pairs(row[0]) == dict(zip(pairs[::2], pairs[1::2], strict=True))
