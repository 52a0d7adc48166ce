"""Each thing that can be wrong is found, with what to do; the rest is examined all the same."""

import socket
from datetime import timedelta
from pathlib import Path

import pytest

from syncflow.runtime import doctor_of
from syncflow.sandbox.faults import Fault
from syncflow.service.doctor_settings import examine_settings
from syncflow.service.findings import Finding, Grade, skew
from syncflow.service.schedules import GivenTerms
from syncflow.settings import Settings
from syncflow.settings_loader import load_settings
from syncflow.store import migrate
from syncflow.store.database import Database
from tests.faults.field import SLUG, Field

pytestmark = pytest.mark.integration


def examined(field: Field, **changed: object) -> dict[str, Finding]:
    """The worst of each name."""
    worst: dict[str, Finding] = {}
    for finding in doctor_of(Settings(**{**field.settings, **changed})).examine():  # type: ignore[arg-type]
        before = worst.get(finding.name)
        if before is None or list(Grade).index(finding.grade) > list(Grade).index(before.grade):
            worst[finding.name] = finding
    return worst


def grades(found: dict[str, Finding]) -> dict[str, Grade]:
    return {name: finding.grade for name, finding in found.items() if finding.grade is not Grade.OK}


def test_a_sound_installation_has_nothing_to_mend(any_field: Field) -> None:
    any_field.configure()
    any_field.sync()
    found = examined(any_field)
    told = grades(found)
    told.pop("ScheduleHub: capabilities", None)
    told.pop("ScheduleHub: keys", None)
    told.pop("disk: state directory", None)
    assert told == {}, found
    assert {"versions", "time zones", "database", "database: tables", "APISmith: contract", "ScheduleHub"} <= set(found)


def test_a_target_that_could_hold_a_row_twice(field: Field) -> None:
    field.configure()
    assert examined(field)["ScheduleHub: keys"].grade is Grade.OK  # no table yet
    field.sync()
    assert str(examined(field)["ScheduleHub: keys"].said) == "erp_key_hash is unique in the table of 1 entity"
    field.execute(f'DROP INDEX "{field.schema}"."items__bridge_erp_key_hash"')
    found = examined(field)["ScheduleHub: keys"]
    assert found.grade is Grade.FAILURE
    assert "not unique in items" in str(found.said)


def test_a_contract_that_is_not_kept(field: Field) -> None:
    field.configure()
    field.execute("UPDATE syncflow.entity_config SET rowversion_field = 'changed'")
    assert "the API items declares no changed" in str(examined(field)["APISmith: contract"].said)
    field.execute("UPDATE syncflow.entity_config SET api_slug = 'nothing'")
    assert "has no API 'nothing'" in str(examined(field)["APISmith: contract"].said)


def test_what_is_not_to_be_had_keeps_nothing_else_from_being_examined(field: Field) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = f"127.0.0.1:{nobody.getsockname()[1]}"
        found = examined(field, database_url=f"postgresql://{away}/x", apismith_url=f"http://{away}")
    assert set(grades(found)) - {"disk: state directory"} == {"database", "APISmith"}
    assert found["ScheduleHub"].grade is Grade.OK
    assert "schedules" not in found
    field.break_source(Fault(kind="status", status=401, path="apis", times=None))
    assert examined(field)["APISmith"].grade is Grade.FAILURE


def test_tables_of_another_version(field: Field) -> None:
    with Database(field.database_url) as database:
        migrate.downgrade(database, "0004")
    found = examined(field)
    assert found["database: tables"].grade is Grade.FAILURE
    assert "syncflow db upgrade" in str(found["database: tables"].said)
    assert found["APISmith"].grade is Grade.OK


def test_schedules_that_cannot_be_kept(field: Field) -> None:
    field.configure()
    with field.runtime() as runtime:
        runtime.schedules.create(SLUG, GivenTerms("19:00-07:00", "Europe/Berlin"))
    assert examined(field)["daemon"].grade is Grade.WARNING
    field.execute("UPDATE syncflow.background_sync_schedule SET time_zone = 'Europe/Berln'")
    field.execute("UPDATE syncflow.entity_config SET sync_schedule = '0 0 30 2 *'")
    with field.runtime() as runtime:
        told = [str(each.said) for each in runtime.doctor.examine() if each.name == "schedules"]
    assert len(told) == 2
    assert "Europe/Berlin" in told[0]
    assert "items is not synced by itself" in told[1]


def test_settings_that_somebody_could_be_sorry_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    file = tmp_path / ".env"
    file.write_text(
        "APP_ENV=production\nDEBUG=true\nSCHEDULEHUB_URL=http://10.1.2.3:5180\nAPI_HOST=0.0.0.0\nAPI_PRT=1\n"
        "INTERNAL_SERVICE_JWT_SECRET=short\nAPISMITH_TOKEN=abcdef\n",
        encoding="utf-8",
    )
    file.chmod(0o644)
    monkeypatch.chdir(tmp_path)
    found = list(examine_settings(load_settings(tmp_path)))
    assert {each.grade for each in found} == {Grade.WARNING}
    words = ("API_PRT", "DEBUG", "JWT_SECRET", "others than its owner", "SCHEDULEHUB_URL is http://", "0.0.0.0", "told")
    assert [next((word for word in words if word in str(each.said)), str(each.said)) for each in found] == list(words)
    assert not any("abcdef" in f"{each.said}{each.remedy}" for each in found)


@pytest.mark.parametrize(
    ("seconds", "grade"), [(0.4, Grade.OK), (-4.9, Grade.OK), (20, Grade.WARNING), (-61, Grade.FAILURE)]
)
def test_clocks_that_differ(seconds: float, grade: Grade) -> None:
    assert skew("clock", timedelta(seconds=seconds)).grade is grade
