#!/usr/bin/env python
"""Run a management command."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    if sys.argv[1:2] == ["demo"]:
        # The demonstration brings its own database and secret: it needs nothing from outside.
        from registry.demo.environment import prepare

        prepare()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "registry.settings")
    execute_from_command_line(sys.argv)
