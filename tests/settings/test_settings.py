"""What the environment says."""

import re
from pathlib import Path

import pytest

from app.main import netbox_settings
from app.settings import Settings, SettingsWrong, is_loopback, unknown_variables, variable

ENOUGH = {
    "NETBOX_URL": "https://netbox.example.com",
    "NETBOX_API_TOKEN": "canary-netbox",
    "BERTH_TOKEN": "canary",
    "BERTH_PEPPER": "a pepper of more than 32 characters",
}
WHO_CALLS = "set BERTH_TOKEN, BERTH_TOKEN_FILE or a policy with clients"
MAKE_ONE = "make one with: openssl rand -hex 32"


def problems(**changes: str) -> list[str]:
    """What is wrong with an environment that would be enough but for the changes."""
    with pytest.raises(SettingsWrong) as wrong:
        Settings.read({**ENOUGH, **changes})
    assert str(wrong.value) == "\n".join(wrong.value.problems)
    return list(wrong.value.problems)


def test_three_variables_suffice() -> None:
    """Everything else has a default that works on one machine."""
    settings = Settings.read(ENOUGH)
    assert (settings.host, settings.port, settings.owner) == ("127.0.0.1", 8000, "default")
    assert settings.database == "sqlite:///var/berth.db"
    assert (settings.request_seconds, settings.netbox_call_seconds, settings.drain_seconds) == (20, 15, 25)
    assert settings.policy_file is None


def test_an_empty_environment_is_told_all_that_is_missing() -> None:
    """At once, by variable."""
    with pytest.raises(SettingsWrong) as wrong:
        Settings.read({})
    assert wrong.value.problems == (
        "NETBOX_URL is not set: NetBox's address, such as `https://netbox.example.com`.",
        "NETBOX_API_TOKEN_FILE: set either NETBOX_API_TOKEN or NETBOX_API_TOKEN_FILE",
        f"BERTH_POLICY_FILE: nobody could call Berth: {WHO_CALLS}",
    )


@pytest.mark.parametrize(
    ("flights", "slots", "expected"), [("1", "1", 1), ("3", "1", 3), ("2", "4", 4), ("1", "2", 2)]
)
def test_every_flight_has_a_slot(flights: str, slots: str, expected: int) -> None:
    """Two lists at a time need two of the calls that take NetBox's lock, else the second one only waits."""
    settings = Settings.read({**ENOUGH, "BERTH_BATCH_FLIGHTS": flights, "BERTH_NETBOX_LOCK_SLOTS": slots})
    assert netbox_settings(settings).lock_slots == expected


def test_every_field_is_set_by_its_variable() -> None:
    """BERTH_ and the field's name, but for NetBox's own variables."""
    settings = Settings.read(
        {
            **ENOUGH,
            "BERTH_PORT": "9000",
            "BERTH_DATABASE_URL": "sqlite:////data/ledger.db",
            "BERTH_LOG_LEVEL": "WARNING",
            "BERTH_LOG_FORMAT": "Text",
            "BERTH_NETBOX_VERIFY": "false",
            "BERTH_METRICS_PORT": "9100",
            "BERTH_DISK_GB_IN_MB": "1024",
            "BERTH_NETBOX_PUBLIC_URL": "https://ipam.example.com/",
        }
    )
    assert (settings.port, settings.metrics_port, settings.netbox_verify) == (9000, 9100, False)
    assert (settings.log_level, settings.log_format) == ("warning", "text")
    assert settings.database == "sqlite:////data/ledger.db"
    assert (settings.netbox_public_url, settings.disk_gb_in_mb) == ("https://ipam.example.com", 1024)


def test_the_database_lies_in_the_state_folder() -> None:
    """Unless another one is named."""
    assert Settings.read({**ENOUGH, "BERTH_STATE_DIR": "/data"}).database == "sqlite:////data/berth.db"


def test_an_empty_variable_counts_as_not_set() -> None:
    """As compose files leave them."""
    assert Settings.read({**ENOUGH, "BERTH_PORT": "", "BERTH_METRICS_PORT": ""}).port == 8000


def test_the_process_environment_is_not_looked_at() -> None:
    """Only what is passed in counts."""
    assert [line for line in problems(NETBOX_URL="") if "NETBOX_URL" in line]


def test_other_variables_are_nobodys_business() -> None:
    """They are neither read nor refused."""
    assert "canary-else" not in repr(Settings.read({**ENOUGH, "PATH": "canary-else", "owner": "canary-else"}))


