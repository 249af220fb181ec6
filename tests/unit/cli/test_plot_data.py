"""Which points of the picture are named, and where their labels stand."""

from __future__ import annotations

import pytest

from qwen3_operator.cli.plot_data import Bar, Point, apart, named


def point(
    label: str, price: float, seconds: float, *, model: str = "M", chosen: bool = False, works: bool = True
) -> Point:
    return Point(model=model, label=label, chosen=chosen, works=works, price=price, seconds=seconds)


def bar(label: str) -> Bar:
    return Bar(label, "", chosen=False, total=1.0, parts=())


CHOSEN = point("a", 1, 9, chosen=True)


def test_of_one_model_the_frontier_is_named() -> None:
    found = [point("slow", 2, 9), CHOSEN, point("b", 2, 5), point("late", 1, 1, works=False), point("c", 3, 2)]
    assert [one.label for one in named(found, [bar("slow")], 9)] == ["a", "b", "c"]
    assert [one.label for one in named(found, [], 2)] == ["a", "b"]


def test_of_several_models_those_with_a_bar_are_named_and_not_the_smallest() -> None:
    found = [CHOSEN, point("b", 2, 8, model="N"), point("b", 4, 7, model="N"), point("tiny", 1, 0.1, model="T")]
    assert [(one.label, one.seconds) for one in named(found, [bar("a"), bar("b"), bar("unknown")], 9)] == [
        ("a", 9),
        ("b", 7),
    ]


def test_where_nothing_works_those_with_a_bar_are_named() -> None:
    found = [point("a", 1, 2, works=False), point("b", 1, 1, works=False)]
    assert [one.label for one in named(found, [bar("a")], 9)] == ["a"]


@pytest.mark.parametrize(
    ("heights", "places"),
    [
        ([], []),
        ([0.1, 0.5, 0.9], [0.1, 0.5, 0.9]),
        ([0.5, 0.5, 0.52], [0.5, 0.6, 0.7]),
        ([0.2, 0.95, 1.0], [0.2, 0.9, 1.0]),
        ([0.9, 0.95, 1.0], [0.8, 0.9, 1.0]),
    ],
)
def test_labels_keep_apart_inside_the_axis(heights: list[float], places: list[float]) -> None:
    assert apart(heights, 0.1) == pytest.approx(places)
