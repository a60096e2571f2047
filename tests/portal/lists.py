"""Lists of requests, as the tests upload them."""

from django.core.files.uploadedfile import SimpleUploadedFile

from registry.models import Request, Upload
from tests.portal.cast import same_key, signed_in

NEW = "/requests/new/bulk"
TRANSFERS = "from_account,to_account,commodity,quantity,numbers,note"


def a_list(*lines, head=TRANSFERS):
    return "\r\n".join((head, *lines)).encode()


def form(content, **answers):
    file = SimpleUploadedFile(answers.pop("name", "list.csv"), content, "text/csv")
    return {"kind": "transfer", "file": file, "key": same_key(), **answers}


def upload(person, content, **answers):
    """Upload a list that is taken."""
    answer = signed_in(person).post(NEW, form(content, **answers))
    assert answer.status_code == 302, found(answer)
    return Upload.objects.latest("number")


def submit(client, kept):
    """Open a list, and submit what it shows."""
    page = f"/requests/uploads/{kept.number}"
    return client.post(f"{page}/submit", {"version": client.get(page).context["version"]})


def found(answer):
    return [(each.row, each.column, each.code) for each in answer.context["form"].problems]


def requests_of(upload):
    return list(Request.objects.filter(upload_row__upload=upload).order_by("upload_row__row"))
