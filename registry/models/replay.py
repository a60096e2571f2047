"""Runs of a replay, what they rejected, and what people decided about it."""

from django.db import models
from django.db.models import Q

from registry.models.files import SHA256
from registry.models.organisations import User


class ReplayRun(models.Model):
    """
    One run over one history: its inputs, how far it is, and what came of it.

    The inputs never change, and what is finished stays as it is: guards of the database hold both
    (``sql/097_replay.sql``). Its ledger is another database, named here; a final run's is this one.
    """

    class Purpose(models.TextChoices):
        """What a run is for."""

        REHEARSAL = "rehearsal", "Rehearsal"
        FINAL = "final", "Final run"

    class State(models.TextChoices):
        """How far a run is."""

        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        STOPPED = "stopped", "Stopped"
        FINISHED = "finished", "Finished"
        FAILED = "failed", "Failed"

    id = models.BigAutoField(primary_key=True)
    # What was replayed. The source names the older system: what is decided about an event lives on
    # under it from run to run.
    source = models.CharField(max_length=64)
    adapter = models.CharField(max_length=16)
    path = models.CharField(max_length=1000)
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    options = models.JSONField(default=dict)
    purpose = models.CharField(max_length=16, choices=Purpose, default=Purpose.REHEARSAL)
    freeze_at = models.DateTimeField(null=True, blank=True)
    # The source's own closing balances, if it gave any.
    balances_path = models.CharField(max_length=1000, blank=True)
    balances_sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    asked_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    # Of the form that asked for it: sent twice, it is one run.
    idempotency_key = models.UUIDField(null=True, blank=True, unique=True)

    # With what it was replayed: known when it starts.
    code_version = models.CharField(max_length=64, blank=True)
    map_version = models.CharField(max_length=64, blank=True)
    # The signed rules that apply, as they were then: [{id, event_id, action, content, ...}].
    rules = models.JSONField(default=list)
    database = models.CharField(max_length=63, blank=True)

    # How far it is.
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    problem = models.CharField(max_length=500, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Seconds spent at work, over all starts.
    seconds = models.FloatField(default=0)
    events = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    repeated = models.BigIntegerField(default=0)
    unreadable = models.BigIntegerField(default=0)
    amended = models.BigIntegerField(default=0)
    skipped = models.BigIntegerField(default=0)
    inserted = models.BigIntegerField(default=0)

    # What came of it. counts: {"accepted": {kind: [events, certificates]},
    # "rejected": {code: {kind: events}}}; heads: {commodity: {"height", "hash"}};
    # before and after: {commodity: {...}} figures of the ledger.
    counts = models.JSONField(default=dict)
    figures = models.JSONField(default=dict)
    heads = models.JSONField(default=dict)
    reconciliation = models.JSONField(null=True, blank=True)
    reconciled = models.BooleanField(null=True, blank=True)
    # {"compared": n, "differences": [{account, commodity, source, ledger, difference}, ...]}.
    comparison = models.JSONField(null=True, blank=True)
    differences = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(purpose__in=("rehearsal", "final")),
                name="registry_replayrun_purpose_ck",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("waiting", "running", "stopped", "finished", "failed")),
                name="registry_replayrun_state_ck",
            ),
            models.CheckConstraint(
                condition=Q(sha256__regex=SHA256), name="registry_replayrun_sha256_ck"
            ),
            models.CheckConstraint(
                condition=Q(purpose="rehearsal") | Q(freeze_at__isnull=False),
                name="registry_replayrun_freeze_ck",
            ),
            models.CheckConstraint(
                condition=~Q(state="finished")
                | Q(finished_at__isnull=False, reconciled__isnull=False),
                name="registry_replayrun_finished_ck",
            ),
            models.UniqueConstraint(
                fields=("source",),
                condition=Q(purpose="final") & ~Q(state="failed"),
                name="registry_replayrun_one_final_uq",
            ),
            models.UniqueConstraint(
                fields=("database",),
                condition=~Q(database="") & Q(purpose="rehearsal"),
                name="registry_replayrun_database_uq",
            ),
        )

    def __str__(self) -> str:
        return f"Run {self.id}"