WRONG: list[tuple[str, str, str]] = [
    ("NETBOX_URL", "netbox", "this is no address such as https://netbox.example.com"),  # no scheme
    ("NETBOX_URL", "ftp://netbox", "this is no address such as https://netbox.example.com"),  # no web
    ("NETBOX_URL", "https://", "this is no address such as https://netbox.example.com"),  # no host
    ("NETBOX_URL", "https://n/?q=1", "this is no address such as https://netbox.example.com"),  # a query
    ("NETBOX_URL", "https://u:p@n", "leave user and password out of the address"),  # would be logged
    ("BERTH_PORT", "http", "write a whole number"),  # a word
    ("BERTH_PORT", "0", "Input should be greater than or equal to 1"),  # no port
    ("BERTH_REQUEST_SECONDS", "soon", "write a number"),  # a word
    ("BERTH_REQUEST_SECONDS", "0", "Input should be greater than 0"),  # no time
    ("BERTH_NETBOX_VERIFY", "perhaps", "write true or false"),  # neither
    ("BERTH_LOG_FORMAT", "xml", "Input should be 'json' or 'text'"),  # neither
    ("BERTH_DISK_GB_IN_MB", "1023", "Input should be 1000 or 1024"),  # neither
    ("BERTH_DISK_GB_IN_MB", "1k", "Input should be 1000 or 1024"),  # no number
    ("BERTH_OWNER", "me and you", "write letters, digits, dots, hyphens and underscores, at most 64"),
    ("BERTH_PEPPER_FILE", "/pepper", "set either BERTH_PEPPER or BERTH_PEPPER_FILE, not both"),
    ("BERTH_TRUSTED_PROXIES", "10.0.0.1/8",
     "10.0.0.1/8 has host bits set; write addresses or CIDRs such as 10.0.0.0/8"),
    ("BERTH_TRUSTED_PROXIES", "10.0.0.1, *",
     "'*' does not appear to be an IPv4 or IPv6 network; write addresses or CIDRs such as 10.0.0.0/8"),
    ("BERTH_FAILED_LOGINS", "-1", "Input should be greater than or equal to 0"),
    ("BERTH_NETBOX_CALL_SECONDS", "20",
     "a call to NetBox has to end before the request does (BERTH_REQUEST_SECONDS)"),
    ("BERTH_HOST", "0.0.0.0",
     f"BERTH_TOKEN is shorter than 16 characters, which is for loopback only; {MAKE_ONE}"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "problem"), WRONG)
def test_a_wrong_variable_is_named_with_what_to_write(name: str, value: str, problem: str) -> None:
    """And its value is not repeated, since it may be a secret in the wrong place."""
    assert problems(**{name: value}) == [f"{name}: {problem}"]


@pytest.mark.parametrize("environ", [{}, {"BERTH_PORT": "9100"}], ids=["the default", "as set"])
def test_metrics_have_no_port_of_their_own_that_is_the_apis(environ: dict[str, str]) -> None:
    """One of the two could not listen."""
    port = environ.get("BERTH_PORT", "8000")
    wrong = "this is BERTH_PORT; take another one, or leave it out to have /metrics there"
    assert problems(**environ, BERTH_METRICS_PORT=port) == [f"BERTH_METRICS_PORT: {wrong}"]


def test_all_wrong_variables_are_told_at_once() -> None:
    """Also those that are only wrong together."""
    told = problems(
        NETBOX_URL="http://netbox.example.com", BERTH_PORT="x", BERTH_HOST="::", BERTH_NETBOX_VERIFY="x"
    )
    assert [line.partition(":")[0] for line in told] == [
        "BERTH_HOST",
        "BERTH_PORT",
        "BERTH_NETBOX_ALLOW_HTTP",
        "BERTH_NETBOX_VERIFY",
    ]


HTTP = [
    ("http://netbox.example.com", "", False),  # the token could be read on the way
    ("http://netbox.example.com", "true", True),  # unless somebody says that this is all right
    ("http://127.0.0.1:8001", "", True),  # nobody is on the way to loopback
    ("http://[::1]:8001", "", True),  # of either family
    ("http://localhost:8001", "", True),  # by name, too
    ("https://netbox.example.com", "", True),  # TLS is always all right
]


@pytest.mark.parametrize(("url", "allow", "good"), HTTP)
def test_plain_http_is_for_loopback(url: str, allow: str, good: bool) -> None:
    """Beyond it, it has to be allowed."""
    environ = {"NETBOX_URL": url, "BERTH_NETBOX_ALLOW_HTTP": allow}
    if good:
        assert Settings.read({**ENOUGH, **environ}).netbox_url == url
    else:
        assert len(problems(**environ)) == 1


