"""The index says what a dictionary of sets would say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controlplane.cluster.index import OneToMany

_STEPS = st.tuples(
    st.sampled_from(["add", "discard", "move"]), st.integers(0, 3), *[st.sampled_from(["", "a", "b"])] * 2
)


@given(st.lists(_STEPS, max_size=30))
def test_as_sets(steps: list[tuple[str, int, str, str]]) -> None:
    index: OneToMany[str, int] = OneToMany()
    sets: dict[str, set[int]] = {}
    for what, value, key, other in steps:
        if what == "add":
            index.add(key, value)
            sets.setdefault(key, set()).add(value)
        elif what == "discard":
            index.discard(key, value)
            sets.get(key, set()).discard(value)
        else:
            index.move(value, key, other)
            if key:
                sets.get(key, set()).discard(value)
            if other:
                sets.setdefault(other, set()).add(value)
        for each in ("", "a", "b"):
            found = index.of(each)
            assert set(found) == sets.get(each, set())
            assert len(found) == len(set(found))
        assert index.keys() == {key for key, values in sets.items() if values}
