"""Finding accounts by code or name, and what of others is shown."""

import pytest

from registry.models import Request
from tests import make
from tests.portal.cast import last_request, same_key, signed_in, somebody

NEW = "/requests/new/transfer"
HTMX = {"HX-Request": "true"}


def codes(answer):
    return [option.value for option in answer.context["search"].options]


def transfers():
    return Request.objects.filter(kind="transfer")


@pytest.mark.parametrize("text", ["cob-01", "COB", "cobalt", "alt gr", "  Cobalt "])
def test_a_receiver_is_found_by_a_part_of_code_or_name(cast, text):
    assert codes(signed_in(cast.marsh).get("/receivers", {"target": text})) == ["COB-01"]


@pytest.mark.parametrize("text", ["c", "", "%", "__", "\x00", "zzz", "\u202e", "x" * 5000])
def test_too_little_or_nothing_that_fits_finds_nobody_unknown(cast, text):
    answer = signed_in(cast.marsh).get("/receivers", {"target": text})

    assert answer.status_code == 200
    assert "COB-01" not in codes(answer)


def test_those_sent_to_last_come_first_and_a_full_code_before_them(cast):
    for number in range(3):
        make.account(organisation=cast.cobalt, code=f"COB-1{number}")
    client = signed_in(cast.marsh)
    cast.draft(1)
    before = codes(client.get("/receivers", {"target": "cobalt"}))

    assert before == ["COB-01", "COB-10", "COB-11", "COB-12"]
    assert codes(client.get("/receivers", {"target": "COB-1"}))[0] == "COB-10"
    assert codes(client.get("/receivers", {"target": "cob-12"}))[0] == "COB-12"
    assert codes(client.get("/receivers"))[0] == "COB-01"


def test_of_others_only_the_code_and_the_name_of_open_accounts_are_shown(cast):
    hidden = {
        "SUSP": make.account(organisation=cast.cobalt, code="COB-SUSP", status="suspended"),
        "SHUT": make.account(organisation=cast.cobalt, code="COB-SHUT", status="closed"),
        "RET": make.account(organisation=cast.cobalt, code="COB-RET", type="retirement"),
    }
    gone = make.organisation(code="COBX", name="Cobalt Gone", registration_no="CANARY-NO")
    make.account(organisation=gone, code="COBX-01")
    gone.status = "suspended"
    gone.save()
    make.mint(cast.target, 424_242, commodity=cast.commodity)
    cast.cobalt.registration_no = "CANARY-REG"
    cast.cobalt.save()
    client = signed_in(cast.marsh)

    page = client.get("/receivers", {"target": "cob"})
    form = client.post(NEW, cast.details(target="cob"))

    assert codes(page) == ["COB-01"]
    for answer in (page, form):
        text = answer.content.decode()
        assert "Cobalt Grid" in text
        canaries = ("CANARY", "424", "Gone", "C. Cole", *(a.code for a in hidden.values()))
        assert [each for each in canaries if each in text] == []


@pytest.mark.parametrize("code", ["COB-SUSP", "COB-RET", "NONE-1"])
def test_an_account_that_is_not_open_is_as_unknown_as_none(cast, code):
    make.account(organisation=cast.cobalt, code="COB-SUSP", status="suspended")
    make.account(organisation=cast.cobalt, code="COB-RET", type="retirement")

    answer = signed_in(cast.marsh).post(NEW, cast.details(target=code))

    assert answer.status_code == 422
    assert "No account that is open to receive has this code or name." in answer.content.decode()


def test_a_name_offers_choices_and_nothing_typed_is_lost(cast):
    make.account(organisation=cast.cobalt, code="COB-02")
    client, answers = signed_in(cast.marsh), cast.details(target="cobalt", note="Kept")

    asked = client.post(NEW, answers)
    chosen = client.post(NEW, answers | {"target_for": "cobalt", "target_pick": "COB-02"})

    page = asked.content.decode()
    assert asked.status_code == 422
    assert "Choose one of the accounts below." in page
    assert 'name="target_pick" value="COB-02"' in page
    assert asked.context["form"]["note"].value() == "Kept"
    assert chosen.status_code == 302
    assert last_request().target.code == "COB-02"


def test_a_choice_made_for_another_text_does_not_count(cast):
    client = signed_in(cast.marsh)

    client.post(NEW, cast.details(target="DUN-01", target_for="cobalt", target_pick="COB-01"))

    assert last_request().target.code == "DUN-01"


@pytest.mark.parametrize("pick", ["NONE-1", "ALD-RET", "\x00", "", "x" * 999])
def test_a_choice_that_was_never_offered_is_refused(cast, pick):
    answer = signed_in(cast.marsh).post(
        NEW, cast.details(target="cobalt", target_for="cobalt", target_pick=pick)
    )

    assert answer.status_code == 422
    assert not transfers().exists()