class ReplayRejection(models.Model):
    """One event that one run rejected. Only who looks into it changes."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(ReplayRun, models.PROTECT, related_name="rejections", db_index=False)
    line = models.BigIntegerField()
    event_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=16)
    occurred_at = models.DateTimeField(null=True, blank=True)
    code = models.CharField(max_length=64)
    # The event that is to blame: itself, or the rejected one that this one depended on.
    root_event = models.CharField(max_length=200)
    root_code = models.CharField(max_length=64)
    volume = models.BigIntegerField(null=True, blank=True)
    # The event as the source says it; what was asked of the ledger; what the ledger said.
    source = models.JSONField(default=dict)
    call = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)
    assignee = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        ordering = ("run", "line")
        constraints = (
            models.UniqueConstraint(
                fields=("run", "line", "event_id"), name="registry_replayrejection_once_uq"
            ),
        )
        indexes = (
            models.Index(fields=("run", "root_event"), name="registry_replayrejection_root"),
            models.Index(fields=("run", "event_id"), name="registry_replayrejection_event"),
        )

    def __str__(self) -> str:
        return f"{self.event_id}: {self.code}"


class ReplayVariance(models.Model):
    """
    What was decided about one event of a source; it lives across runs.

    One that a second person signed is in force from the next run on, until one that replaces it is
    signed. It only changes what is sent: no rule reaches the ledger's own refusals.
    """

    class Outcome(models.TextChoices):
        """How a rejection is closed."""

        FIX_AT_SOURCE = "fix_at_source", "Fix at source"
        VARIANCE = "variance", "Accepted variance"

    class Action(models.TextChoices):
        """What a variance does to the event."""

        SKIP = "skip", "Leave the event out"
        AMEND = "amend", "Change fields of the event"
        SPLIT = "split", "Send several events instead"
        INSERT = "insert", "Send other events before it"

    id = models.BigAutoField(primary_key=True)
    source = models.CharField(max_length=64)
    event_id = models.CharField(max_length=200)
    outcome = models.CharField(max_length=16, choices=Outcome)
    action = models.CharField(max_length=16, choices=Action, blank=True)
    # amend: {"set": {field: value}, "remove": [field]}; split and insert: {"events": [event, ...]};
    # skip: {}; fix_at_source: {"expected": text}.
    content = models.JSONField(default=dict)
    reason = models.CharField(max_length=2000)
    author = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)
    signed_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    signed_at = models.DateTimeField(null=True, blank=True)
    # Taken back by who wrote it, or sent back by who was to sign it.
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    withdrawn_reason = models.CharField(max_length=500, blank=True)
    # The signed one of the same event that ends when this one is signed.
    replaces = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by", db_index=False
    )
    # Where it was seen.
    run = models.ForeignKey(
        ReplayRun, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(outcome="fix_at_source", action="")
                | Q(outcome="variance", action__in=("skip", "amend", "split", "insert")),
                name="registry_replayvariance_action_ck",
            ),
            models.CheckConstraint(
                condition=~Q(reason=""), name="registry_replayvariance_reason_ck"
            ),
            models.CheckConstraint(
                condition=Q(signed_by__isnull=True, signed_at__isnull=True)
                | Q(signed_by__isnull=False, signed_at__isnull=False, withdrawn_at__isnull=True),
                name="registry_replayvariance_signed_ck",
            ),
            models.CheckConstraint(
                condition=Q(
                    withdrawn_at__isnull=True, withdrawn_by__isnull=True, withdrawn_reason=""
                )
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False)
                & ~Q(withdrawn_reason=""),
                name="registry_replayvariance_withdrawn_ck",
            ),
            models.UniqueConstraint(
                fields=("source", "event_id"),
                condition=Q(replaces__isnull=True, withdrawn_at__isnull=True),
                name="registry_replayvariance_first_uq",
            ),
            models.UniqueConstraint(
                fields=("replaces",),
                condition=Q(withdrawn_at__isnull=True),
                name="registry_replayvariance_replaces_uq",
            ),
        )
        indexes = (
            models.Index(fields=("source", "event_id", "id"), name="registry_replayvariance_event"),
        )

    def __str__(self) -> str:
        return f"{self.source} {self.event_id}: {self.action or self.outcome}"