def test_a_long_token_may_be_used_beyond_loopback() -> None:
    """Sixteen characters are enough."""
    assert Settings.read({**ENOUGH, "BERTH_TOKEN": "x" * 16, "BERTH_HOST": "::"}).host == "::"


@pytest.mark.parametrize("extra", [{"NETBOX_API_TOKEN_FILE": "/token"}, {"BERTH_TOKEN_FILE": "/token"}])
def test_a_token_comes_from_one_place(extra: dict[str, str]) -> None:
    """Two places would sooner or later hold two tokens."""
    assert len(problems(**extra)) == 1


INFISICAL = {
    "NETBOX_API_TOKEN": "",
    "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID": "id",
    "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET": "canary",
    "INFISICAL_PROJECT_ID": "project",
}


def test_infisical_stands_in_for_the_token() -> None:
    """With its own standard variables; the rest has defaults."""
    settings = Settings.read({**ENOUGH, **INFISICAL})
    assert (settings.infisical_api_url, settings.infisical_environment) == (
        "https://app.infisical.com",
        "prod",
    )
    assert (settings.infisical_path, settings.infisical_secrets) == ("/", "NETBOX_API_TOKEN")
    assert Settings.towards_netbox({**ENOUGH, **INFISICAL, "BERTH_TOKEN": ""}).netbox_api_token is None


INCOMPLETE = [
    {"INFISICAL_PROJECT_ID": ""},
    {"INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET": ""},
    {"INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET_FILE": "/file"},
]


@pytest.mark.parametrize("change", INCOMPLETE)
def test_what_infisical_needs_besides_is_asked_for_where_it_is_used(change: dict[str, str]) -> None:
    """And not where the token is set anyhow."""
    [problem] = problems(**{**INFISICAL, **change})
    assert problem.startswith(
        "NETBOX_API_TOKEN_FILE: to read it from Infisical, set INFISICAL_PROJECT_ID and"
    )
    Settings.read({**ENOUGH, **INFISICAL, **change, "NETBOX_API_TOKEN": "canary-netbox"})


INFISICAL_WRONG = [
    ("INFISICAL_API_URL", "http://infisical.example.com",
     "this is plain http, so secrets can be read on the way: use https"),
    ("INFISICAL_API_URL", "infisical", "this is no address such as https://app.infisical.com"),
    ("INFISICAL_API_URL", "https://u:p@infisical", "this is no address such as https://app.infisical.com"),
    ("BERTH_INFISICAL_SECRETS", "NETBOX_API_TOKEN,PATH",
     "PATH cannot be read from Infisical; BERTH_TOKEN and NETBOX_API_TOKEN can"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "problem"), INFISICAL_WRONG)
def test_a_wrong_way_to_infisical_is_named(name: str, value: str, problem: str) -> None:
    """Loopback alone may be without TLS."""
    assert problems(**{name: value}) == [f"{name}: {problem}"]
    Settings.read({**ENOUGH, "INFISICAL_API_URL": "http://127.0.0.1:8080"})


def test_berths_own_token_may_be_in_infisical() -> None:
    """Where it is listed; else nobody could call."""
    nobody = {**ENOUGH, **INFISICAL, "BERTH_TOKEN": ""}
    Settings.read({**nobody, "BERTH_INFISICAL_SECRETS": "BERTH_TOKEN,NETBOX_API_TOKEN"})
    with pytest.raises(SettingsWrong, match="nobody could call Berth"):
        Settings.read(nobody)


@pytest.mark.parametrize("name", ["BERTH_TOKEN_FILE", "BERTH_POLICY_FILE"])
def test_callers_can_come_from_files(name: str) -> None:
    """A token file, or a policy with clients."""
    environ = {**ENOUGH, "BERTH_TOKEN": "", name: "/some/file"}
    settings = Settings.read(environ)
    assert Path("/some/file") in (settings.token_file, settings.policy_file)


@pytest.mark.parametrize("url", ["mysql://canary@host/berth", "canary", "postgresql+asyncpg://canary@host/x"])
def test_a_database_of_another_kind_is_refused(url: str) -> None:
    """With what to write instead, and without repeating what may hold a password."""
    [problem] = problems(BERTH_DATABASE_URL=url)
    assert "postgresql://user:password@host/database" in problem
    assert "canary" not in problem


