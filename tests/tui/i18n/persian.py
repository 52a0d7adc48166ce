"""A console that speaks Persian before there is a catalogue: real words for what the tests look at."""

import gettext
from collections.abc import Iterator
from contextlib import contextmanager

from syncflow.i18n import catalog

WORDS = {
    "dashboard": "داشبورد",
    "entities": "موجودیت‌ها",
    "entity": "موجودیت",
    "batches": "دسته‌ها",
    "failed": "ناموفق",
    "pending": "در انتظار",
    "settings": "تنظیمات",
    "log": "گزارش",
    "setting": "تنظیم",
    "value": "مقدار",
    "from": "از",
    "Help": "راهنما",
    "Command": "فرمان",
    "Theme": "پوسته",
    "Bell": "زنگ",
    "Keys": "کلیدها",
    "Test connections": "آزمودن اتصال‌ها",
    "Quit": "خروج",
    "Back": "بازگشت",
    "Open": "باز کردن",
    "Filter": "پالایه",
    "works": "کار می‌کند",
    "observes": "تماشا می‌کند",
    "read-only": "فقط خواندنی",
    "● database": "● پایگاه داده",
    "✖ database": "✖ پایگاه داده",
    "with errors": "با خطا",
    "succeeded": "موفق",
    "Retry": "تلاش دوباره",
    "{n} row": "{n} ردیف",
    "{n} rows": "{n} ردیف",
    "No setting is like that.": "هیچ تنظیمی چنین نیست.",
    "Leave the console? Running: {}.": "از کنسول بیرون می‌روید؟ در حال کار: {}.",
    "a command; Tab completes": "یک فرمان؛ Tab کامل می‌کند",
}


class Persian(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return WORDS.get(message, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return WORDS.get(msgid1 if n == 1 else msgid2, msgid2)


@contextmanager
def speaking(name: str = "fa") -> Iterator[None]:
    """Every text in Persian as long as this lasts; `name` may be another language, with the same words."""
    spoken = catalog._language
    before = spoken.name, spoken.words
    spoken.name, spoken.words = name, Persian()
    try:
        yield
    finally:
        spoken.name, spoken.words = before
