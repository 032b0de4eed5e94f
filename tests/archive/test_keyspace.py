"""The comparison of keyspaces goes by the data dictionary: what that calls durable is compared, all of it."""

import inspect
import re
from collections.abc import Callable

import pytest

from tests.archive.keyspace import is_durable
from ttr.store import keys

NO_KEYS = {"partition_of", "prefix", "in_partition", "outside", "changes"}
FAMILIES = [
    function
    for name, function in inspect.getmembers(keys, inspect.isfunction)
    if function.__module__ == keys.__name__ and name not in NO_KEYS
]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_every_key_is_durable_or_ephemeral_and_compared_if_it_is_durable(family: Callable[..., str]) -> None:
    said = re.match(
        r"(?:Hash|List|Set|Sorted set|String|Stream|Counter), (durable|ephemeral)\b", family.__doc__ or ""
    )
    assert said, "its docstring begins with its type and whether it must survive"
    parameters = inspect.signature(family).parameters.values()
    name = family(*(7 if parameter.annotation is int else "x" for parameter in parameters))
    assert is_durable(name) == (said[1] == "durable"), name
