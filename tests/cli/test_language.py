"""The command line in the language of whoever calls it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from rich.cells import cell_len

from syncflow.i18n import catalog
from tests.cli.conftest import Shell

pytestmark = pytest.mark.integration
CLOSED = {
    "fa": "رکوردهای ناموفق را فهرست می‌کند، تازه‌ترین اول.",
    "ar": "يسرد السجلات الفاشلة، الأحدث أولًا.",
    "tr": "Hatalı kayıtları listeler, en yenisi önce.",
    "en": "List failed records, the newest first.",
}


@pytest.fixture(autouse=True)
def english_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LANGUAGE", "en")  # what a command sets is taken back with it
    yield
    catalog.use("en")


@pytest.mark.parametrize(("language", "told"), CLOSED.items())
def test_help_is_in_the_language_that_is_asked_for(shell: Shell, language: str, told: str) -> None:
    said = shell.run("--lang", language, "failed", "list", "--help")
    assert said.code == 0
    assert told in said.out
    assert (CLOSED["en"] in said.out) is (language == "en")
    assert {"fa": "گزینه‌ها:", "ar": "الخيارات:", "tr": "Seçenekler:", "en": "Options:"}[language] in said.out


def test_the_option_goes_before_the_environment_and_that_before_the_locale(shell: Shell) -> None:
    shell.set(lc_all="", lc_messages="", lang="ar_EG.UTF-8", syncflow_lang="")
    assert CLOSED["ar"] in shell.run("failed", "list", "-h").out
    shell.set(lc_all="tr_TR.UTF-8")
    assert CLOSED["tr"] in shell.run("failed", "list", "-h").out
    shell.set(syncflow_lang="fa")
    assert CLOSED["fa"] in shell.run("failed", "list", "-h").out
    assert CLOSED["en"] in shell.run("--lang=en", "failed", "list", "-h").out
    shell.set(syncflow_lang="", lc_all="de_DE.UTF-8")
    assert CLOSED["en"] in shell.run("failed", "list", "-h").out


def test_what_goes_wrong_is_told_in_it(shell: Shell) -> None:
    shell.set(syncflow_lang="tr")
    assert "'nosuch' adında bir komut yok." in shell.run("nosuch").err
    assert shell.run("failed", "retry").err.startswith("Hata: ")


@pytest.mark.parametrize("arguments", [("--lang", "xx"), ("--lang=", "config", "show")])
def test_a_language_that_is_not_spoken_is_refused(shell: Shell, arguments: tuple[str, ...]) -> None:
    said = shell.run(*arguments)
    assert said.code == 64
    assert "it takes one of en, fa, ar, tr" in said.err


def test_json_is_the_same_in_every_language(shell: Shell) -> None:
    told = [shell.run("--lang", language, "config", "show", "--json").out for language in CLOSED]
    assert all(json.loads(each) == json.loads(told[0]) for each in told)


def test_refusals_and_reasons_are_told_in_it_and_json_stays_english(configured: Shell) -> None:
    told = {
        "en": ("There is no failed record 'f00'.", "'heavy' is not a number of the format"),
        "tr": ("'f00' diye bir hatalı kayıt yok.", "biçiminde bir sayı değil (sütun NUMBER"),
        "fa": ("رکورد ناموفق 'f00' نیست.", "'heavy' عددی با قالب"),
    }
    assert configured.run("sync", "--all").code == 1
    documents = set()
    for language, (refusal, reason) in told.items():
        configured.set(syncflow_lang=language)
        refused = configured.run("failed", "show", "f00")
        assert refused.code == 64
        assert refusal in refused.err
        assert reason in configured.run("failed", "list").out
        documents.add(configured.run("failed", "list", "--json").out)
    assert len(documents) == 1
    assert "'heavy' is not a number of the format" in documents.pop()


HELP = """
import sys
from syncflow.cli.main import main
try:
    main(["failed", "--help"])
except SystemExit:
    pass
others = ("babel", "persiantools")
waited_for = ("alembic", "apscheduler", "httpx", "numpy", "polars", "psycopg", "sqlalchemy", "tui")
sys.exit(", ".join(name for name in sys.modules if name.startswith(others + waited_for)) or 0)
"""


def test_english_help_imports_nothing_of_other_languages_nor_of_what_the_work_needs(shell: Shell) -> None:
    """The console's first paint waits for all that the commands import."""
    ended = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr


SYNCED = {
    "fa": ("ثانیه  ردیف/ثانیه", r"^items +با خطا +۶۰ +۵۷ +۰ +۰ +۰ +۰ +۱ +۲ +۰ ", "items: کامل با خطا، ۶۰ ردیف در "),
    "tr": ("saniye  satır/s", r"^items +hatalarla +60 +57 +0 +0 +0 +0 +1 +2 +0 ", "items: hatalarla tamamlandı, "),
}


@pytest.mark.parametrize("language", SYNCED)
def test_a_sync_and_its_status_are_told_in_it(configured: Shell, language: str) -> None:
    header, row, progress = SYNCED[language]
    said = configured.run("--lang", language, "sync", "--all")
    assert said.code == 1
    assert header in said.out
    assert re.search(row, said.out, re.MULTILINE)
    assert progress in said.err
    names, *rows = configured.run("--lang", language, "status").out.splitlines()
    assert {"fa": "موجودیت  آخرین دسته", "tr": "varlık  son toplu iş"}[language] in names
    ended = {"fa": "کامل با خطا", "tr": "hatalarla tamamlandı"}[language]
    assert [ended in line for line in rows] == [line.startswith("items") for line in rows]
    assert len({cell_len(line) for line in rows}) == 1, "columns stand below each other"
    number = rows[0].split()[-1]
    detail = configured.run("--lang", language, "status", number).out
    assert number in detail
    assert ACCOUNT[language] in detail


