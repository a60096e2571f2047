"""Encrypting the secrets of second factors, so that a stolen backup signs nobody in."""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def encrypt(text: str) -> str:
    """Encrypt a secret with the first of ``FACTOR_KEYS``."""
    return _box(tuple(settings.FACTOR_KEYS)).encrypt(text.encode()).decode()


def decrypt(encrypted: str) -> str:
    """
    Read a secret that any of ``FACTOR_KEYS`` encrypted.

    :raises ImproperlyConfigured: none of them did
    """
    try:
        return _box(tuple(settings.FACTOR_KEYS)).decrypt(encrypted.encode()).decode()
    except InvalidToken as error:
        raise ImproperlyConfigured("STRATA_FACTOR_KEYS has lost a key that is in use.") from error


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derive(key)) for key in keys])


def _derive(key: str) -> bytes:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"strata second factors")
    return base64.urlsafe_b64encode(derived.derive(key.encode()))
