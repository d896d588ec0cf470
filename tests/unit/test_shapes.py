"""Moments and pages as the API tells them."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from directdnsonly.reconcile.report import Done, PassView, PlanView
from directdnsonly.shapes import Moment, Page, Since

AT = 1764500000.25


class NumberView(BaseModel):
    """An entry."""

    number: int


def cut(found: list[int], limit: int) -> tuple[list[int], str | None]:
    page = Page[NumberView].cut(found, limit, view=lambda one: NumberView(number=one), key=lambda one: one)
    return [one.number for one in page.items], page.next


def test_a_moment_goes_out_as_text_and_comes_back_the_same():
    """RFC 3339 in UTC with milliseconds; inside it is epoch seconds."""
    moments = TypeAdapter(Moment)

    told = json.loads(moments.dump_json(AT))

    assert "2025-11-30T10:53:20.250+00:00" == told
    assert AT == moments.validate_python(told) == moments.validate_python(AT)
    assert "date-time" == moments.json_schema(mode="serialization")["format"]


@pytest.mark.parametrize("seconds", [True, False])
def test_a_pass_that_an_older_program_has_kept_is_read(seconds):
    """Reports in the store hold epoch seconds until now, and text from now on."""
    one = PassView(started_at=AT, ended_at=AT + 2, dry_run=False, plan=PlanView(made_at=AT), done=Done())
    kept = json.dumps(one.model_dump()) if seconds else one.model_dump_json()

    read = PassView.model_validate_json(kept)

    assert (AT, 2.0, AT) == (read.started_at, read.ended_at - read.started_at, read.plan.made_at)


@pytest.mark.parametrize(
    "text", ["2026-11-23", "2026-11-23T07:00:00", "1764500000", "yesterday", "", "2026-11-23 07:00+00:00"]
)
def test_a_parameter_names_a_moment_with_its_zone_or_is_refused(text):
    """A date or a time without a zone would mean another moment to each reader."""
    with pytest.raises(ValidationError):
        TypeAdapter(Since).validate_python(text)


def test_a_page_ends_where_the_next_one_begins_and_the_last_one_says_so():
    """What was found holds one more than the page while there is a next one."""
    assert ([1, 2], "2") == cut([1, 2, 3], 2)
    assert ([1, 2], None) == cut([1, 2], 2)
    assert ([], None) == cut([], 2)
    assert "NumberPage" == Page[NumberView].__name__
