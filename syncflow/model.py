"""The words of SyncFlow: entities, their plan for one batch, batches and their counters. Frozen values, no behaviour
beyond what follows from the fields themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from syncflow.oracle_types import OracleType


class DeltaStrategy(StrEnum):
    """How a batch finds out what changed (pipeline, stage 8)."""

    FULL = "full"
    ROWVERSION = "rowversion"
    HASH = "hash"


class SyncType(StrEnum):
    """FULL extracts the whole table whatever the watermark; INCREMENTAL goes by the entity's strategy."""

    FULL = "full"
    INCREMENTAL = "incremental"
    BACKGROUND = "background"
    RETRY = "retry"


class Paging(StrEnum):
    """KEYSET: by the last value seen. PAGES: numbered pages, several in flight."""

    KEYSET = "keyset"
    PAGES = "pages"


class DeleteMode(StrEnum):
    """What becomes of a row that is gone from the source; SOFT sets `_bridge_deleted_at`."""

    HARD = "hard"
    SOFT = "soft"
    IGNORE = "ignore"


class DriftMode(StrEnum):
    """A column that appears or changes its type: EVOLVE widens the target, FREEZE stops before loading."""

    EVOLVE = "evolve"
    FREEZE = "freeze"


class BatchStatus(StrEnum):
    """INTERRUPTED is resumable: stopped, crashed, or its window closed."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    INTERRUPTED = "interrupted"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Transformation(StrEnum):
    """What a mapping does to a text (pipeline, stage 6)."""

    NONE = "none"
    UPPERCASE = "uppercase"
    LOWERCASE = "lowercase"
    TRIM = "trim"
    TITLE_CASE = "title_case"
    CAPITALIZE = "capitalize"
    STRIP_WHITESPACE = "strip_whitespace"
    REMOVE_SPECIAL_CHARS = "remove_special_chars"
    FOLD_PERSIAN = "fold_persian"


class NumberFormat(StrEnum):
    """Which mark groups digits and which begins the fraction."""

    POINT = "1,234.50"
    COMMA = "1.234,50"


class DateOrder(StrEnum):
    """The order of day, month and year in dates of digits that are not of ISO shape."""

    DMY = "DMY"
    MDY = "MDY"
    YMD = "YMD"


@dataclass(frozen=True)
class Conventions:
    """How one entity's source writes numbers and dates."""

    numbers: NumberFormat = NumberFormat.POINT
    dates: DateOrder = DateOrder.DMY


@dataclass(frozen=True)
class Replacement:
    """What stands for certain values of a field before they are read: `to` (None: NULL) for those that are `match`, or
    for what a regular expression finds in them (`$1` is what its first group found)."""

    match: str | None = None
    pattern: str | None = None
    to: str | None = None


@dataclass(frozen=True)
class FieldMapping:
    """One field's way from its source name to its target name. `default` is canonical text and stands for NULL.

    `fold` folds Persian and Arabic letters and digits (stage 3), `jalali` reads the field's dates in the Jalali
    calendar and `keep_nanoseconds` loads a timestamp as text with all nine digits (stage 5). `replacements` are made
    before stage 2. `mask`: personal data, masked wherever it is shown or exported.
    """

    source: str
    target: str
    transformation: Transformation = Transformation.NONE
    default: str | None = None
    required: bool = False
    validation_rule: str | None = None
    fold: bool = False
    jalali: bool = False
    keep_nanoseconds: bool = False
    replacements: tuple[Replacement, ...] = ()
    mask: bool = False


@dataclass(frozen=True)
class ParentRef:
    """A reference to another entity: `fields` pairs the child's target field with the parent's key field."""

    name: str
    entity: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Entity:
    """What is configured for one ERP table (a row of `entity_config` with its `field_mappings`).

    `lookback` is in the rowversion's own unit: seconds for timestamps, units for numbers. `column_types` holds the
    declarations that were known last (source name -> Oracle type). `version` grows with each change.
    """

    name: str
    api: str
    business_key: tuple[str, ...]
    delta_strategy: DeltaStrategy = DeltaStrategy.HASH
    rowversion_field: str | None = None
    lookback: int = 0
    paging: Paging = Paging.KEYSET
    delete_mode: DeleteMode = DeleteMode.HARD
    drift_mode: DriftMode = DriftMode.EVOLVE
    conventions: Conventions = Conventions()
    parent_refs: tuple[ParentRef, ...] = ()
    mappings: tuple[FieldMapping, ...] = ()
    hash_exclude: tuple[str, ...] = ()
    column_types: Mapping[str, str] = field(default_factory=dict)
    sync_enabled: bool = True
    sync_schedule: str | None = None
    version: int = 1


@dataclass(frozen=True)
class ApiColumn:
    """A column as an API definition declares it; `data_type` is Oracle's text, None where not declared."""

    name: str
    data_type: str | None
    nullable: bool = True


