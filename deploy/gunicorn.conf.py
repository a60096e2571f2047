"""How gunicorn serves the portal; `gunicorn -c deploy/gunicorn.conf.py registry.wsgi`."""

import os

bind = os.environ.get("STRATA_BIND", "127.0.0.1:8000")
# Threads, because a request mostly waits for PostgreSQL.
workers = int(os.environ.get("STRATA_WORKERS", "2"))
threads = int(os.environ.get("STRATA_THREADS", "4"))
timeout = 60
max_requests = 10_000
max_requests_jitter = 1_000
# The portal logs each request itself, without addresses of people and what they searched for.
accesslog = None
# Otherwise gunicorn opens a socket in the home directory through which it can be steered.
control_socket_disable = True
