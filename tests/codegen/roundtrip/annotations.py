"""What the annotations of generated code say, asked at run time: the names that stand under `if TYPE_CHECKING` are
looked up as a type checker would, and a value is compared with its annotation to any depth."""

from __future__ import annotations

import ast
import importlib
import inspect
import types
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


class Json:
    """Stands for the recursive aliases JsonValue and JsonInput, which exist for type checkers only."""


_JSON_NAMES = frozenset({"JsonValue", "JsonInput"})


@cache
def names_of(module: ModuleType) -> dict[str, Any]:
    """The names that annotations of this module may use: its own, and those that only type checkers import."""
    found: dict[str, Any] = dict(vars(module))
    tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    package = module.__package__ or ""
    for node in tree.body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for one in node.body:
                _import(one, package, found)
    return found


def _import(node: ast.stmt, package: str, found: dict[str, Any]) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            found[alias.asname or alias.name] = importlib.import_module(alias.name)
    elif isinstance(node, ast.ImportFrom):
        source = importlib.import_module("." * node.level + (node.module or ""), package or None)
        for alias in node.names:
            name = alias.asname or alias.name
            found[name] = Json if alias.name in _JSON_NAMES else getattr(source, alias.name, Any)


def evaluated(annotation: object, names: dict[str, Any]) -> Any:
    """The type that an annotation, a text here, stands for. Raises NameError for a name that nobody imports."""
    return eval(annotation, names) if isinstance(annotation, str) else annotation


def parameters(function: Callable[..., Any], names: dict[str, Any]) -> dict[str, tuple[Any, bool]]:
    """The keyword parameters of a generated function: the type of each, and whether it may be left out."""
    return {
        name: (evaluated(one.annotation, names), one.default is not inspect.Parameter.empty)
        for name, one in inspect.signature(function).parameters.items()
        if one.kind is inspect.Parameter.KEYWORD_ONLY
    }


def members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the one type that it is."""
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(inner for one in get_args(annotation) for inner in members(one))
    return (type(None),) if annotation is None else (annotation,)


def nullable(annotation: Any) -> bool:
    """Whether None is of that type."""
    return any(one in (type(None), Any, object) for one in members(annotation))


def conforms(value: object, annotation: Any) -> bool:
    """Whether a value is of the type, exactly: True is no int, and the items of lists and dicts are looked at."""
    if annotation in (Any, object):
        return True
    if annotation is Json:
        return _is_json(value)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(conforms(value, one) for one in arguments)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in arguments)
    if origin is list:
        return type(value) is list and all(conforms(one, arguments[0]) for one in value)
    if origin is dict:
        return type(value) is dict and all(
            conforms(key, arguments[0]) and conforms(one, arguments[1]) for key, one in value.items()
        )
    if origin is tuple:
        return type(value) is tuple
    return value is None if annotation in (None, type(None)) else type(value) is annotation


def _is_json(value: object) -> bool:
    if type(value) is dict:
        return all(type(key) is str and _is_json(one) for key, one in value.items())
    if type(value) is list:
        return all(map(_is_json, value))
    return value is None or type(value) in (str, int, float, bool)
