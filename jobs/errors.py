"""What a person is told when something is wrong: a failure in nine parts, or a notice.

A message has code, dataset, business date, revision, stage, place, expected against actual, evidence and the next command. It never
holds a value of the data.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from jobs.error_codes import CODES


@dataclass(frozen=True)
class Notice:
    """Something worth saying that stops nothing."""

    code: str
    text: str


@dataclass(frozen=True)
class Place:
    """Where in the lake's work something happened."""

    dataset: str = ""
    business_date: str = ""
    revision: int = 0
    stage: str = ""
    place: str = ""


class LakeError(Exception):
    """A foreseen failure, with everything a person needs to act on it."""

    def __init__(
        self,
        code: str,
        *,
        expected: str = "",
        actual: str = "",
        evidence: str = "",
        next_command: str = "",
        **place: object,
    ) -> None:
        self.code = code
        self.expected = expected
        self.actual = actual
        self.evidence = evidence
        self.next_command = next_command
        self.where = Place(**place)  # type: ignore[arg-type]
        super().__init__(str(self))

    def __reduce__(self) -> tuple[object, ...]:
        return (_restore, (self.code, self.parts()))

    def at(self, **place: object) -> LakeError:
        """Add what an outer layer knows; what is already said stays."""
        known = {k: v for k, v in asdict(self.where).items() if v}
        self.where = replace(Place(**place), **known)  # type: ignore[arg-type]
        return self

    def parts(self) -> dict[str, object]:
        """The nine parts of the message, as `--json` and the ledger keep them."""
        code = CODES[self.code]
        return {
            "code": self.code,
            "title": code.title,
            **asdict(self.where),
            "expected": self.expected,
            "actual": self.actual,
            "evidence": self.evidence,
            "next": self._next(),
        }

    def _next(self) -> str:
        text = self.next_command or CODES[self.code].remedy
        return text.replace("DATASET", self.where.dataset or "DATASET")

    def __str__(self) -> str:
        w = self.where
        where = " ".join(
            str(x) for x in (w.dataset, w.business_date, f"r{w.revision}" if w.revision else "", w.stage, w.place) if x
        )
        lines = [f"{self.code} {CODES[self.code].title}" + (f": {where}" if where else "")]
        for label, text in (
            ("expected", self.expected),
            ("actual", self.actual),
            ("evidence", self.evidence),
            ("next", self._next()),
        ):
            if text:
                lines.append(f"  {label:<9}{text}")
        return "\n".join(lines)

    @property
    def exit(self) -> int:
        return CODES[self.code].exit


def _restore(code: str, parts: dict[str, object]) -> LakeError:
    places = {k: parts[k] for k in ("dataset", "business_date", "revision", "stage", "place")}
    return LakeError(
        code,
        expected=str(parts["expected"]),
        actual=str(parts["actual"]),
        evidence=str(parts["evidence"]),
        next_command=str(parts["next"]),
        **places,
    )