@dataclass(frozen=True)
class ApiDefinition:
    """What APISmith says about one API; everything after `name` may be missing on an old APISmith."""

    slug: str
    name: str
    columns: tuple[ApiColumn, ...] = ()
    business_key_columns: tuple[str, ...] = ()
    rowversion_column: str | None = None
    delta_strategy: DeltaStrategy | None = None


@dataclass(frozen=True)
class PlanColumn:
    """One column of a batch: where it comes from, what it is, where it goes."""

    type: OracleType
    mapping: FieldMapping

    @property
    def source(self) -> str:
        return self.mapping.source

    @property
    def target(self) -> str:
        return self.mapping.target

    @property
    def target_type(self) -> str:
        """The type in ScheduleHub's table; a column with all nine digits is loaded as text (pipeline, stage 5)."""
        return "text" if self.mapping.keep_nanoseconds else self.type.target_type


@dataclass(frozen=True)
class PlanParentKey:
    """One part of a parent's key: the child's target field, and the parent's own column that it must equal."""

    child_field: str
    parent_column: PlanColumn


@dataclass(frozen=True)
class PlanParent:
    """A parent reference with all that is needed to make the parent's BK_HASH: its mapping, key fields and types."""

    name: str
    entity: str
    keys: tuple[PlanParentKey, ...]
    conventions: Conventions = Conventions()
    required: bool = False
    """Whether a child may not even for a moment stand without it (one of its fields is required)."""


@dataclass(frozen=True)
class ChildRef:
    """An entity that refers to this one, and the name of its reference (deletions ask whether children live)."""

    entity: str
    ref: str


@dataclass(frozen=True)
class Plan:
    """An entity's frozen configuration for one batch. What a running batch does never changes under its hands.

    `business_key`, `rowversion_field` and `hash_exclude` are target names. `typed` and `mapped` are the source columns
    whose type or whose mapping the entity's configuration gives; `observed` are those whose type nobody declares.
    """

    entity: str
    api: str
    columns: tuple[PlanColumn, ...]
    business_key: tuple[str, ...]
    delta_strategy: DeltaStrategy
    rowversion_field: str | None = None
    lookback: int = 0
    paging: Paging = Paging.KEYSET
    delete_mode: DeleteMode = DeleteMode.HARD
    drift_mode: DriftMode = DriftMode.EVOLVE
    conventions: Conventions = Conventions()
    parents: tuple[PlanParent, ...] = ()
    children: tuple[ChildRef, ...] = ()
    hash_exclude: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()
    mapped: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()

    def column(self, target: str) -> PlanColumn:
        """The column with this target name; KeyError when there is none (the plan's maker has checked)."""
        for column in self.columns:
            if column.target == target:
                return column
        raise KeyError(target)

    @property
    def key_columns(self) -> tuple[PlanColumn, ...]:
        return tuple(self.column(name) for name in self.business_key)


@dataclass(frozen=True)
class TargetColumn:
    """A column of a ScheduleHub table; `type` in the words of the capability `tables`."""

    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True)
class TargetTable:
    """The table of one entity: its data columns, and its parent references as (name, entity)."""

    entity: str
    columns: tuple[TargetColumn, ...]
    parents: tuple[tuple[str, str], ...] = ()
    children: tuple[ChildRef, ...] = ()


@dataclass(frozen=True)
class Counters:
    """What became of a batch's rows (pipeline, the conservation law). All counts are rows."""

    fetched: int = 0
    normalized: int = 0
    validated: int = 0
    mapped: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    pending: int = 0
    failed: int = 0
    ignored: int = 0
    """Of the failed ones, those that somebody decided to leave out."""
    delete_candidates: int = 0
    deleted: int = 0
    withheld: int = 0
    refused: int = 0
    still_at_source: int = 0

    def __add__(self, other: "Counters") -> "Counters":
        return Counters(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Counters)})

    def without_deletions(self) -> "Counters":
        return replace(self, delete_candidates=0, deleted=0, withheld=0, refused=0, still_at_source=0)

    @property
    def settled(self) -> int:
        return self.inserted + self.updated + self.unchanged + self.duplicate + self.pending + self.failed

    @property
    def deletes_settled(self) -> int:
        return self.deleted + self.withheld + self.refused + self.still_at_source

    @property
    def success_rate(self) -> float:
        """Percent of the fetched rows that did not fail; 100 for an empty batch."""
        return 100.0 if self.fetched == 0 else 100.0 * (self.fetched - self.failed) / self.fetched


@dataclass(frozen=True)
class Batch:
    """One run of one entity (a row of `sync_batches`); times in UTC."""

    uid: UUID
    entity_name: str
    sync_type: SyncType
    delta_strategy: DeltaStrategy
    source_system: str
    status: BatchStatus
    requested_by: str
    requested_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    claim_epoch: int = 0
    heartbeat_at: datetime | None = None
    counters: Counters = Counters()
    error_message: str | None = None
    notes: tuple[str, ...] = ()
    batch_group: UUID | None = None
    plan_hash: str | None = None
    watermark_before: str | None = None
    watermark_after: str | None = None
