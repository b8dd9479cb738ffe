"""A store that holds the latest results and what is needed."""

from studio.session.bounded_store import BoundedStore


def test_a_key_too_many_drops_the_oldest():
    store: BoundedStore[str, int] = BoundedStore(2)
    for number, key in enumerate("abc"):
        store[key] = number
    assert dict(store) == {"b": 1, "c": 2}
    assert "a" not in store


def test_a_result_that_is_renewed_keeps_its_place():
    store: BoundedStore[str, int] = BoundedStore(2)
    store["a"], store["b"], store["a"] = 1, 2, 3
    store["c"] = 4
    assert dict(store) == {"b": 2, "c": 4}


def test_what_is_needed_stays_and_the_store_is_as_large_as_that_takes():
    needed = {"a", "b"}
    store: BoundedStore[str, int] = BoundedStore(1, lambda: needed)
    for key in "abc":
        store[key] = 0
    assert list(store) == ["a", "b"]  # what nobody needs does not stay beside them
    needed.clear()
    store["d"] = 0
    assert list(store) == ["d"]
