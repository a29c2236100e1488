from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from wixsandbox.collection import Collection

START = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass(frozen=True)
class Thing:
    id: str
    name: str


def things() -> Collection[Thing]:
    return Collection(lambda one: one.id, {"name": lambda one: one.name})


def test_a_unique_field_follows_its_record() -> None:
    collection = things()
    collection.put(Thing("1", "a"))
    collection.put(Thing("1", "b"))
    assert collection.find("name", "a") is None
    assert collection.find("name", "b") == Thing("1", "b")
    assert collection.delete("1") == Thing("1", "b")
    assert collection.delete("1") is None
    assert collection.find("name", "b") is None


def test_queries_go_on_seeing_what_was_deleted_until_the_lag_is_over() -> None:
    collection = things()
    collection.put(Thing("1", "a"))
    collection.delete("1", START + timedelta(seconds=1))
    assert list(collection.visible(START)) == [Thing("1", "a")]
    assert list(collection.visible(START + timedelta(seconds=1))) == []


def test_a_record_is_looked_up_as_queries_see_it() -> None:
    collection = things()
    collection.put(Thing("1", "a"), START + timedelta(seconds=1))
    assert collection.visible_by("name", "a", START) is None
    assert collection.visible_by("name", "a", START + timedelta(seconds=1)) == Thing("1", "a")
    assert collection.visible_by("name", "z", START) is None


WRITES = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from(["put", "delete"]), st.integers(0, 3), st.integers(0, 2)
    ),
    max_size=20,
)


@given(WRITES)
def test_what_queries_see_is_what_was_there_before_the_lag(writes: list[tuple[str, str, int, int]]) -> None:
    """With a constant lag, a query sees the collection of so many seconds ago."""
    lag = 2
    collection: Collection[Thing] = Collection(lambda one: one.id)
    history: list[tuple[datetime, dict[str, Thing]]] = [(START - timedelta(days=1), {})]
    now = START
    for number, (key, verb, wait, _) in enumerate(writes):
        now += timedelta(seconds=wait)
        if verb == "put":
            collection.put(Thing(key, str(number)), now + timedelta(seconds=lag))
        else:
            collection.delete(key, now + timedelta(seconds=lag))
        history.append((now, {one.id: one for one in collection}))
        then = now - timedelta(seconds=lag)
        seen = [state for at, state in history if at <= then][-1]
        assert {one.id: one for one in collection.visible(now)} == seen
    assert {one.id: one for one in collection.visible(now + timedelta(seconds=lag))} == history[-1][1]