def test_without_a_text_one_of_those_sent_to_before_can_be_chosen(cast):
    cast.draft(1)
    client = signed_in(cast.marsh)

    shown = client.get(NEW).content.decode()
    client.post(NEW, cast.details(target="", target_for="", target_pick="COB-01", volume="3"))

    assert "Sent to before, or yours" in shown
    assert last_request().volume == 3


def test_htmx_gets_the_choices_alone_and_a_browser_a_page(cast):
    client = signed_in(cast.marsh)

    part = client.get("/receivers", {"target": "cob"}, headers=HTMX)
    page = client.get("/receivers", {"target": "cob"})

    assert "<html" not in part.content.decode()
    assert 'name="target_pick" value="COB-01"' in part.content.decode()
    assert f"{NEW}?target=COB-01" in page.content.decode()
    for answer in (part, page):
        assert "HX-Request" in answer.headers["Vary"]


def test_a_receiver_can_be_named_in_the_address(cast):
    form = signed_in(cast.marsh).get(f"{NEW}?target=COB-01").context["form"]

    assert form["target"].value() == "COB-01"


@pytest.mark.parametrize("name", ["source", "account"])
@pytest.mark.parametrize("kind", ["transfer", "retire", "region"])
@pytest.mark.parametrize("value", ["COB-01", "COB-01/SOL", "NONE", "COB-01\x00", "/SOL"])
def test_an_account_of_somebody_else_in_the_address_is_not_found(cast, kind, name, value):
    answer = signed_in(cast.marsh).get(f"/requests/new/{kind}", {name: value})

    assert answer.status_code == 404


def test_a_second_account_of_somebody_else_in_the_address_is_not_found_either(cast):
    answer = signed_in(cast.marsh).get(NEW, {"source": "ALD-01", "account": "COB-01"})

    assert answer.status_code == 404


def test_an_account_and_a_commodity_can_be_named_in_the_address(cast):
    client = signed_in(cast.marsh)

    for query in ("source=ALD-01", "source=ALD-01/SOL", "account=ALD-01"):
        form = client.get(f"{NEW}?{query}").context["form"]
        assert form["source"].value() == "ALD-01/SOL"


@pytest.fixture
def many(cast):
    """An operator with more accounts than fit into a list."""
    for number in range(21):
        make.account(organisation=cast.alder, code=f"ALD-X{number:02}")
    wind = make.commodity(code="WND", name="Wind")
    make.mint(cast.target, 70, commodity=wind)
    make.mint(cast.target, 30, commodity=cast.commodity)
    return somebody(cast, "operator")


def test_an_operator_with_many_accounts_searches_for_the_one_to_send_from(cast, many):
    client = signed_in(many)

    form = client.get(NEW).context["form"]
    found = codes(client.get("/senders", {"source": "cobalt", "rule": "transferable"}))
    client.post(NEW, cast.details(source="COB-01/WND", target="ALD-01", volume="5"))

    assert "source" in form.searches
    assert form.sources == {}
    assert found == ["COB-01/SOL", "COB-01/WND"]
    assert (last_request().source.code, last_request().commodity.code) == ("COB-01", "WND")


def test_an_account_with_one_commodity_is_known_by_its_code(cast, many):
    signed_in(many).post(NEW, cast.details(source="ALD-01", volume="5"))

    assert (last_request().source, last_request().commodity) == (cast.source, cast.commodity)


def test_a_name_or_several_commodities_offer_choices(cast, many):
    client = signed_in(many)
    answers = cast.details(source="COB-01", target="ALD-01", volume="5")

    asked = client.post(NEW, answers)
    client.post(NEW, answers | {"source_for": "COB-01", "source_pick": "COB-01/WND"})

    assert asked.status_code == 422
    assert [o.value for o in asked.context["form"].searches["source"].options] == [
        "COB-01/SOL",
        "COB-01/WND",
    ]
    assert last_request().commodity.code == "WND"


def test_more_than_a_found_account_has_is_refused_with_a_way_on(cast, many):
    answer = signed_in(many).post(NEW, cast.details(source="ALD-01/SOL", volume="5000"))

    assert answer.status_code == 422
    assert "1,000 are available" in answer.content.decode()


@pytest.mark.parametrize("source", ["", "zzz", "\x00", "ALD-01/XXX", "x" * 70])
def test_what_is_not_found_is_named(cast, many, source):
    answer = signed_in(many).post(NEW, cast.details(source=source))

    assert answer.status_code == 422
    assert not transfers().exists()


def test_an_organisation_finds_none_but_its_own_accounts_to_send_from(cast, many):
    client = signed_in(cast.marsh)

    assert codes(client.get("/senders", {"source": "cob"})) == []
    answer = client.post(NEW, cast.details(source="COB-01/SOL", key=same_key()))
    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["/receivers", "/senders"])
@pytest.mark.parametrize("role", ["viewer", "approver", "auditor"])
def test_who_does_not_ask_does_not_search(cast, role, path):
    assert signed_in(somebody(cast, role)).get(path).status_code == 403
