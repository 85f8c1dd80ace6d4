"""What the environment says: read once, checked whole, frozen.

A field's variable is its name in capitals with `BERTH_` before it; NetBox's address and token, and what leads
to Infisical, keep the names that people know. An empty variable counts as one that is not set.
"""

import ipaddress
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

_KUBERNETES = re.compile(r"BERTH_(SERVICE|PORT)_|BERTH_PORT=tcp://")
"""What Kubernetes puts into every container beside a Service called `berth`; nobody set these."""
_OF_COMMANDS = ("BERTH_URL",)
"""What no process of Berth's reads, but the commands that call one."""
_AS_THEY_ARE = frozenset(
    {
        "netbox_url",
        "netbox_api_token",
        "netbox_api_token_file",
        "infisical_universal_auth_client_id",
        "infisical_universal_auth_client_secret",
        "infisical_universal_auth_client_secret_file",
        "infisical_api_url",
        "infisical_project_id",
        "infisical_environment",
        "infisical_path",
    }
)
OF_INFISICAL = frozenset({"NETBOX_API_TOKEN", "BERTH_TOKEN"})
"""What Infisical may be asked for, by the names of the variables that it replaces."""
_SHORTEST_TOKEN = 16
_SHORTEST_SECRET = 32
_ORIGIN = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?")
_SHORTEST_PEPPER = 32
DATABASES = ("sqlite", "postgresql", "postgres", "postgresql+psycopg")
"""How the URL of a database that Berth works with begins."""
_WORDS = {
    "int_parsing": "write a whole number",
    "float_parsing": "write a number",
    "bool_parsing": "write true or false",
    "string_pattern_mismatch": "write letters, digits, dots, hyphens and underscores, at most 64",
}


