"""A dashboard as Grafana reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH, HEIGHT = 12, 8
_STATES = {"1": ("True", "green"), "0": ("False", "red"), "-1": ("Unknown", "yellow")}


class Panel(NamedTuple):
    """One graph over time."""

    title: str
    unit: str
    """Grafana's name of it: s, short, percentunit, reqps, bytes; ``si:`` before one of our own."""
    queries: dict[str, str]
    """By legend."""
    about: str = ""
    """Behind the small i."""


class States(NamedTuple):
    """Bars of conditions over time: 1 True, 0 False, -1 Unknown."""

    title: str
    queries: dict[str, str]
    about: str = ""


class Variable(NamedTuple):
    """A choice above the graphs: the values of a label."""

    name: str
    query: str
    is_many: bool = False
    """Several, or all of them."""


def dashboard(title: str, panels: Iterable[Panel | States], variables: Iterable[Variable]) -> dict[str, Any]:
    """The whole of it, with links to its sisters."""
    return {
        "uid": title.lower().replace(" ", "-"),
        "title": title,
        "tags": ["qwen3"],
        "links": [{"type": "dashboards", "tags": ["qwen3"], "title": "", "includeVars": True, "keepTime": True}],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_source(), *map(_variable, variables)]},
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, panel: Panel | States) -> dict[str, Any]:
    row, column = divmod(number, 2)
    return {
        "id": number + 1,
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        **(_bars() if isinstance(panel, States) else _lines(panel.unit)),
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": query, "legendFormat": legend}
            for index, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def _lines(unit: str) -> dict[str, Any]:
    limits = {"min": 0, "max": 1} if unit == "percentunit" else {"min": 0}
    return {
        "type": "timeseries",
        "fieldConfig": {"defaults": {"unit": unit, **limits}, "overrides": []},
        "options": {
            "tooltip": {"mode": "multi", "sort": "desc"},
            "legend": {"showLegend": True, "placement": "bottom"},
        },
    }


def _bars() -> dict[str, Any]:
    options = {value: {"text": text, "color": color} for value, (text, color) in _STATES.items()}
    defaults = {"mappings": [{"type": "value", "options": options}], "color": {"mode": "thresholds"}}
    return {
        "type": "state-timeline",
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"mergeValues": True, "showValue": "auto", "legend": {"showLegend": False}},
    }


def _source() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}


def _variable(variable: Variable) -> dict[str, Any]:
    many = {"multi": True, "includeAll": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}}
    return {
        "name": variable.name,
        "type": "query",
        "datasource": SOURCE,
        "query": variable.query,
        "refresh": 2,
        "sort": 1,
        **(many if variable.is_many else {}),
    }
