"""Make the database of a registry with its roles and logins."""

from typing import Any

from ledgerdb import bootstrap
from ledgerdb.management.administrator import AdministratorCommand


class Command(AdministratorCommand):
    """Run as a database administrator, once per database; again does no harm."""

    help = (
        "Make the database if it is not there, its roles, logins and first grants. Passwords are"
        " taken from STRATA_DB_PASSWORD_<LOGIN>; a login without one keeps what it has."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Bootstrap, and say which logins were given a password."""
        passwords = bootstrap.passwords_of_environment()
        bootstrap.bootstrap(options["admin_dsn"], options["database"], passwords=passwords)
        self.stdout.write(f"Database {options['database']} has its roles and logins.")
        for login in bootstrap.LOGINS:
            told = "password set" if login in passwords else "password left as it was"
            self.stdout.write(f"  {login:<16}{told}")