class SettingsWrong(Exception):
    """The environment does not describe a way to run. `problems` has one sentence a variable."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


def variable(field: str) -> str:
    """The environment variable of a field."""
    return field.upper() if field in _AS_THEY_ARE else f"BERTH_{field.upper()}"


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = tuple(part.strip() for part in value.split(","))
    for part in parts:
        try:
            ipaddress.ip_network(part)
        except ValueError as error:
            raise ValueError(f"{error}; write addresses or CIDRs such as 10.0.0.0/8") from None
    return parts


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


Seconds: TypeAlias = Annotated[float, Field(gt=0, le=3600)]
Count: TypeAlias = Annotated[int, Field(ge=1, le=100_000)]
DiskUnit: TypeAlias = Annotated[Literal[1000, 1024], BeforeValidator(_number)]
Port: TypeAlias = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """Everything that can be set from outside, but for the policy."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=variable,
        hide_input_in_errors=True,
        validate_default=True,
    )

    infisical_universal_auth_client_id: str = Field(
        "",
        description="The machine identity that reads secrets from Infisical; without it none does.",
    )
    infisical_universal_auth_client_secret: SecretStr | None = Field(None, description="Its client secret.")
    infisical_universal_auth_client_secret_file: Path | None = Field(
        None, description="A file with that secret instead; read again with each reading of a secret."
    )
    infisical_api_url: str = Field("https://app.infisical.com", description="Infisical's address.")
    infisical_project_id: str = Field("", description="The id of the project that the secrets are in.")
    infisical_environment: str = Field("prod", description="The slug of its environment.")
    infisical_path: str = Field("/", description="The folder, such as `/matrix`.")
    infisical_secrets: str = Field(
        "NETBOX_API_TOKEN",
        description="Which of `NETBOX_API_TOKEN` and `BERTH_TOKEN` are read there, with a comma between; "
        "where the variable or its file is set, that is taken.",
    )
    infisical_seconds: Seconds = Field(10, description="How long a reading may take.")

    netbox_url: str = Field(description="NetBox's address, such as `https://netbox.example.com`.")
    netbox_api_token: SecretStr | None = Field(
        None, description="The API token that Berth uses towards NetBox."
    )
    netbox_api_token_file: Path | None = Field(
        None,
        description="A file with that token instead; read again on a schedule, on SIGHUP and when refused.",
    )
    token: SecretStr | None = Field(
        None,
        description="A token for Berth's own API that may do everything; "
        "16 characters or more unless Berth listens on loopback only.",
    )
    token_file: Path | None = Field(
        None, description="A file with that token instead; read again on a schedule and on SIGHUP."
    )
    secrets_seconds: Seconds = Field(
        300, description="How often secrets in files and in Infisical are read again."
    )
    owner: str = Field(
        "default",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="The owner that allocations made with that token belong to.",
    )
    pepper: SecretStr | None = Field(
        None,
        description="A secret of 32 characters or more under which API keys are kept; on SQLite Berth makes "
        "one, the file `pepper` in `BERTH_STATE_DIR`.",
    )
    pepper_file: Path | None = Field(None, description="A file with that secret instead; read at start.")
    policy_file: Path | None = Field(
        None, description="The policy: names, gateways, clients. Without one, names are RFC 1123 host names."
    )

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: Port = Field(8000, description="The port to listen on.")
    public_url: str = Field(
        "",
        description="Where people reach Berth, such as `https://berth.example.com`; with https, the pages' "
        "cookie is kept to it.",
    )
    session_secret: SecretStr | None = Field(
        None,
        description="A secret of 32 characters or more that the pages' sessions are encrypted with; replicas "
        "need the same. Without one, everybody signs in again after a restart.",
    )
    session_secret_file: Path | None = Field(
        None, description="A file with that secret instead; read at start."
    )
    session_seconds: Annotated[float, Field(ge=60, le=7 * 86400)] = Field(
        28800, description="How long a session of the pages lasts."
    )
    cors_origins: str = Field(
        "",
        description="Origins whose scripts may call the API from a browser, between commas, such as "
        "`https://portal.example.com`; none by default. Credentials that a browser keeps never count.",
    )
    trusted_proxies: Annotated[tuple[str, ...], BeforeValidator(_networks)] = Field(
        (),
        description="Addresses or CIDRs of proxies, with commas between them, whose `X-Forwarded-For` and "
        "`X-Forwarded-Proto` are believed; nobody's by default.",
    )
    tls_cert_file: Path | None = Field(
        None, description="A PEM file with Berth's certificate and its chain: Berth then speaks HTTPS alone."
    )
    tls_key_file: Path | None = Field(
        None, description="A PEM file with its private key; both files are read again on SIGHUP."
    )
    allow_http: bool = Field(
        default=False,
        description="Whether tokens may come over plain HTTP from beyond loopback, where they can be read.",
    )
    metrics_port: Port | None = Field(
        None, description="A port of its own for `/metrics`; without it, `/metrics` is on the port above."
    )
    state_dir: Path = Field(Path("var"), description="The folder of the database, if no other is named.")
    database_url: SecretStr | None = Field(
        None,
        description="The database: `postgresql://user@host/berth` for several processes, or "
        "`sqlite:///file`; by default SQLite, `berth.db` in the folder above.",
    )
    log_format: Annotated[Literal["json", "text"], BeforeValidator(_lower)] = Field(
        "json", description="`json`: a line each; `text`: for a terminal."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        "info", description="The least important messages to show; the audit is always written."
    )

    request_seconds: Seconds = Field(20, description="How long a request may take before it is answered 503.")
    drain_seconds: Seconds = Field(25, description="How long requests may go on after SIGTERM.")
    failed_logins: Annotated[int, Field(ge=0, le=100_000)] = Field(
        20, description="How many wrong tokens an address may send in a minute; 0: any number."
    )
    batch_cap: Annotated[int, Field(ge=1, le=1000)] = Field(
        50, description="How many addresses one call to NetBox may ask for."
    )
    batch_flights: Annotated[int, Field(ge=1, le=8)] = Field(
        1, description="How many such calls may be under way at once (NetBox serves them one by one)."
    )
    batch_queue: Count = Field(
        1000, description="How many allocations may wait; beyond, requests are answered 503."
    )
    disk_gb_in_mb: DiskUnit = Field(
        1000, description="How many MB a GB of a virtual machine's disk has: 1000, as NetBox counts, or 1024."
    )
    reconcile_seconds: Seconds = Field(30, description="How often what is in doubt is looked up in NetBox.")
    doubt_seconds: Seconds = Field(
        180, description="After how long what is in doubt and not in NetBox counts as failed."
    )
    usage_seconds: Seconds = Field(
        300, description="How often the metrics look up how full the prefixes are that were used lately."
    )
    audit_seconds: Seconds = Field(
        3600, description="How often the audit log is verified, in a process of its own."
    )

    netbox_public_url: str = Field(
        "", description="What links to NetBox start with, if people reach it at another address than Berth."
    )
    netbox_allow_http: bool = Field(
        default=False,
        description="Whether NetBox may be beyond loopback without TLS: its token is then readable.",
    )
    netbox_verify: bool = Field(default=True, description="Whether the certificate of NetBox is checked.")
    netbox_ca_file: Path | None = Field(
        None, description="PEM certificates to check it against instead of the public ones."
    )
    netbox_proxy: SecretStr | None = Field(
        None, description="An HTTP proxy on the way to NetBox; `HTTPS_PROXY` and the like are not looked at."
    )
    netbox_connect_seconds: Seconds = Field(3, description="How long NetBox may take to accept a connection.")
    netbox_call_seconds: Seconds = Field(15, description="How long a call to NetBox may take.")
    netbox_cache_seconds: Annotated[float, Field(ge=0, le=3600)] = Field(
        30, description="How long prefixes, VRFs, tags and tenants are remembered."
    )
    netbox_lock_slots: Annotated[int, Field(ge=1, le=8)] = Field(
        1,
        description="Calls at once of those that take NetBox's lock: creating, changing, deleting addresses; "
        "never fewer than `BERTH_BATCH_FLIGHTS`.",
    )
    netbox_write_slots: Annotated[int, Field(ge=1, le=32)] = Field(2, description="Other writes at once.")
    netbox_read_slots: Annotated[int, Field(ge=1, le=64)] = Field(4, description="Reads at once.")
    netbox_queue: Count = Field(200, description="How many calls may wait for each of these.")
    netbox_attempts: Annotated[int, Field(ge=1, le=5)] = Field(
        3, description="How often a call that did not reach NetBox is tried, the first time included."
    )
    netbox_retry_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.2, description="The share of the calls that retries may come to."
    )
    netbox_breaker_failures: Annotated[int, Field(ge=1, le=1000)] = Field(
        5, description="After so many failures in a row NetBox is left alone."
    )
    netbox_breaker_seconds: Seconds = Field(10, description="For how long; then one call is let through.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What `read` was given, and nothing beside it."""
        return (init_settings,)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings that an environment describes.

        Raises:
            SettingsWrong: with every variable that is missing or wrong.
        """
        values = {name: value for name, value in environ.items() if value and not _is_kubernetes(name, value)}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise SettingsWrong([_in_words(each) for each in error.errors(include_url=False)]) from None

    @classmethod
    def towards_netbox(cls, environ: Mapping[str, str], token: str | None = None) -> "Settings":
        """The settings for a command that only speaks to NetBox: nobody calls it, so it needs no BERTH_TOKEN.

        Args:
            environ: the environment.
            token: a token for NetBox that is used instead of the environment's.

        Raises:
            SettingsWrong: as `read`.
        """
        own = {"NETBOX_API_TOKEN": token, "NETBOX_API_TOKEN_FILE": ""} if token is not None else {}
        nobody = {"BERTH_TOKEN": token_hex(), "BERTH_TOKEN_FILE": ""}
        return cls.read({**environ, **nobody, **own})

    @property
    def database(self) -> str:
        """The database as an SQLAlchemy URL; may hold a password."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.state_dir / 'berth.db'}"

    @field_validator("database_url")
    @classmethod
    def _is_known_database(cls, url: SecretStr | None) -> SecretStr | None:
        scheme = url.get_secret_value().partition(":")[0] if url else "sqlite"
        if scheme not in DATABASES:
            raise ValueError("write postgresql://user:password@host/database, or sqlite:///file")
        return url

    # Each check stands at the last field it looks at: those before are in `info.data`, if they are right.

    @field_validator("netbox_url", "netbox_public_url", "public_url")
    @classmethod
    def _address(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (
            parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment
        ):
            raise ValueError("this is no address such as https://netbox.example.com")
        if parts.username or parts.password:
            raise ValueError("leave user and password out of the address")
        return url.rstrip("/")

    @field_validator("infisical_api_url")
    @classmethod
    def _is_infisical(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ValueError("this is plain http, so secrets can be read on the way: use https")
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("this is no address such as https://app.infisical.com")
        return url

    @field_validator("infisical_secrets")
    @classmethod
    def _are_secrets(cls, names: str) -> str:
        if strange := sorted(listed(names) - OF_INFISICAL):
            known = " and ".join(sorted(OF_INFISICAL))
            raise ValueError(f"{', '.join(strange)} cannot be read from Infisical; {known} can")
        return names

    @field_validator("netbox_api_token_file")
    @classmethod
    def _has_netbox_token(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        token = info.data.get("netbox_api_token")
        if path is not None and token is not None:
            raise ValueError("set either NETBOX_API_TOKEN or NETBOX_API_TOKEN_FILE")
        if path is None and token is None and not _is_in_infisical("NETBOX_API_TOKEN", info):
            raise ValueError("set either NETBOX_API_TOKEN or NETBOX_API_TOKEN_FILE")
        return path

    @field_validator("pepper_file")
    @classmethod
    def _has_one_pepper(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        pepper: SecretStr | None = info.data.get("pepper")
        if pepper is not None and path is not None:
            raise ValueError("set either BERTH_PEPPER or BERTH_PEPPER_FILE, not both")
        if pepper is not None and len(pepper.get_secret_value()) < _SHORTEST_PEPPER:
            raise ValueError(
                f"BERTH_PEPPER is shorter than {_SHORTEST_PEPPER} characters; "
                "make one with: openssl rand -hex 32"
            )
        return path

    @field_validator("policy_file")
    @classmethod
    def _has_callers(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        token, file = info.data.get("token"), info.data.get("token_file")
        if token is not None and file is not None:
            raise ValueError("set either BERTH_TOKEN or BERTH_TOKEN_FILE, not both")
        known = token is not None or file is not None or _is_in_infisical("BERTH_TOKEN", info)
        if path is None and not known:
            raise ValueError(
                "nobody could call Berth: set BERTH_TOKEN, BERTH_TOKEN_FILE or a policy with clients"
            )
        return path

    @field_validator("session_secret")
    @classmethod
    def _is_long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < _SHORTEST_SECRET:
            raise ValueError(
                f"shorter than {_SHORTEST_SECRET} characters; make one with: openssl rand -hex 32"
            )
        return secret

    @field_validator("session_secret_file")
    @classmethod
    def _is_the_only_one(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path is not None and info.data.get("session_secret") is not None:
            raise ValueError("set either BERTH_SESSION_SECRET or BERTH_SESSION_SECRET_FILE, not both")
        return path

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, text: str) -> str:
        for origin in listed(text):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    "an origin is scheme, host and port and nothing else, such as https://portal.example.com"
                )
        return text

    @field_validator("host")
    @classmethod
    def _has_strong_token(cls, host: str, info: ValidationInfo) -> str:
        token: SecretStr | None = info.data.get("token")
        if token is not None and len(token.get_secret_value()) < _SHORTEST_TOKEN and not is_loopback(host):
            raise ValueError(
                f"BERTH_TOKEN is shorter than {_SHORTEST_TOKEN} characters, which is for loopback only; "
                "make one with: openssl rand -hex 32"
            )
        return host

    @field_validator("tls_key_file")
    @classmethod
    def _is_a_pair(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if (key is None) != (info.data.get("tls_cert_file") is None):
            raise ValueError("set both BERTH_TLS_CERT_FILE and BERTH_TLS_KEY_FILE, or neither")
        return key

    @field_validator("metrics_port")
    @classmethod
    def _has_its_own_port(cls, port: int | None, info: ValidationInfo) -> int | None:
        if port is not None and port == info.data.get("port"):
            raise ValueError("this is BERTH_PORT; take another one, or leave it out to have /metrics there")
        return port

    @field_validator("netbox_allow_http")
    @classmethod
    def _is_encrypted(cls, allowed: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - the field's value
        parts = urlsplit(info.data.get("netbox_url", ""))
        if parts.scheme == "http" and not allowed and not is_loopback(parts.hostname or ""):
            raise ValueError(
                "NETBOX_URL is plain http, so its token can be read on the way: use https or set this to true"
            )
        return allowed

    @field_validator("netbox_call_seconds")
    @classmethod
    def _ends_in_time(cls, seconds: float, info: ValidationInfo) -> float:
        if seconds >= info.data.get("request_seconds", seconds + 1):
            raise ValueError("a call to NetBox has to end before the request does (BERTH_REQUEST_SECONDS)")
        return seconds


def _is_in_infisical(name: str, info: ValidationInfo) -> bool:
    """Whether a secret that is nowhere else is read from Infisical.

    Raises:
        ValueError: it is, and not all is said that this takes.
    """
    data = info.data
    if not data.get("infisical_universal_auth_client_id") or name not in listed(
        data.get("infisical_secrets", "")
    ):
        return False
    secret, file = (data.get(f"infisical_universal_auth_client_secret{end}") for end in ("", "_file"))
    if (secret is None) == (file is None) or not data.get("infisical_project_id"):
        raise ValueError(
            "to read it from Infisical, set INFISICAL_PROJECT_ID and either "
            "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET or INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET_FILE"
        )
    return True


def listed(names: str) -> frozenset[str]:
    """What is written with commas in between."""
    return frozenset(part.strip() for part in names.split(",") if part.strip())


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that looks like a setting and is none, such as a misspelt one."""
    known = [*_OF_COMMANDS, *(variable(field) for field in Settings.model_fields)]
    strange = [
        name
        for name, value in environ.items()
        if name.startswith("BERTH_") and name not in known and not _is_kubernetes(name, value)
    ]
    return [f"{name} is no setting of Berth{_hint(name, known)}" for name in sorted(strange)]


def _hint(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _is_kubernetes(name: str, value: str) -> bool:
    return _KUBERNETES.match(f"{name}={value}") is not None


def _in_words(error: ErrorDetails) -> str:
    """A sentence for what is wrong with one variable; the value is not repeated, it may be a secret."""
    place = str(error["loc"][0])
    field = next(each for each in Settings.model_fields if place in (each, variable(each)))
    if error["type"] == "missing":
        return f"{variable(field)} is not set: {Settings.model_fields[field].description}"
    message = _WORDS.get(error["type"], error["msg"].removeprefix("Value error, "))
    return f"{variable(field)}: {message}"
