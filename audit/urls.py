"""The addresses of the pages that only look."""

from django.urls import path

from audit.views import (
    accounts,
    activity,
    conservation,
    custody,
    expiry,
    holdings,
    ledger,
    packs,
    reconciliation,
    search,
    tracing,
)

app_name = "audit"
urlpatterns = [
    path("accounts", accounts.index, name="accounts"),
    path("accounts/<str:code>/holdings", accounts.holdings, name="holdings"),
    path("accounts/<str:code>/holdings.csv", holdings.download_account, name="holdings_csv"),
    path("holdings", holdings.index, name="held"),
    path("holdings.csv", holdings.download, name="held_csv"),
    path("batches/<int:batch_id>", tracing.batch, name="batch"),
    path("batches/<int:batch_id>/lineage", tracing.lineage, name="lineage"),
    path("batches/<int:batch_id>/trace", tracing.trace, name="trace"),
    path("batches/<int:batch_id>/trace.csv", tracing.trace_csv, name="trace_csv"),
    path("activity", activity.show, name="activity"),
    path("activity.csv", activity.download, name="activity_csv"),
    path("conservation", conservation.show, name="conservation"),
    path("conservation.csv", conservation.download, name="conservation_csv"),
    path("expiry", expiry.show, name="expiry"),
    path("reconciliation", reconciliation.show, name="reconciliation"),
    path("reconciliation.json", reconciliation.as_json, name="reconciliation_json"),
    path("reconciliation/<int:run_id>", reconciliation.show, name="reconciliation_run"),
    path("blocks/<int:block_id>", ledger.block, name="block"),
    path("who-held", custody.who_held, name="who_held"),
    path("certificates/<str:commodity>/<str:number>", custody.certificate, name="certificate"),
    path("transactions", ledger.transactions, name="transactions"),
    path("transactions.csv", ledger.transactions_csv, name="transactions_csv"),
    path("transactions/<str:number>", ledger.transaction, name="transaction"),
    path("transactions/<str:number>/evidence.zip", packs.download, name="pack"),
    path("search", search.show, name="search"),
]
