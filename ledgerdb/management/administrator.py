"""What the commands of the database administrator have in common."""

import os
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser


class AdministratorCommand(BaseCommand):
    """Signs in as the database administrator, and not through Django's connections."""

    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where the server is and which database is meant."""
        parser.add_argument(
            "--admin-dsn",
            default=os.environ.get("STRATA_ADMIN_DSN", ""),
            help="connection string of a superuser; better given as STRATA_ADMIN_DSN, because other"
            " users of the machine see the arguments of a command",
        )
        parser.add_argument(
            "--database",
            default=settings.DATABASES["default"]["NAME"],
            help="the registry's database (default: %(default)s)",
        )

    def execute(self, *args: Any, **options: Any) -> str | None:
        """
        Run the command, and say in one line what PostgreSQL refused.

        :raises CommandError: no connection string is given, or PostgreSQL refused
        """
        if not options["admin_dsn"]:
            raise CommandError("Set STRATA_ADMIN_DSN to the connection string of a superuser.")
        try:
            return super().execute(*args, **options)
        except psycopg.Error as error:
            raise CommandError(f"PostgreSQL refused: {error}") from error
