"""Settings: where values come from, what is refused and how that is said, and that secrets are never shown."""

from pathlib import Path

import pytest

from syncflow.errors import ConfigurationError
from syncflow.settings import Settings, describe
from syncflow.settings_loader import load_settings

pytestmark = pytest.mark.unit


@pytest.fixture
def system_file(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "syncflow.env"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*Settings.model_fields, "syncflow_secrets_dir", "credentials_directory", "xdg_state_home"):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(system_file: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(system_file=system_file)
    assert caught.value.exit_code == 78
    return str(caught.value).splitlines()


def test_each_place_yields_to_the_one_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system_file: Path
) -> None:
    write(system_file, "MAX_RETRIES=1\nLEASE_SECONDS=1\nGRACE_SECONDS=1\nSYNC_CHUNK_ROWS=1\n")
    write(tmp_path / ".env", "MAX_RETRIES=2\nLEASE_SECONDS=2\nGRACE_SECONDS=2\n")
    write(tmp_path / "secrets" / "LEASE_SECONDS", "3\n")
    write(tmp_path / "secrets" / "max_retries", "3\n")
    monkeypatch.setenv("SYNCFLOW_SECRETS_DIR", str(tmp_path / "secrets"))
    monkeypatch.setenv("Max_Retries", "4")

    settings = load_settings(system_file=system_file)

    values = (settings.max_retries, settings.lease_seconds, settings.grace_seconds, settings.sync_chunk_rows)
    assert values == (4, 3, 2, 1)
    origins = [settings.origin(name) for name in ("MAX_RETRIES", "LEASE_SECONDS", "GRACE_SECONDS", "SYNC_CHUNK_ROWS")]
    assert origins == ["environment", f"secret file in {tmp_path / 'secrets'}", ".env", str(system_file)]
    assert settings.origin("DEBUG") == "default"


def test_names_are_read_in_any_case_and_an_empty_value_counts_as_not_set(
    monkeypatch: pytest.MonkeyPatch, system_file: Path
) -> None:
    monkeypatch.setenv("APISmith_URL", "http://erp:8007/")
    monkeypatch.setenv("ScheduleHub_Url", "")
    settings = load_settings(system_file=system_file)
    assert settings.apismith_url == "http://erp:8007"
    assert settings.schedulehub_url == "http://127.0.0.1:5180"


def test_systemd_credentials_are_secret_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system_file: Path
) -> None:
    write(tmp_path / "run" / "apismith_password", "tiger\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "run"))
    password = load_settings(system_file=system_file).apismith_password
    assert password is not None
    assert password.get_secret_value() == "tiger"


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("SYNC_WORKER_THREADS", "four", "holds 'four' (from environment); it takes a whole number from 1 to 64."),
        ("APP_ENV", "prod", "it takes development, test, staging or production."),
        ("POSTGRES_PORT", "0", "it takes a port from 1 to 65535."),
        ("DEFAULT_BATCH_SIZE", "20000", "it takes a whole number from 1 to MAX_BATCH_SIZE, which is 10000."),
        ("RETRY_DELAY_SECONDS", "nan", "it takes seconds, more than 0 and at most 86400."),
        ("MAX_RETRY_DELAY_SECONDS", "0.5", "it takes seconds, at least RETRY_DELAY_SECONDS, which is 1."),
        ("APISMITH_URL", "erp:8007", "it takes an address such as http://host:8007."),
        ("APISMITH_URL", "http://erp:port", "it takes an address such as http://host:8007."),
        ("POSTGRES_SCHEMA", "my-schema", "it takes a schema's name of small letters, digits and _"),
        ("DEBUG", "perhaps", "it takes true or false."),
    ],
)
def test_a_wrong_value_is_one_line_that_names_all_one_needs(
    monkeypatch: pytest.MonkeyPatch, system_file: Path, name: str, value: str, line: str
) -> None:
    monkeypatch.setenv(name, value)
    (said,) = refusal(system_file)
    assert said.startswith(f"{name} holds {value!r} (from environment)")
    assert line in said


