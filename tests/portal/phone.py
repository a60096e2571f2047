"""An authenticator app in a test, and a clock that the registry reads."""

from types import SimpleNamespace

from django.test import Client

from registry import services
from registry.models import User
from registry.services import factors
from tests import make

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class Phone:
    """Shows codes; ``wait`` lets half a minute pass, for the registry too."""

    def __init__(self, monkeypatch) -> None:
        """Stop the clock that the codes go by."""
        self.now = 1_790_000_010.0
        clock = SimpleNamespace(time=lambda: self.now)
        monkeypatch.setattr(factors, "time", clock)

    def code(self, secret: str = SECRET) -> str:
        """Read the newest code."""
        return services.code_at(secret, self.now)

    def next_code(self, secret: str = SECRET) -> str:
        """Wait for the next code and read it."""
        self.wait()
        return self.code(secret)

    def wait(self, seconds: int = 30) -> None:
        """Let time pass."""
        self.now += seconds

    def give_to(self, person: User) -> User:
        """Set an app up for somebody."""
        assert services.set_up_app(user=person, secret=SECRET, code=self.code())
        self.wait(60)
        return person


def attempt(client: Client, person: User, password: str = make.PASSWORD):
    """Sign in by password."""
    return client.post("/sign-in", {"login": person.email, "password": password})


def confirmed(client: Client, **answers: str) -> Client:
    """Show who is there, so that something about the sign-in may change."""
    answer = client.post("/me/confirm?next=/me", answers or {"password": make.PASSWORD})
    assert answer.headers.get("Location") == "/me", answer.context["form"].errors
    return client
