"""Sentences that are kept in English and told in the reader's language."""

import re
from collections.abc import Iterator

import pytest

from syncflow.errors import RetriableError, UsageError
from syncflow.i18n import catalog
from syncflow.i18n.texts import Counted, Text, retold, told

PLACE = re.compile(r"\{(\w+)\}")
ENOUGH = 20


@pytest.fixture(params=("fa", "ar", "tr"))
def tongue(request: pytest.FixtureRequest) -> Iterator[str]:
    before = catalog.language()
    catalog.use(request.param)
    yield request.param
    catalog.use(before)


def test_what_is_kept_is_english(tongue: str) -> None:
    sentence = Counted("{n} file", "{n} files", 1_234)
    assert str(sentence) == "1,234 files"
    assert told(sentence) != "1,234 files"
    error = UsageError("No such command {name!s}.", name="x")
    assert str(error) == "No such command x."


def test_an_error_tells_its_values_too(tongue: str) -> None:
    inner = RetriableError("Aborted!", retry_after=2.0)
    outer = UsageError("Error: {message}", message=inner)
    assert str(outer) == "Error: Aborted!"
    assert told(outer) == catalog._("Error: {message}").format(message=catalog._("Aborted!"))
    assert told(inner) != "Aborted!"


def test_what_was_recorded_is_told_as_if_it_had_just_been_said(tongue: str) -> None:
    for forms in catalog.entries(tongue):
        for sentence in _said(forms):
            again = retold(str(sentence))
            assert again == told(sentence), f"{sentence.template!r}: {again!r}"


def test_sentences_one_after_another_are_told_one_by_one(tongue: str) -> None:
    one, two = (Text("{entity} was never synced.", entity=name) for name in ("items", "sites"))
    assert retold(f"{one} {two} Nobody said this.") == f"{told(one)} {told(two)} Nobody said this."


def test_what_nobody_says_stays_as_it_is(tongue: str) -> None:
    assert retold("ORA-00942: table or view does not exist") == "ORA-00942: table or view does not exist"


def _said(forms: tuple[str, ...]) -> Iterator[Text]:
    """The sentence with a value in each place, where it has places that are named."""
    bare = [PLACE.sub("", form) for form in forms]
    if min(map(len, bare)) < ENOUGH or any("{" in form for form in bare):
        return
    values = dict.fromkeys(set(PLACE.findall("".join(forms))) - {"n"}, "Zq-7")
    if len(forms) == 1 and "n" not in PLACE.findall(forms[0]):
        yield Text(forms[0], **values)
    elif len(forms) == 2:
        yield from (Counted(*forms, number, **values) for number in (1, 2, 1_234))
