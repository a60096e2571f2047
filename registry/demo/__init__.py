"""
Makes a believable registry on this machine and serves it: ``manage.py demo``.

``cast`` and ``plot`` say who there is and what happened, ``fill`` lets it happen through the
services, ``house`` starts and stops what it needs. Nothing here imports Django before the settings
have their environment.
"""