def test_secrets_are_not_shown() -> None:
    """Neither in a repr nor in a problem."""
    secret = {
        "BERTH_DATABASE_URL": "postgresql://berth:canary-database@localhost/berth",
        "BERTH_NETBOX_PROXY": "canary-proxy",
    }
    assert "canary" not in repr(Settings.read({**ENOUGH, **secret}))
    assert "canary" not in " ".join(problems(BERTH_PORT="canary", BERTH_HOST="0.0.0.0"))


def test_settings_are_frozen() -> None:
    """They are read once."""
    with pytest.raises(ValueError, match="frozen"):
        Settings.read(ENOUGH).port = 1  # type: ignore[misc]


def test_a_command_towards_netbox_needs_no_callers() -> None:
    """And may bring a token of its own, which wins."""
    environ = {"NETBOX_URL": "https://netbox.example.com", "NETBOX_API_TOKEN_FILE": "/token"}
    assert Settings.towards_netbox(environ).netbox_api_token_file == Path("/token")
    settings = Settings.towards_netbox({**environ, "BERTH_TOKEN_FILE": "/mine"}, "admin")
    assert settings.netbox_api_token is not None
    assert settings.netbox_api_token.get_secret_value() == "admin"
    assert settings.netbox_api_token_file is None


def test_what_kubernetes_puts_beside_a_service_is_ignored() -> None:
    """A Service called berth sets BERTH_PORT=tcp://… in every container."""
    kubernetes = {
        "BERTH_PORT": "tcp://10.0.0.1:8000",
        "BERTH_PORT_8000_TCP_ADDR": "10.0.0.1",
        "BERTH_SERVICE_HOST": "10.0.0.1",
    }
    assert Settings.read({**ENOUGH, **kubernetes}).port == 8000
    assert unknown_variables(kubernetes) == []


def test_a_misspelt_variable_is_noticed() -> None:
    """With the one that was probably meant."""
    assert unknown_variables({**ENOUGH, "BERTH_PROT": "1", "BERTH_ZZZZZZZZ": "", "HOME": "/"}) == [
        "BERTH_PROT is no setting of Berth; did you mean BERTH_PORT?",
        "BERTH_ZZZZZZZZ is no setting of Berth",
    ]


def test_a_variable_of_the_commands_is_no_misspelt_setting() -> None:
    """It says where a Berth is, for whoever calls one."""
    assert unknown_variables({**ENOUGH, "BERTH_URL": "https://berth.example.com"}) == []


def test_loopback_is_known_by_address_and_by_name() -> None:
    """Other names are not resolved."""
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "netbox", "10.0.0.1", ""))


def test_the_variables_of_fields() -> None:
    """NetBox's address and token keep the names that people know."""
    assert variable("netbox_url") == "NETBOX_URL"
    assert variable("netbox_api_token_file") == "NETBOX_API_TOKEN_FILE"
    assert variable("netbox_verify") == "BERTH_NETBOX_VERIFY"
    assert variable("port") == "BERTH_PORT"


def test_every_setting_is_heard() -> None:
    """A setting that nobody reads would be a promise that nobody keeps."""
    app = Path(__file__).parents[2] / "app"
    code = "".join(path.read_text(encoding="utf-8") for path in app.rglob("*.py"))
    read = {*re.findall(r"\bsettings\.([a-z_]+)", code), *re.findall(r"\bself\.([a-z_]+)", code)}
    assert {name for name in Settings.model_fields if name not in read} == set()


def test_the_docs_describe_every_setting() -> None:
    """A line for each, with its default and its description as they are in the code."""
    page = (Path(__file__).parents[2] / "docs/reference/settings.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else _shown(field.default)
        assert f"| `{variable(name)}` | {default} | {field.description} |" in page, variable(name)


def _shown(default: object) -> str:
    if default in (None, "", ()):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_a_pepper_has_to_be_long() -> None:
    """Else whoever has the database could try peppers out."""
    [problem] = problems(BERTH_PEPPER="short")
    assert problem == (f"BERTH_PEPPER_FILE: BERTH_PEPPER is shorter than 32 characters; {MAKE_ONE}")


def test_proxies_are_addresses_and_networks() -> None:
    """With commas between them."""
    settings = Settings.read({**ENOUGH, "BERTH_TRUSTED_PROXIES": "10.0.0.1, 2001:db8::/32"})
    assert settings.trusted_proxies == ("10.0.0.1", "2001:db8::/32")
    assert Settings.read(ENOUGH).trusted_proxies == ()
