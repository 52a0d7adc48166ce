"""Numbers, times and lists by the language."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncflow.i18n import formats
from syncflow.i18n.digits import plain
from tests.tui.i18n.persian import speaking
from tui.i18n.collation import sort_key

pytestmark = pytest.mark.unit
NOON = datetime(2026, 11, 23, 12, 5, 9).astimezone()


WRITTEN = {
    "en": "-1,234,567|1.2M|12.3%|99.9%|2026-11-23 12:05:09|3 min|1:06:40|4K/s",
    "fa": "-۱٬۲۳۴٬۵۶۷|۱٫۲\xa0میلیون|۱۲٫۳٪|۹۹٫۹٪|۱۴۰۵/۰۹/۰۲ ۱۲:۰۵:۰۹|۳ دقیقه|۱:۰۶:۴۰|۴\xa0هزار/s",
    "ar": "-١٬٢٣٤٬٥٦٧|١٫٢\xa0مليون|١٢٫٣٪|٩٩٫٩٪|٢٠٢٦/١١/٢٣ ١٢:٠٥:٠٩|٣ د|١:٠٦:٤٠|٤\xa0آلاف/s",
    "tr": "-1.234.567|1,2\xa0Mn|%12,3|%99,9|23.11.2026 12:05:09|3 dk.|1:06:40|4\xa0B/s",
}
ALPHABETICAL = {
    "fa": "۲ فاکتور|12 فاکتور|آب|اصل|أمر|بار|پارس|تهران|ژاله|کالا|گروه|هنر|یزد|Alpha|beta",
    "ar": "٣|20|أمر|باب|كتاب|لبن|هدف|وردة|يوم|Alpha",
    "tr": "1|Ankara|cam|Çorum|dil|gaz|ğ|Iğdır|ılık|İzmir|izmit|ova|öz|Sivas|Şırnak|ünlü|vali",
    "en": "2|10|alpha|Beta|gamma",
}


@pytest.mark.parametrize(("language", "wanted"), WRITTEN.items())
def test_each_language_writes_numbers_and_times_its_own_way(language: str, wanted: str) -> None:
    with speaking(language):
        found = [
            formats.whole(-1_234_567),
            formats.short(1_234_567),
            formats.percent(0.1234),
            formats.percent(0.9999),
            formats.moment(NOON),
            formats.span(200),
            formats.stopwatch(4000),
            formats.rate(12_000, 3),
        ]
    assert "|".join(found) == wanted


def test_persian_dates_are_jalali_until_gregorian_ones_are_asked_for() -> None:
    long_ago = datetime(2024, 3, 20, 10, 0).astimezone()
    with speaking("fa"):
        assert formats.is_jalali()
        assert formats.clock(long_ago) == "۱ فروردین ۱۰:۰۰"
        formats.use_gregorian(True)
        try:
            assert formats.moment(NOON) == "۲۰۲۶/۱۱/۲۳ ۱۲:۰۵:۰۹"
            assert formats.clock(long_ago) == "۲۰ مارس ۱۰:۰۰"
        finally:
            formats.use_gregorian(False)
    with speaking("ar"):
        assert not formats.is_jalali()


def test_the_time_of_today_is_a_time_in_every_language() -> None:
    now = datetime.now(UTC)
    for language in ("en", "fa", "ar", "tr"):
        with speaking(language):
            assert plain(formats.clock(now)) == f"{now.astimezone():%H:%M:%S}"
            assert formats.ago(now - timedelta(seconds=200), now) == formats.span(200)


@given(st.integers(-(10**15), 10**15))
def test_native_digits_say_the_same_number(number: int) -> None:
    for language in ("fa", "ar"):
        with speaking(language):
            said = formats.whole(number)
        assert not set("0123456789\u200e\u200f") & set(said)
        assert int(plain(said).replace("٬", "")) == number


@pytest.mark.parametrize(("language", "wanted"), ALPHABETICAL.items())
def test_a_list_stands_in_the_order_of_the_alphabet(language: str, wanted: str) -> None:
    with speaking(language):
        words = wanted.split("|")
        assert sorted(random.Random(3).sample(words, len(words)), key=sort_key) == words
        assert sorted([3, 1, 2], key=sort_key) == [1, 2, 3]


def test_what_is_one_letter_to_the_eye_is_one_in_the_order() -> None:
    with speaking("fa"):
        assert sorted(["كتاب ب", "کتاب الف"], key=sort_key) == ["کتاب الف", "كتاب ب"]
        assert sorted(["می‌روم", "میرم", "مِیرن"], key=sort_key) == ["میرم", "مِیرن", "می‌روم"]
