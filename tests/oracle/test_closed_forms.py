"""The oracle against paper."""

from __future__ import annotations

import pytest
from closed_forms import FORMS, VIEWED, Form, check

from autograd_conformance.operators import IN_PROGRAMS
from autograd_conformance.programs.program import DETACH


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_closed_form(form: Form) -> None:
    check(form)


@pytest.mark.parametrize("form", VIEWED, ids=lambda form: form.name)
def test_views_that_copy_give_the_same(form: Form) -> None:
    check(Form(**{**vars(form), "aliasing": ()}))


def test_every_operator_has_a_closed_form() -> None:
    assert {step.operator for form in FORMS for step in form.steps} == {*IN_PROGRAMS, DETACH}
