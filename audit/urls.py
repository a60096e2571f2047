"""The addresses of the pages that only look."""

from django.urls import path

from audit.views import accounts, ledger, search

app_name = "audit"
urlpatterns = [
    path("accounts", accounts.index, name="accounts"),
    path("accounts/<str:code>/holdings", accounts.holdings, name="holdings"),
    path("blocks/<int:block_id>", ledger.block, name="block"),
    path("transactions/<str:number>", ledger.transaction, name="transaction"),
    path("search", search.show, name="search"),
]
