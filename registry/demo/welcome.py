"""What the demonstration prints when it is ready."""

from rich.console import Console
from rich.table import Table

from registry.demo import cast

ROLES = {"team_admin": "team admin", "auditor": "read only"}


def accounts() -> Table:
    """Return the table of accounts to sign in with; 80 columns wide at most."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="underline")
    for heading in ("Organisation", "Role", "E-mail", "Password"):
        table.add_column(heading, no_wrap=True)
    for organisation in cast.ORGANISATIONS:
        for number, person in enumerate(organisation.people):
            table.add_row(
                "" if number else organisation.name,
                ROLES.get(person.role, person.role),
                person.email,
                cast.PASSWORD,
            )
            if person.email in cast.APPS:
                table.add_row("", "", f"key: {cast.APPS[person.email]}", "and a code")
    return table


def greet(console: Console, address: str) -> None:
    """Print the address, the accounts, and what to try first."""
    seller = next(org for org in cast.PARTICIPANTS if org.code == "SIE")
    approver = cast.REGISTRY.people[0]
    console.print("\n[bold]Accounts to sign in with[/bold]")
    console.print(accounts())
    console.print(
        f"\n[bold]Strata is at {address}[/bold]\n\n"
        "Try first:\n"
        f"  1. Sign in as {seller.asks().email} and transfer some SOL from SIE-01 to COB-01.\n"
        f"  2. Sign in as {approver.email}: your request waits in the queue, with others.\n"
        "     Approve it, and open the block: its children are the parts.\n"
        "  3. In another terminal, `make psql LOGIN=ledger_service`: try to change the ledger.\n\n"
        f"{next(iter(cast.APPS))} gives a code, at sign-in and with each decision: type the key\n"
        "above into any authenticator app.\n\n"
        "Mails are printed here. Ctrl-C stops it. The next `make demo` goes on where you left it.",
        highlight=False,
    )