def test_two_wrong_values_are_a_line_each(tmp_path: Path, system_file: Path) -> None:
    write(tmp_path / ".env", "POSTGRES_USER=me\nPOSTGRES_PORT=high\nLOG_LEVEL=loud\n")
    assert sorted(line.split()[0] for line in refusal(system_file)) == ["LOG_LEVEL", "POSTGRES_PORT"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://me:hunter2/x@y@host/db"),
        ("DATABASE_URL", "hunter2"),
        ("SCHEDULEHUB_URL", "ftp://me:hunter2@host"),
        ("APISMITH_URL", "http://me:hunter2@host:port?token=hunter2"),
    ],
)
def test_a_secret_is_not_told_even_by_a_refusal(
    monkeypatch: pytest.MonkeyPatch, system_file: Path, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    (said,) = refusal(system_file)
    assert "hunter2" not in said
    assert said.startswith(f"{name} holds ")


def test_secrets_are_masked_wherever_settings_are_shown(monkeypatch: pytest.MonkeyPatch, system_file: Path) -> None:
    for name in Settings.model_fields:
        if name.endswith(("_password", "_token", "_secret")):
            monkeypatch.setenv(name.upper(), "hunter2")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hunter2@host/db")
    monkeypatch.setenv("SCHEDULEHUB_URL", "postgresql://me:hunter2@host/db?sslpassword=hunter2")
    settings = load_settings(system_file=system_file)
    assert "hunter2" not in "".join(str(line) for line in describe(settings)) + repr(settings)
    assert set(settings.secrets()) == {"hunter2"}


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, None),
        ({"POSTGRES_PORT": "5433"}, None),
        ({"POSTGRES_HOST": "db"}, "postgresql://syncflow@db:5432/syncflow"),
        ({"POSTGRES_DB": "erp"}, "postgresql://syncflow@localhost:5432/erp"),
        (
            {"POSTGRES_HOST": "db", "POSTGRES_PORT": "5433", "POSTGRES_USER": "me", "POSTGRES_PASSWORD": "a/b@c:d"},
            "postgresql://me:a%2Fb%40c%3Ad@db:5433/syncflow",
        ),
        ({"POSTGRES_HOST": "/run/pg"}, "postgresql://syncflow@/syncflow?host=%2Frun%2Fpg&port=5432"),
        ({"POSTGRES_HOST": "::1"}, "postgresql://syncflow@[::1]:5432/syncflow"),
        ({"POSTGRES_HOST": "db", "DATABASE_URL": "postgresql://other/x"}, "postgresql://other/x"),
    ],
)
def test_the_database_is_named_whole_or_in_parts(
    monkeypatch: pytest.MonkeyPatch, system_file: Path, given: dict[str, str], url: str | None
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert load_settings(system_file=system_file).database_url == url


def test_a_misspelt_name_in_a_file_is_said_with_the_nearest(tmp_path: Path, system_file: Path) -> None:
    write(tmp_path / ".env", "APISMTH_URL=http://x\nPATH_TO_SOMETHING=y\n")
    settings = load_settings(system_file=system_file)
    assert [str(each) for each in settings.warnings] == [
        "APISMTH_URL in .env is no setting and was not read; the nearest is APISMITH_URL."
    ]


def test_a_directory_of_secrets_that_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system_file: Path
) -> None:
    monkeypatch.setenv("SYNCFLOW_SECRETS_DIR", str(tmp_path / "nowhere"))
    (said,) = refusal(system_file)
    assert said.startswith("SYNCFLOW_SECRETS_DIR holds ")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path, system_file: Path) -> None:
    (tmp_path / ".env").write_bytes(b"MAX_RETRIES=\xff\n")
    (said,) = refusal(system_file)
    assert said.endswith(".env cannot be read: it is not UTF-8 text.")


def test_the_state_directory_follows_the_desktop_rule(monkeypatch: pytest.MonkeyPatch, system_file: Path) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert load_settings(system_file=system_file).state_dir == Path("/home/me/.local/state/syncflow")
    monkeypatch.setenv("XDG_STATE_HOME", "/srv/state")
    settings = load_settings(system_file=system_file)
    assert (settings.state_dir, settings.origin("STATE_DIR")) == (Path("/srv/state/syncflow"), "XDG_STATE_HOME")
    monkeypatch.setenv("STATE_DIR", "here")
    assert load_settings(system_file=system_file).state_dir == Path.cwd() / "here"


def test_the_example_file_names_every_setting_with_its_default() -> None:
    example = Path(__file__).parent.parent / ".env.example"
    lines = [line.removeprefix("# ") for line in example.read_text().splitlines() if "=" in line]
    named = dict(line.split("=", 1) for line in lines)
    assert list(named) == [line.name for line in describe(Settings())]
    defaults = {line.name: line.value for line in describe(Settings()) if line.name != "STATE_DIR"}
    for name, default in defaults.items():
        assert named[name] == ("" if default.startswith("(") else default), name
