"""Slugs made of names are slugs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttr.domain.check_input import slug_fault
from ttr.domain.slug_hint import numbered, slug_hint


@given(st.text(max_size=300))
def test_a_hint_is_a_valid_slug_or_none(name: str) -> None:
    hint = slug_hint(name)
    if hint:
        assert all(slug_fault(slug) is None for slug in numbered(hint, 12))


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Nightly backup", "nightly-backup"),
        ("  Größe & Übung (Zürich)  ", "grosse-ubung-zurich"),
        ("Ærø łódź", "aero-lodz"),
        ("a__b--c", "a__b-c"),
        ("2024", "check-2024"),
        ("Резервная копия", ""),
        ("!!!", ""),
        ("", ""),
        ("0b5a0a8e-6f0e-4f6b-9a0e-1f2d3c4b5a69", ""),
        ("x" * 300, "x" * 100),
    ],
)
def test_a_name_becomes_a_slug(name: str, slug: str) -> None:
    assert slug_hint(name) == slug


def test_another_is_found_where_one_is_taken() -> None:
    assert numbered("backup", 3) == ["backup", "backup-2", "backup-3"]
    assert max(map(len, numbered("x" * 100, 12))) == 100
