"""A real PostgreSQL: a given server, or one of our own on loopback with fsync on."""

import os
import re
import shutil
import signal
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from slrt_local.parts.postgres_home import Home, choose_home, major, servers_in
from slrt_local.process import Command, PartError, Progress, end, run_tool
from slrt_local.state import State

URL_VARIABLE = "SLRT_POSTGRES_URL"
SERVICES = ("intake", "referral", "registry", "notification")
KEYED = ("intake", "referral", "registry")
"""Those that hold personal data: each has a keys database, ``slrt_<service>_keys``, beside its own."""
_SUPERUSER = "slrt_admin"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # loopback only; a socket path could be too long for deep folders
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    # Nothing spins any more. By the default of 4 a small table is walked through where an index is twice as quick.
    "random_page_cost": "1.1",
    "track_commit_timestamp": "on",  # by which `make bench` knows when something was applied
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class Postgres:
    """One server and the databases of the services in it.

    Each service gets a role and a database of the same name (``slrt_intake``…): it owns its own and may not
    connect to another; one that holds personal data gets a keys database, too. Passwords are generated into the state.
    """

    name = "postgres"

    def __init__(self, state: State, *, given: str | None = None) -> None:
        """``given`` is a superuser address ``postgresql://…``; None means ``SLRT_POSTGRES_URL``, else our own."""
        self._state = state
        self._given = given or os.environ.get(URL_VARIABLE) or None
        if self._given and not re.match(r"postgres(ql)?://[^/\s]+", self._given):
            raise PartError(f"{URL_VARIABLE} is not of the form postgresql://user:password@host:port/database")
        self._home: Home | None = None

    @property
    def is_external(self) -> bool:
        """True when the server was given and is not ours to start or stop."""
        return self._given is not None

    # -- addresses ------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The superuser's address."""
        if self._given:
            return self._given
        password = self._state.secret("postgres-superuser")
        return f"postgresql://{_SUPERUSER}:{password}@{self.address}/postgres"

    @property
    def address(self) -> str:
        """host:port, for people."""
        if self._given:
            return urlsplit(self._given).netloc.rpartition("@")[2]
        return f"127.0.0.1:{self._state.port('postgres')}"

    def service_url(self, service: str) -> str:
        """The address of a service's own database with its own role; raises `KeyError` for an unknown service."""
        if service not in SERVICES:
            raise KeyError(service)
        role = f"slrt_{service}"
        parts = urlsplit(self.url)
        netloc = f"{role}:{quote(self._password(service))}@{parts.netloc.rpartition('@')[2]}"
        return urlunsplit(("postgresql", netloc, f"/{role}", parts.query, ""))

    def keys_url(self, service: str) -> str:
        """The address of a service's keys database; raises `KeyError` for a service that has none."""
        if service not in KEYED:
            raise KeyError(service)
        return urlsplit(self.service_url(service))._replace(path=f"/slrt_{service}_keys").geturl()

    def _password(self, service: str) -> str:
        return self._state.secret(f"postgres-{service}")

    # -- life -----------------------------------------------------------------------------------------------

    def prepare(self, progress: Progress) -> None:
        """Choose binaries and make the data folder; end what a killed run left in it."""
        if self._given:
            progress(f"postgres: using the given server at {self.address}")
            return
        self._home = home = choose_home(self._state)
        progress(f"postgres: PostgreSQL {home.binaries.version} {home.binaries.source}")
        if not (home.data / "PG_VERSION").exists():
            progress("postgres: making the database folder")
            self._initdb(home)
        self._check_version(home)
        left = servers_in(home.data)
        if left:
            progress("postgres: ending the server that an earlier run left")
            end(left, graceful=False)
        (home.data / "postmaster.pid").unlink(missing_ok=True)  # nobody lives in the folder: see the line above

    def _initdb(self, home: Home) -> None:
        fresh = home.data.with_name("data.new")
        shutil.rmtree(fresh, ignore_errors=True)
        password = home.data.with_name("superuser-password")
        password.write_text(self._state.secret("postgres-superuser"))
        password.chmod(0o600)
        if home.user:
            os.chown(password, home.user.uid, home.user.gid)
        command = [str(home.binaries.folder / "initdb"), "-D", str(fresh), "-U", _SUPERUSER, f"--pwfile={password}"]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--data-checksums", "--no-instructions"]
        try:
            done = run_tool(Command(argv=tuple(command), cwd=home.data.parent, user=home.user), seconds=120)
        finally:
            password.unlink()
        if done.returncode != 0:
            raise PartError(f"postgres: initdb failed: {done.stderr.strip()}")
        fresh.rename(home.data)  # only a finished folder gets the name: a kill in the middle starts anew

    def _check_version(self, home: Home) -> None:
        made_by = (home.data / "PG_VERSION").read_text().strip()
        if made_by != str(major(home.binaries.version)):
            raise PartError(
                f"postgres: {home.data} was made by version {made_by}, the server here is {home.binaries.version}. "
                f"Give a server of version {made_by}, or start anew without {self._state.root}"
            )

    def command(self) -> Command:
        """The server process; call `prepare` first."""
        if self._home is None:
            raise PartError("postgres: not prepared")
        settings = {**_SETTINGS, "port": str(self._state.port("postgres"))}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return Command(
            argv=(str(self._home.binaries.folder / "postgres"), "-D", str(self._home.data), *options),
            cwd=self._home.data.parent,
            user=self._home.user,
            stop_signal=signal.SIGINT,  # "fast": roll back what is open and write a checkpoint
            stop_timeout=30,
            death_signal=signal.SIGQUIT,  # "immediate": the postmaster ends its own children, then itself
        )

    def is_ready(self) -> bool:
        """True when the server answers a query."""
        try:
            with psycopg.connect(self.url, connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def after_ready(self) -> None:
        """Make each service's role and database where missing, and set the role's password to ours."""
        try:
            with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
                for service in SERVICES:
                    self._make_database(connection, service)
                if not self._given:
                    for public in ("postgres", "template1"):
                        connection.execute(
                            sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(sql.Identifier(public))
                        )
        except psycopg.Error as error:
            raise PartError(f"postgres: cannot make roles and databases at {self.address}: {error}") from error

    def _make_database(self, connection: psycopg.Connection[tuple[object, ...]], service: str) -> None:
        name = f"slrt_{service}"
        role, password = sql.Identifier(name), sql.Literal(self._password(service))
        exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
        verb = sql.SQL("ALTER ROLE" if exists else "CREATE ROLE")
        connection.execute(
            sql.SQL("{} {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(verb, role, password)
        )
        for database in (name, f"{name}_keys") if service in KEYED else (name,):
            known = sql.Identifier(database)
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
                connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))  # an admin may be no superuser
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(known, role))
            connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(known))
