"""`python -m tests.attacks`: all attacks, and how many they were by class."""

import sys

import pytest

from tests.attacks.count import ELSEWHERE

sys.exit(pytest.main(["-q", "tests/attacks", *ELSEWHERE, *sys.argv[1:]]))
