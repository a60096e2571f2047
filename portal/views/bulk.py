"""Many requests from one file: upload, look at them together, submit or discard them."""

import csv
from collections import Counter
from typing import Any
from uuid import uuid4

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import kinds, refusals
from portal.forms import rows
from portal.forms.bulk import Bulk
from portal.views.numbers import number as number_of
from portal.views.requests import TABS
from registry import access, services
from registry.access import SignedIn
from registry.models import Request, Upload
from registry.selectors import uploads

KINDS = tuple(rows.COLUMNS)
# So many rows with problems are shown; the rest is counted.
SHOWN = 500


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: SignedIn) -> HttpResponse:
    """Take a list; every row becomes a draft, or none does. Sent twice, it is one upload."""
    access.require(request.user, access.Right.SUBMIT)
    if request.method != "POST":
        kind = request.GET.get("kind", "")
        initial = {"key": uuid4(), "kind": kind if kind in KINDS else KINDS[0]}
        return _form(request, Bulk(initial=initial))
    form = Bulk(request.POST, request.FILES)
    if not form.is_valid():
        return _form(request, form)
    first = uploads.by_key(request.user, form.cleaned_data["key"])
    try:
        if first is not None:
            upload = services.same_upload(first, kind=form.cleaned_data["kind"], sha256=form.sha256)
        elif not form.check_rows(request.user):
            return _form(request, form)
        else:
            upload = services.keep_upload(submitter=request.user, **form.keeps())
    except services.Refused as refused:
        return _form(request, form, refused)
    return redirect("portal:upload", upload.number)


@require_safe
def template(request: SignedIn, kind: str) -> HttpResponse:
    """Hand out an empty list of one kind, with one row to show how."""
    access.require(request.user, access.Right.SUBMIT)
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="strata-{kind}.csv"'
    # Excel takes a CSV for UTF-8 only if it begins like this.
    answer.write("\ufeff")
    writer = csv.writer(answer)
    writer.writerow(column.name for column in rows.COLUMNS[kind])
    writer.writerow(rows.EXAMPLES[kind])
    return answer


@require_safe
def index(request: SignedIn) -> HttpResponse:
    """List uploads, newest first, with the states of their requests."""
    found, following = uploads.listed(request.user, before=number_of(request.GET.get("before", "")))
    context = {"uploads": found, "next": following, "tabs": TABS}
    return render(request, "portal/uploads/list.html", context)


@require_safe
def show(request: SignedIn, number: int) -> HttpResponse:
    """Show the requests of an upload: what they take together, and what would become of each."""
    return _show(request, uploads.get(request.user, number))


@require_POST
def submit(request: SignedIn, number: int) -> HttpResponse:
    """Submit every draft that the ledger would not refuse; sent again, nothing more happens."""
    access.require(request.user, access.Right.SUBMIT)
    upload = uploads.own(request.user, number)
    try:
        shown = request.POST.get("version", "")
        services.submit_upload(number=upload.number, submitter=request.user, version=shown)
    except services.Refused as refused:
        return _show(request, upload, refused)
    return redirect("portal:upload", number)


@require_http_methods(["GET", "HEAD", "POST"])
def discard(request: SignedIn, number: int) -> HttpResponse:
    """Ask whether to discard the drafts of an upload, and discard them."""
    access.require(request.user, access.Right.SUBMIT)
    upload = uploads.own(request.user, number)
    left = uploads.drafts_of(upload).count()
    if request.method != "POST" and left:
        context = {"upload": upload, "left": left}
        return render(request, "portal/uploads/discard.html", context)
    if request.method == "POST":
        services.discard_upload(number=upload.number, submitter=request.user)
    return redirect("portal:upload", number)


def _form(request: SignedIn, form: Bulk, refused: services.Refused | None = None) -> HttpResponse:
    refusal = refusals.explain(refused.code) if refused else None
    context = {
        "form": form,
        "refusal": refusal,
        "columns": rows.COLUMNS,
        "kinds": [kinds.BY_KIND[Request.Kind(kind)] for kind in KINDS],
        **_problems(form),
    }
    status = refusal.status if refusal else 422 if form.is_bound else 200
    return render(request, "portal/uploads/new.html", context, status=status)


def _problems(form: Bulk) -> dict[str, Any]:
    """Put what is wrong beside the rows that it is in."""
    if not form.problems or form.checked is None:
        return {}
    sheet = form.checked.sheet
    by_row: dict[int, list[Any]] = {}
    for problem in form.problems:
        by_row.setdefault(problem.row, []).append(problem)
    cells = {line.row: line.cells for line in sheet.lines}
    return {
        "wrong_rows": [
            {
                "row": row,
                "cells": [(name, cells[row].get(name, "")) for name in sheet.columns]
                if row in cells
                else [],
                "problems": found,
                "wrong": {problem.column for problem in found},
            }
            for row, found in list(by_row.items())[:SHOWN]
        ],
        "wrong_count": len(by_row),
        "codes": Counter(problem.code for problem in form.problems).most_common(),
        "read_rows": len(sheet.lines),
    }


def _show(
    request: SignedIn, upload: Upload, refused: services.Refused | None = None
) -> HttpResponse:
    mine = upload.organisation_id == request.user.organisation_id
    # First of all: what changes while the rows are read is then not what was shown.
    version = uploads.version(upload) if mine and uploads.drafts_of(upload).exists() else ""
    drafts = list(uploads.drafts_of(upload)) if mine else []
    only = request.GET.get("show") == "drafts"
    after = number_of(request.GET.get("after", "")) or 0
    found = uploads.rows_of(request.user, upload, after=after, drafts_only=only)
    page, more = found[: uploads.PAGE], len(found) > uploads.PAGE
    said = uploads.forecast(drafts, {item.id for item in page}) if drafts else {}
    words = {code: refusals.explain(code) for code in set(said.values()) - {""}}
    refusal = refusals.explain(refused.code) if refused else None
    context = {
        "upload": uploads.counted(Upload.objects.filter(number=upload.number)).get(),
        "kind": kinds.BY_KIND[Request.Kind(upload.kind)],
        "rows": [{"item": item, "refusal": words.get(said.get(item.id, ""))} for item in page],
        "totals": uploads.totals(drafts),
        "volume": sum(item.volume or 0 for item in drafts),
        "short": sum(1 for code in said.values() if code),
        "version": version,
        "next": uploads.row_of(page[-1]) if more else None,
        "only_drafts": only,
        "may_submit": mine and access.may(request.user, access.Right.SUBMIT),
        "refusal": refusal,
    }
    status = refusal.status if refusal else 200
    return render(request, "portal/uploads/show.html", context, status=status)
