"""What a submitter agrees to: the blocks and the answers that the check page showed."""

from django import forms


class Agreement(forms.Form):
    """Both must be there: a form without them shows that nobody looked."""

    fingerprint = forms.RegexField(r"^[0-9a-f]{64}$")
    version = forms.RegexField(r"^[0-9a-f]{32}$")
