"""What the past looks like, as far as a client looks into it; fields of a newer server are ignored."""

from __future__ import annotations

from taskyard.client.views import FieldChange, View
from taskyard.prepare import prepare


class StepView(View, frozen=True):
    revision: int
    what: str
    at: str = ""
    by: str = ""
    why: str = ""
    changes: tuple[FieldChange, ...] = ()


class PastView(View, frozen=True):
    """How an object came to be as it is: `steps` oldest first, `left_out` of them missing before the first."""

    about: str
    name: str
    namespace: str = ""
    earliest: int = 0
    left_out: int = 0
    steps: tuple[StepView, ...] = ()


class DifferenceView(View, frozen=True):
    kind: str
    name: str
    what: str
    namespace: str = ""
    changes: tuple[FieldChange, ...] = ()


class DifferencesView(View, frozen=True):
    first: int
    last: int
    objects: tuple[DifferenceView, ...] = ()


class UndoneView(View, frozen=True):
    result: str
    revision: int = 0
    changes: tuple[FieldChange, ...] = ()


prepare(PastView)
prepare(DifferencesView)
prepare(UndoneView)
