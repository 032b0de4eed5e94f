"""Long work that lets others have their turn between two of its steps. Pure."""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Turns = Generator[None, None, T]
"""Work that ends with a T, and lets others have their turn wherever it yields."""