ACCOUNT = {
    "fa": "۶۰ دریافتی = ۵۷ درج‌شده + ۰ به‌روزشده + ۰ بی‌تغییر + ۰ تکراری + ۱ منتظر + ۲ ناموفق",
    "tr": "60 alındı = 57 eklendi + 0 yenilendi + 0 değişmedi + 0 yinelenen + 1 bekliyor + 2 hatalı",
}
FAILED = {
    "fa": r"^[0-9a-f-]{36}  items +s4_numeric  WEIGHT  باز +[۰-۹]{4}/[۰-۹]{2}/[۰-۹]{2} [۰-۹]{2}:[۰-۹]{2}:[۰-۹]{2}  '",
    "tr": r"^[0-9a-f-]{36}  items +s4_numeric  WEIGHT  açık +\d{2}\.\d{2}\.\d{4} \d{2}:\d{2}:\d{2}  '",
}
NIGHTS = {
    "fa": r"^items +19:00-07:00 Asia/Tehran  daily +۱ +۰ .*[۰-۹]{4}/[۰-۹]{2}/[۰-۹]{2} ۰۷:۰۰.*شب ۱ از ۷، ",
    "tr": r"^items +19:00-07:00 Asia/Tehran  daily +1 +0 .*\d{2}\.\d{2}\.\d{4} 07:00.*7 gecenin 1\., ",
}


@pytest.mark.parametrize("language", FAILED)
def test_lists_are_told_in_it(configured: Shell, language: str) -> None:
    configured.run("sync", "--all")
    configured.run("schedules", "set", "items", "--window", "19:00-07:00", "--zone", "Asia/Tehran")
    failed = configured.run("--lang", language, "failed", "list").out
    assert len(re.findall(FAILED[language], failed, re.MULTILINE)) == 2
    nights = configured.run("--lang", language, "schedules", "list").out
    assert re.search(NIGHTS[language], nights, re.MULTILINE), nights
    assert {"fa": "items: هنوز هیچ شبی سنجیده نشده است.", "tr": "items: henüz hiçbir gece ölçülmedi."}[
        language
    ] in nights


@pytest.mark.parametrize(
    "command", ["status", "history", "failed list", "pending list", "entities list", "remedies groups", "audit list"]
)
def test_json_of_what_was_done_has_the_same_bytes_in_every_language(configured: Shell, command: str) -> None:
    configured.run("--lang", "fa", "sync", "--all")
    told = {configured.run("--lang", language, *command.split(), "--json").out for language in CLOSED}
    assert len(told) == 1
    json.loads(told.pop())


REFUSED = {
    "--nope": "گزینه‌ای به نام --nope نیست",
    "sync --nope": "گزینه‌ای به نام --nope نیست (شاید: --type)",
    "failed show": "آرگومان 'RECORD' داده نشده.",
    "demo --rows x": "مقدار '--rows' نادرست است: باید عدد صحیح باشد",
    "history --limit": "گزینهٔ '--limit' مقدار می‌خواهد.",
    "status a b c": "آرگومان‌های اضافی: b c",
    "failed nope": "فرمانی به نام 'nope' نیست.",
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_line_that_cannot_be_read_is_refused_in_it(shell: Shell, line: str) -> None:
    said = shell.run("--lang", "fa", *line.split())
    assert said.code == 64
    assert REFUSED[line] in said.err
    assert not re.search("Usage|Try|Error", said.err)


def test_a_group_without_a_command_shows_its_help(shell: Shell) -> None:
    said = shell.run("--lang", "tr", "failed")
    assert said.code == 64
    assert said.err.startswith("Kullanım: syncflow failed")
    assert "Hata" not in said.err.splitlines()[0]


TOLD = (
    "doctor", "health", "report", "stats", "status", "history", "failed list", "pending list",
    "pending blockers", "entities list", "schedules list", "schedules show items",
    "audit list", "remedies groups", "explain items 1", "explain items 7", "explain items 99", "sync items --dry-run",
)  # fmt: skip
ENGLISH_WORDS = re.compile(r"(?<![\w'`/=:.-])[A-Za-z]{2,} (?:[a-z]{2,} )*[a-z]{2,}(?![\w'`/=:-])")
COMMAND_LINE = re.compile(r"syncflow [a-z].*|'[^']*'|systemctl [a-z ]+|Python [\d.]+|\b[a-z_]+ [a-z_]+_[a-z_]+")


@pytest.mark.parametrize("command", TOLD)
def test_nothing_that_is_told_in_persian_has_two_english_words_side_by_side(configured: Shell, command: str) -> None:
    configured.run("sync", "--all")
    configured.run("schedules", "set", "items", "--window", "19:00-07:00", "--zone", "Asia/Tehran")
    said = configured.run("--lang", "fa", *command.split())
    assert said.code in (0, 1), said
    assert re.search("[آ-ی]", said.out)
    assert not ENGLISH_WORDS.findall(COMMAND_LINE.sub("", said.out + said.err))
