"""What the files of a run must hold for a report to show it; what else they hold is left alone."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from star.errors import UserError, cut
from star.records import Attempt

Counts = dict[str, int]
Shares = dict[str, float]


class Score(BaseModel):
    """Of a group of held-out problems; `accuracy` with its 95% interval from `low` to `high`, 0 to 1."""

    correct: int
    total: int
    accuracy: float
    low: float
    high: float


class Scores(BaseModel):
    """Of one way to evaluate. `pass_at`, `majority_at` and `best_of` are 0 to 1, by number of samples."""

    all: Score
    groups: dict[str, Score]
    pass_at: Shares = {}
    majority_at: Shares = {}
    best_of: Shares = {}


class Funnel(BaseModel):
    """What became of attempts, and where examples come from (`star/audit/funnel.py`)."""

    plain: Counts = {}
    hinted: Counts = {}
    consensus: Counts = {}
    carried: int = 0
    lessons: int = 0
    replayed: int = 0
    real: int = 0


class Effort(BaseModel):
    """Where the attempts of an iteration went (`star/curriculum/effort.py`); all but `level` are 0 to 1."""

    kind: str
    expected: float
    by_group: Shares
    by_expected: Shares
    level: int | None = None


class Ranking(BaseModel):
    """What came of `selection.quality` (`star/quality/filter.py`)."""

    auc: float | None = None
    auc_within: float | None = None
    needed: float = 0.6
    refused: str = ""
    candidates: int = 0
    low: int = 0


class Lessons(BaseModel):
    """Lessons in an iteration, and why some were not kept."""

    written: int
    kept: int
    rejected: Counts = {}


class Synthesis(BaseModel):
    """New problems in an iteration (`star/synthesize/summary.py`)."""

    written: int
    kept: int
    share: Annotated[float | None, Field(alias="yield")] = None
    rejected: Counts = {}
    similarity: float | None = None
    pool: int
    consensus: int = 0
    again: int = 0
    overturned: int = 0
    retired: int = 0
    reinstated: int = 0
    agreement: float | None = None
    estimated_error: float | None = None
    true_error: float | None = None
    lessons: Lessons | None = None


class Swept(BaseModel):
    """What a sweep chose (`star/sweep.py`), and how many samples that took."""

    temperature: float
    threshold: float
    score: float
    samples: int


class MetricsRow(BaseModel):
    """A line of `metrics.jsonl` (`star/metrics.py`)."""

    iteration: int
    accuracy: Annotated[dict[str, Scores], Field(min_length=1)]
    seconds: dict[str, float]
    spent: dict[str, float] = {}
    audit: dict[str, float | None] = {}
    funnel: Funnel = Funnel()
    curriculum: Effort | None = None
    quality: Ranking | None = None
    synthesis: Synthesis | None = None
    consensus: Counts = {}
    samples: int | None = None
    sampled_tokens: int | None = None
    sweep: Swept | None = None
    joules: float | None = None
    train_loss_last: float | None = None


class Bin(BaseModel):
    """Problems with a vote where about as many samples agree (`confidence`, a share): `votes` of them, and how many of
    these were `right`."""

    confidence: float
    votes: int
    right: int


class AuditFile(BaseModel):
    """`audit.json` of an iteration."""

    missing: dict[str, str] = {}
    coverage: dict[str, dict[str, Counts]] = {}
    calibration: list[Bin] = []
    contamination: Counts = {}


class Specimen(BaseModel):
    """A line of `specimens.jsonl`: an attempt to look at, what became of it, and what is wrong with it."""

    kind: str
    attempt: Attempt
    trained_on: bool
    reason: str = ""
    wrong_steps: list[str] = []
    leak: str = ""


class Facts(BaseModel, extra="allow"):
    """`run.json`: what the run stands on. Its other facts are shown as they are."""

    versions: dict[str, str] = {}
    data_files: dict[str, str] = {}
    changes: list[dict[str, Any]] = []
    parent: dict[str, Any] = {}


Shape = TypeVar("Shape", bound=BaseModel)


def read_as(shape: type[Shape], found: Any, complaint: str, remedy: str = "") -> Shape:
    """`found` in this shape.

    Raises:
        UserError: it has another one; the message is `complaint`, which names the file, what is wrong, and `remedy`.
    """
    try:
        return shape.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"])) or "all of it"
        raise UserError(f"{complaint}: {cut(key, 200)}: {first['msg']}{remedy}") from None
