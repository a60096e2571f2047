"""
Settings: one file, every value that differs between installations from the environment.

``docs/settings.md`` lists the variables. Secrets have no default outside ``STRATA_DEBUG``.
"""

import os
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def env(name: str, default: str = "") -> str:
    """Read one variable of the environment."""
    return os.environ.get(f"STRATA_{name}", default)


def flag(name: str, *, default: bool = False) -> bool:
    """Read one yes/no variable of the environment."""
    return env(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


DEBUG = flag("DEBUG")
SECRET_KEY = env("SECRET_KEY", "only-for-development" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("Set STRATA_SECRET_KEY (or STRATA_DEBUG=1 on a workstation).")
ALLOWED_HOSTS = [host for host in env("ALLOWED_HOSTS", "localhost,127.0.0.1").split(",") if host]
CSRF_TRUSTED_ORIGINS = [origin for origin in env("TRUSTED_ORIGINS").split(",") if origin]
BEHIND_HTTPS = flag("HTTPS", default=not DEBUG)
# Stands on paper, in the code that leads to the page where anybody checks a statement.
PUBLIC_ADDRESS = env(
    "PUBLIC_ADDRESS", f"{'https' if BEHIND_HTTPS else 'http'}://{ALLOWED_HOSTS[0]}"
).rstrip("/")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "django_htmx",
    "csp",
    "registry",
    "ledgerdb",
    "portal",
    "audit",
]

MIDDLEWARE = [
    "portal.correlation.Correlation",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.middleware.SignInRequired",
    "portal.middleware.LastSeen",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "registry.urls"
WSGI_APPLICATION = "registry.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.frame",
            ],
        },
    }
]


def login(role: str, **options: object) -> dict[str, object]:
    """Describe a connection that signs in to PostgreSQL as ``role``."""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": env("DB_HOST"),
        "PORT": env("DB_PORT", "5432"),
        "NAME": env("DB_NAME", "strata"),
        "USER": role,
        "PASSWORD": env(f"DB_PASSWORD_{role.upper()}"),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
        "TEST": {"MIRROR": "default"} if role != "portal_web" else {},
    }


# One login per duty, never SET ROLE on a shared one: RESET ROLE would undo it. A process is given
# the passwords of the logins that it needs and no others.
DATABASES = {
    "default": login("portal_web"),
    "audit": login("ledger_auditor"),
    "migrator": login("ledger_migrator", options="-c role=ledger_owner"),
}
# The web process may be run without this login: approved requests then wait for
# `manage.py execute_approved --watch`, which alone holds it.
if flag("LEDGER_LOGIN", default=DEBUG):
    DATABASES["ledger"] = login("ledger_service")
if flag("REPLAY_LOGIN", default=DEBUG):
    DATABASES["replay"] = login("ledger_replay")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "registry.User"
# allauth's own backend would tell an inactive person that the password was right.
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, object]] = [
    {
        "NAME": f"{VALIDATION}.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("name", "email")},
    },
    {"NAME": f"{VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{VALIDATION}.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "portal.sign_in.Adapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Strata: "
# The page names the longer of the two waits: portal.sign_in.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key", "verify": "30/m/ip"}
PASSWORD_RESET_TIMEOUT = 3600

# Whoever decides needs a second factor, and gives a code with each decision.
REQUIRE_MFA = flag("REQUIRE_MFA", default=True)
# What second factors are encrypted with: the first encrypts, all of them decrypt.
FACTOR_KEYS = [key for key in env("FACTOR_KEYS", SECRET_KEY).split(",") if key]
MFA_ADAPTER = "portal.sign_in.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "portal.forms.factors.Verify",
    "authenticate_webauthn": "portal.forms.factors.VerifyPasskey",
}
MFA_TOTP_ISSUER = "Strata"
# A clock may be half a minute off; a code is still taken once only.
MFA_TOTP_TOLERANCE = 1

# Sign-in through an organisation's own provider: for people who are registered, and nobody else.
OIDC_ISSUER = env("OIDC_ISSUER").rstrip("/")
OIDC_LABEL = env("OIDC_LABEL", "your organisation's sign-in")
SOCIALACCOUNT_ADAPTER = "portal.sign_in.ProviderAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS: dict[str, dict[str, object]] = {}
if OIDC_ISSUER:
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "oidc",
                "name": OIDC_LABEL,
                "client_id": env("OIDC_CLIENT_ID"),
                "secret": env("OIDC_CLIENT_SECRET"),
                "settings": {"server_url": OIDC_ISSUER},
            }
        ],
    }

CACHES = {
    "default": {
        # The sign-in rate limits must hold across processes.
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "registry_cache",
        # The default of 300 could be flooded with failed attempts until the limits are forgotten.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
# Decides what "the end of 31 May" means on a page; the ledger itself only knows instants.
REGISTRY_TIME_ZONE = env("TIME_ZONE", "UTC")
# Within so many working days the registry says that it decides.
REGISTRY_DECISION_DAYS = int(env("DECISION_DAYS", "2"))

# One reconciliation is due in so many hours; a missed one is an alarm of its own.
RECONCILE_EVERY_HOURS = int(env("RECONCILE_EVERY_HOURS", "24"))

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / ".local" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if flag("MANIFEST", default=not DEBUG)
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}

# Outside of what is served: a file is read by a view that looks at who asks.
EVIDENCE_DIR = env("EVIDENCE_DIR", str(BASE_DIR / ".local" / "evidence"))
# What the adapters of a replay write down.
REPLAY_DIR = env("REPLAY_DIR", str(BASE_DIR / ".local" / "replay"))
EVIDENCE_MAX_BYTES = 10 * 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "portal.uploads.Bounded",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

EMAIL_BACKEND = env("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = env("EMAIL_HOST", "localhost")
EMAIL_PORT = int(env("EMAIL_PORT", "25"))
EMAIL_HOST_USER = env("EMAIL_USER")
EMAIL_HOST_PASSWORD = env("EMAIL_PASSWORD")
EMAIL_USE_TLS = flag("EMAIL_TLS")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env("EMAIL_FROM", "Strata <no-reply@localhost>")


SESSION_ENGINE = "portal.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = BEHIND_HTTPS
# What asks whether the process is alive may ask without TLS: it learns nothing.
SECURE_REDIRECT_EXEMPT = [r"^health/"]
CSRF_FAILURE_VIEW = "portal.views.errors.csrf_failure"
# Only where a proxy of ours ends TLS, sets these headers and drops the client's own.
BEHIND_PROXY = flag("BEHIND_PROXY")
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # Otherwise all visitors would share the limits of the proxy's address.
    ALLAUTH_TRUSTED_PROXY_COUNT = 1
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# The portal uses none of these; a script that got in could not either.
PERMISSIONS_POLICY: dict[str, list[str]] = {
    name: [] for name in ("camera", "geolocation", "microphone", "payment", "usb")
}
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF],
        "style-src": [SELF],
        "script-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        # A form that leads to the provider is redirected there, which browsers count as its action.
        "form-action": [SELF, *([OIDC_ISSUER] if OIDC_ISSUER else [])],
        "frame-ancestors": [NONE],
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        "json": {"()": "registry.logs.Json"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line" if DEBUG else "json"}
    },
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", "INFO")},
    # Statements carry what people typed.
    "loggers": {"django.db.backends": {"level": "INFO"}},
}
