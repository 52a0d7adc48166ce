"""The command line in the language of whoever calls it."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

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


ENGLISH = """
import sys
from syncflow.cli.main import main
try:
    main(["failed", "--help"])
except SystemExit:
    pass
sys.exit(", ".join(name for name in sys.modules if name.startswith(("babel", "tui", "persiantools"))) or 0)
"""


def test_english_help_imports_nothing_of_other_languages(shell: Shell) -> None:
    ended = subprocess.run([sys.executable, "-c", ENGLISH], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
