"""Methods made of table entries: the real signature, the documentation, the checks of settings.

What a method gives is up to the caller of `method_of`; nothing here knows `Expression`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidExpression, listed
from ..expr.aggregates import Aggregate
from ..expr.function import REQUIRED, Example, Function, Parameter
from ..expr.window import WindowFunction


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a call gave: arguments in order, each with its parameter, and plain settings."""

    arguments: tuple[tuple[Parameter, Any], ...]
    settings: tuple[tuple[str, Any], ...]


def method_of(
    entry: Function | Aggregate | WindowFunction,
    build: Callable[[Any, Given], Any],
    name: str,
    owner: str,
    *,
    receiver: bool = True,
) -> Callable[..., Any]:
    """Return a function with the signature and the documentation of `entry`.

    Parameters
    ----------
    entry
        The entry of ``FUNCTIONS``, ``AGGREGATES`` or ``WINDOWS``.
    build
        Called with the object the method is called on (None without `receiver`) and what was given.
    name
        The name it will have.
    owner
        What comes before the name in messages, such as ``Expression.str``.
    receiver
        Whether it is a method rather than a function of the module.
    """
    signature = _signature(entry.parameters, receiver)

    def method(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            lists = "too many" in str(error) and any(each.items for each in entry.parameters)
            raise InvalidExpression(
                f"{name}: {error}. It is called as {name}{_shown(signature)}"
                f"{', with all values in one list' if lists else ''}."
            ) from None
        bound.apply_defaults()
        return build(bound.arguments.get("self"), _given(entry.parameters, bound.arguments, name))

    method.__name__ = name
    method.__qualname__ = f"{owner}.{name}" if owner else name
    method.__doc__ = documentation(entry)
    method.__signature__ = signature  # type: ignore[attr-defined]
    return method


def _signature(parameters: Sequence[Parameter], receiver: bool) -> inspect.Signature:
    kinds = inspect.Parameter
    shown = [kinds("self", kinds.POSITIONAL_ONLY)] if receiver else []
    for parameter in parameters:
        kind: Any = kinds.POSITIONAL_OR_KEYWORD
        if parameter.variadic:
            kind = kinds.VAR_POSITIONAL
        elif parameter.keyword_only:
            kind = kinds.KEYWORD_ONLY
        default = kinds.empty if parameter.default is REQUIRED else parameter.default
        shown.append(kinds(parameter.name, kind, default=default))
    return inspect.Signature(shown)


def _shown(signature: inspect.Signature) -> str:
    visible = [each for each in signature.parameters.values() if each.name != "self"]
    return str(signature.replace(parameters=visible))


def _given(parameters: Sequence[Parameter], values: dict[str, Any], name: str) -> Given:
    arguments: list[tuple[Parameter, Any]] = []
    settings: list[tuple[str, Any]] = []
    for parameter in parameters:
        value = values[parameter.name]
        if parameter.variadic:
            arguments += [(parameter, each) for each in value]
        elif parameter.expr:
            arguments.append((parameter, value))
        else:
            _check(parameter, value, name)
            # Settings are hashed with the call they belong to.
            settings.append((parameter.name, tuple(value) if isinstance(value, list) else value))
    return Given(arguments=tuple(arguments), settings=tuple(sorted(settings)))


def _check(parameter: Parameter, value: Any, name: str) -> None:
    """Raise if `value` is not what the setting may be."""
    if value is parameter.default:
        return
    flag = isinstance(value, bool) and bool not in parameter.types
    if parameter.types and (flag or not isinstance(value, parameter.types)):
        wanted = " or ".join(each.__name__ for each in parameter.types)
        raise InvalidExpression(
            f"{name}: {parameter.name} is one plain {wanted} for all rows, but this is"
            f" {type(value).__name__}: {value!r}."
        )
    if parameter.choices and value not in parameter.choices:
        raise InvalidExpression(
            f"{name}: {parameter.name} is one of {listed(map(str, parameter.choices))}, but this"
            f" is {value!r}."
        )


def documentation(entry: Function | Aggregate | WindowFunction) -> str:
    """Return the docstring of a method: what it does, and an example."""
    return f"{inspect.cleandoc(entry.doc)}\n\nExamples\n--------\n{example_text(entry.example)}\n"


def example_text(example: Example) -> str:
    r"""Return an example as it would be typed.

    >>> example_text(Example(code="-pt.col('a')", data={"a": [1]}, gives=[-1])).splitlines()[2]
    '>>> frame.select(x=-pt.col(\'a\')).to_pydict()["x"]'
    """
    data = _runnable(dict(example.data))
    setup = [f">>> import {name}" for name in ("datetime", "zoneinfo") if f"{name}." in data]
    return "\n".join(
        [
            ">>> import partita as pt",
            *setup,
            f">>> frame = pt.from_pydict({data})",
            f'>>> frame.select(x={example.code}).to_pydict()["x"]',
            repr([*example.gives]),
        ]
    )


def _runnable(data: dict[str, Any]) -> str:
    """Return data as it would be typed; Python shows NaN and infinity as no code of its own."""
    return re.sub(r"(?<![\w'])(nan|inf)(?![\w'])", r"float('\1')", repr(data))
