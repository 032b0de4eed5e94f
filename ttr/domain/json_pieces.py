"""Reads a long JSON document piece by piece, so that no single step takes long whatever the document holds. Pure.

Decoding 10 MB in one call keeps every other thread waiting for 100 ms and more, and a hostile text can fill the memory
with a hundred times its size. Here one value is decoded at a time, and each has at most VALUE_MAX characters.
"""

import codecs
import json
import re
from collections.abc import Iterator

from ttr.domain.invalid import FieldError, Invalid

VALUE_MAX = 200_000
"""Characters of one value: some ten times the longest check, and decoded within a few milliseconds."""

_FED_BYTES = VALUE_MAX
_BLANK = re.compile(r"[ \t\n\r]*")


class JsonPieces:
    """A JSON document and how far it was read. Every method raises Invalid for what is no JSON, or too long."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._fed = 0
        self._text = ""
        self._at = 0
        self._before = 0  # characters that came before `_text`
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._decoder = json.JSONDecoder(parse_constant=_no_constant)

    def next_is(self, mark: str) -> bool:
        """Whether the next character is `mark`."""
        self._skip_blanks()
        return self._text.startswith(mark, self._at)

    def value(self) -> object:
        """The next value, whole."""
        self._skip_blanks()
        try:
            found, end = self._decoder.raw_decode(self._text, self._at)
        except RecursionError:
            raise self._fault("it is nested too deeply") from None
        except json.JSONDecodeError as error:
            if len(self._text) - self._at > VALUE_MAX:
                raise self._fault(f"an entry has more than {VALUE_MAX:,} characters, or no end") from None
            raise self._fault(error.msg.lower(), error.pos) from None
        except ValueError:
            raise self._fault("it holds a number that is too long, or none") from None
        if end - self._at > VALUE_MAX:
            raise self._fault(f"an entry has more than {VALUE_MAX:,} characters")
        self._at = end
        return found

    def members(self) -> Iterator[str]:
        """The names in the object that comes next; each one's value must be read before the next name."""
        self._expect("{")
        if self._take("}"):
            return
        while True:
            if not self.next_is('"'):
                raise self._fault("a name in quotes is needed")
            name = self.value()
            self._expect(":")
            yield str(name)
            if self._take("}"):
                return
            self._expect(",")

    def items(self) -> Iterator[object]:
        """The values in the list that comes next."""
        self._expect("[")
        if self._take("]"):
            return
        while True:
            yield self.value()
            if self._take("]"):
                return
            self._expect(",")

    def end(self) -> None:
        """Nothing comes any more."""
        self._skip_blanks()
        if self._at < len(self._text):
            raise self._fault("something follows its end")

    def _take(self, mark: str) -> bool:
        if found := self.next_is(mark):
            self._at += 1
        return found

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            raise self._fault(f"{mark} is needed")

    def _skip_blanks(self) -> None:
        while True:
            if len(self._text) - self._at <= VALUE_MAX:
                self._feed()
            match = _BLANK.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text) or self._fed == len(self._data):
                return

    def _feed(self) -> None:
        """See that the whole of the next value, or the document's end, is at hand."""
        while len(self._text) - self._at <= VALUE_MAX and self._fed < len(self._data):
            piece = self._data[self._fed : self._fed + _FED_BYTES]
            self._fed += len(piece)
            self._before += self._at
            try:
                self._text = self._text[self._at :] + self._decode(piece, self._fed == len(self._data))
            except UnicodeDecodeError:
                raise Invalid([FieldError("", "The file is not UTF-8 text.")]) from None
            self._at = 0

    def _fault(self, what: str, at: int | None = None) -> Invalid:
        where = self._before + (self._at if at is None else at) + 1
        return Invalid([FieldError("", f"The file is not JSON: {what} (character {where:,}).")])


def _no_constant(name: str) -> object:
    raise ValueError(name)
