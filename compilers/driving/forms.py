"""The forms that a compile asks in: one from its first call to its last, and kept.

What is known of an endpoint may change while a compile is killed and goes on. So its
journal holds the forms that it began with, and its result holds those that it ended
with: a refused schema is the only thing that can lie between.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar

from ...pipeline.adapters.reply_form import Form, form_of
from ...pipeline.adapters.settling import Forms, settled
from ...pipeline.graph.module import Module
from ...pipeline.graph.program import Program
from ...pipeline.lm.lm import LanguageModel
from ...pipeline.run.settings import current, entered

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Asking:
    """A module of the program that names no settled form, and whom it asks.

    Args:
        own: The form that it names, such as "auto".
        module: The module.
        lm: Who is asked.
    """

    own: str
    module: Module[..., Any]
    lm: LanguageModel


def forms_at_first(program: Program[..., Any]) -> dict[str, str]:
    """The forms by module path, by what is known now; none where nothing was learnt.

    First editions hang on nothing that may change, and need no record.
    """
    made = {
        path: settled(a.own, a.lm, a.module.spec)
        for path, a in _asking(program).items()
    }
    if all(form.is_first for form in made.values()):
        return {}
    return {path: str(form) for path, form in made.items()}


@contextlib.contextmanager
def keeping_forms(
    program: Program[..., Any], begun: Mapping[str, str]
) -> Generator[Forms]:
    """Ask in the forms that a compile began with, in a scope.

    Args:
        program: The program as it was given.
        begun: Forms by module path.
    """
    forms = Forms()
    for path, asking in _asking(program).items():
        if path in begun:
            form = form_of(begun[path])
            forms.fix(asking.own, asking.lm, asking.module.spec, form)
    with entered(replace(current(), forms=forms)):
        yield forms


def with_forms(program: Program[P, R], forms: Forms) -> Program[P, R]:
    """The program with the form that each module was asked in, written down."""
    changes = {
        f"{path}/adapter": str(forms.of(a.own, a.lm, a.module.spec))
        for path, a in _asking(program).items()
    }
    return program.with_parameters(changes) if changes else program


def form_in_use(program: Program[..., Any], path: str) -> Form:
    """The form that a module of the program is asked in now."""
    module, runtime = program.modules[path], current()
    lm = runtime.model_for(path, module.lm)
    return runtime.form_for(module.parameters.adapter, lm, module.spec)


def _asking(program: Program[..., Any]) -> dict[str, Asking]:
    runtime, found = current(), dict[str, Asking]()
    for path, module in program.modules.items():
        own = runtime.form_asked(module.parameters.adapter)
        if form_of(own).flags is None and not form_of(own).is_first:
            lm = runtime.model_for(path, module.lm)
            found[path] = Asking(own, module, lm)
    return found
