"""How people come to their sign-ins, and which codes they have used."""

import uuid

from django.db import models
from django.db.models.functions import Lower

from registry.models.organisations import Organisation, User


class Invitation(models.Model):
    """
    An offer of a sign-in, sent to one address, taken once.

    The link's token is stored as its hash alone. One for registry staff is sent when a second
    person has confirmed it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=16, choices=User.Role)
    # Somebody who has a sign-in already: four eyes counts persons.
    same_person_as = models.ForeignKey(
        User, models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    invited_by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)
    confirmed_by = models.ForeignKey(
        User, models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    token_hash = models.CharField(max_length=64, unique=True, null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    accepted_as = models.OneToOneField(
        User, models.PROTECT, related_name="+", null=True, blank=True
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("created_at",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(role__in=User.Role.values), name="registry_invitation_role_ck"
            ),
            models.CheckConstraint(
                condition=models.Q(token_hash__isnull=True, expires_at__isnull=True)
                | models.Q(token_hash__isnull=False, expires_at__isnull=False),
                name="registry_invitation_token_expires_ck",
            ),
            models.CheckConstraint(
                condition=models.Q(accepted_as__isnull=True, accepted_at__isnull=True)
                | models.Q(
                    accepted_as__isnull=False,
                    accepted_at__isnull=False,
                    token_hash__isnull=False,
                    withdrawn_at__isnull=True,
                ),
                name="registry_invitation_accepted_ck",
            ),
            models.CheckConstraint(
                condition=models.Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                | models.Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
                name="registry_invitation_confirmed_ck",
            ),
            models.UniqueConstraint(
                "organisation",
                Lower("email"),
                condition=models.Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
                name="registry_invitation_one_open_uq",
            ),
        )

    def __str__(self) -> str:
        return self.email


class CodeUse(models.Model):
    """One use of an authenticator app's code: the half minute it was of, so never a second time."""

    user = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    # Seconds since 1970 by 30.
    step = models.BigIntegerField()
    purpose = models.CharField(max_length=16)
    used_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("user", "step"), name="registry_codeuse_once_uq"),
        )

    def __str__(self) -> str:
        return f"{self.user_id} {self.step}"
