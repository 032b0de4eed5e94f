"""What an import did, or would do."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ttr.domain.invalid import Contradiction, FieldError, Invalid
from ttr.domain.limits import ERRORS_TOLD
from ttr.domain.transfer import Refused, faults_of
from ttr.transfer.planned import PageStep, Plan, Step

_WARNINGS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Imported:
    """A check that was made or changed; without a number when it would only be made."""

    index: int
    id: int | None
    uuid: str | None
    name: str
    slug: str | None


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """A signing secret that was made just now: it can't be read again."""

    channel_id: int
    name: str
    secret: str


@dataclass(frozen=True, slots=True)
class ImportedPage:
    """A status page that was made or changed."""

    name: str
    slug: str


@dataclass(slots=True)
class Report:
    """The outcome of an import."""

    dry_run: bool
    created: list[Imported] = field(default_factory=list)
    changed: list[Imported] = field(default_factory=list)
    unchanged: int = 0
    refused: list[Refused] = field(default_factory=list)
    faults: list[FieldError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    channels_created: int = 0
    pages_created: list[ImportedPage] = field(default_factory=list)
    pages_changed: list[ImportedPage] = field(default_factory=list)
    pages_unchanged: int = 0
    user_slug_updated: bool = False
    signing_secrets: list[SigningSecret] = field(default_factory=list)

    def warn(self, sentences: Sequence[str]) -> None:
        """Keep sentences for the owner, as many as anybody reads."""
        left = _WARNINGS_MAX - len(self.warnings)
        self.warnings += sentences[: max(left, 0)]
        if len(sentences) > left >= 0:
            self.warnings.append(f"And {len(sentences) - left:,} more like these.")


class ImportRefused(Invalid):
    """A file with entries that can't be read; nothing was written."""

    def __init__(self, plan: Plan) -> None:
        errors = [*plan.faults, *faults_of(plan.refused)]
        super().__init__(errors[:ERRORS_TOLD])
        self.refused = len(plan.refused)
        self.count = len(errors)

    def __str__(self) -> str:
        said = f"{self.refused:,} checks can't be imported" if self.refused else self._elsewhere()
        shown = (
            f"; the first {ERRORS_TOLD} of {self.count:,} errors are told" if self.count > ERRORS_TOLD else ""
        )
        return f"{said}, so nothing was{shown}."

    def _elsewhere(self) -> str:
        places = {error.field.partition(".")[0] for error in self.errors}
        return (
            "The channels can't be imported" if "channels" in places else "The status pages can't be imported"
        )


class ImportContradicted(ImportRefused, Contradiction):
    """A file whose entries contradict each other, or what the account holds; nothing was written."""


def planned(step: Step) -> Imported:
    """A step that was not taken."""
    return Imported(
        step.index,
        step.before.id if step.before else None,
        step.uuid,
        step.settings.name,
        step.settings.slug,
    )


def _page(step: PageStep) -> ImportedPage:
    return ImportedPage(step.settings.name, step.settings.slug)


def report_of(plan: Plan, *, dry_run: bool) -> Report:
    """What a plan would do."""
    report = Report(
        dry_run,
        created=[planned(step) for step in plan.created],
        changed=[planned(step) for step in plan.changed],
        unchanged=plan.unchanged,
        refused=plan.refused,
        faults=plan.faults,
        channels_created=plan.channel_count,
        pages_created=[_page(step) for step in plan.pages_created],
        pages_changed=[_page(step) for step in plan.pages_changed],
        pages_unchanged=plan.pages_unchanged,
    )
    report.warn(plan.warnings)
    return report
