"""What is refused when a mapping is saved, not when it runs."""

from dataclasses import replace

import polars as pl
import pytest

from syncflow.errors import ConfigurationError
from syncflow.model import FieldMapping, Transformation
from syncflow.oracle_types import parse
from syncflow.rules.transformations import check_mapping, default_text, transform

pytestmark = pytest.mark.unit

FIELD = FieldMapping("COLOR_CODE", "color")


@pytest.mark.parametrize(
    ("mapping", "declared", "words"),
    [
        (replace(FIELD, transformation=Transformation.UPPERCASE), "NUMBER", "the transformation uppercase is for text"),
        (replace(FIELD, jalali=True), "VARCHAR2(10)", "jalali is for dates"),
        (replace(FIELD, keep_nanoseconds=True), "NUMBER", "keep_nanoseconds is for timestamps"),
        (replace(FIELD, default="abc"), "NUMBER", "default of color: 'abc' is not a number"),
        (replace(FIELD, default="31/12/2026"), "DATE", "default of color"),
        (replace(FIELD, default="12.5"), "NUMBER(10)", "has a fraction"),
        (replace(FIELD, default="  "), "VARCHAR2(10)", "is empty"),
        (replace(FIELD, validation_rule="regex:("), "VARCHAR2(10)", "does not compile: error: unclosed group"),
        (replace(FIELD, validation_rule="regex:a)(b"), "VARCHAR2(10)", "does not compile"),
        (replace(FIELD, validation_rule="regex:(?=a)"), "VARCHAR2(10)", "look-around"),
        (replace(FIELD, validation_rule="length:3"), "VARCHAR2(10)", "is no rule"),
        (replace(FIELD, validation_rule="RED"), "VARCHAR2(10)", "is no rule"),
        (replace(FIELD, validation_rule="range:1..2"), "VARCHAR2(10)", "a range is for numbers and dates"),
        (replace(FIELD, validation_rule="range:1"), "NUMBER", "has no bounds"),
        (replace(FIELD, validation_rule="range:.."), "NUMBER", "has no bounds"),
        (replace(FIELD, validation_rule="range:5..1"), "NUMBER", "the range is empty"),
        (replace(FIELD, validation_rule="range:a..b"), "NUMBER", "'a' is not a number"),
        (replace(FIELD, validation_rule="range:2026-02-30.."), "DATE", "no date or time that exists"),
        (replace(FIELD, validation_rule="range:2026-02-02..2025-01-01"), "DATE", "the range is empty"),
        (replace(FIELD, validation_rule="in:1,,2"), "NUMBER", "lists an empty value"),
        (replace(FIELD, validation_rule="in:1,x"), "NUMBER", "'x' is not a number"),
        (replace(FIELD, validation_rule="in:A,B", default="C"), "VARCHAR2(1)", "breaks the field's own rule"),
    ],
)
def test_a_mapping_that_would_fail_is_refused(mapping: FieldMapping, declared: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_mapping(mapping, parse(declared))
    assert words in str(caught.value)
    assert "color" in str(caught.value)


@pytest.mark.parametrize(
    ("mapping", "declared"),
    [
        (FIELD, "BINARY_DOUBLE"),
        (replace(FIELD, validation_rule="range:..2030-12-31T12:00:00"), "TIMESTAMP(6) WITH TIME ZONE"),
        (replace(FIELD, validation_rule="regex:(?i)[a-z]+", default="red"), "CHAR(10)"),
        (replace(FIELD, jalali=True, default="2024-03-20"), "DATE"),
        (replace(FIELD, keep_nanoseconds=True), "TIMESTAMP(9)"),
    ],
)
def test_a_mapping_that_is_right_is_taken(mapping: FieldMapping, declared: str) -> None:
    check_mapping(mapping, parse(declared))


def test_defaults_are_canonical() -> None:
    assert default_text(replace(FIELD, default="1.50"), parse("NUMBER(5,2)")) == "1.5"
    assert default_text(replace(FIELD, default="2026-01-02"), parse("DATE")) == "2026-01-02T00:00:00"
    assert default_text(replace(FIELD, default="TRUE"), parse("BOOLEAN")) == "true"
    assert default_text(replace(FIELD, default=" كد "), parse("VARCHAR2(9)")) == "كد"
    assert default_text(replace(FIELD, default="كد", fold=True), parse("VARCHAR2(9)")) == "کد"
    assert default_text(FIELD, parse("NUMBER")) is None


@pytest.mark.parametrize("transformation", Transformation)
def test_every_transformation_leaves_null_alone(transformation: Transformation) -> None:
    assert transform(pl.Series([None, "a"], dtype=pl.String), transformation)[0] is None
