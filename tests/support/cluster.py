"""Throwaway PostgreSQL clusters for tests and samples.

    with Cluster() as cluster:
        cluster.psql("create table t as select 1 as a")
        with cluster.pgbench("-S", "-c", "8", "-T", "60"):
            ...

Everything lives in one temporary folder; leaving the block, an exception or a signal that becomes
one stops the server and removes the folder. Run as root: the server runs as user "postgres"
(or "nobody" where there is none), because it refuses to run as root.
"""
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from reachable import reachable

DEBIAN_15 = "/usr/lib/postgresql/15/bin"

FAST = {  # a throwaway server needs no durability unless a test is about it
    "fsync": "off",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "logging_collector": "off",
    "autovacuum": "off",
    "listen_addresses": "'127.0.0.1'",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _server_user():
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("no unprivileged user to run PostgreSQL as")


class Cluster:
    def __init__(self, bindir=DEBIAN_15, settings=None, initdb=()):
        # The folder above has the server's libraries and its share.
        installation = reachable(os.path.dirname(os.path.abspath(bindir)))
        self.bindir = os.path.join(installation, os.path.basename(bindir))
        self.settings = {**FAST, **(settings or {})}
        self.initdb_options = list(initdb)
        self.port = free_port()
        self.folder = None
        self._children = []

    @property
    def datadir(self):
        return os.path.join(self.folder, "data")

    @property
    def pid(self):
        """The postmaster's pid."""
        with open(os.path.join(self.datadir, "postmaster.pid")) as lines:
            return int(lines.readline())

    @property
    def env(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        env.update(PGHOST=self.folder, PGPORT=str(self.port), PGUSER="postgres",
                   PGDATABASE="postgres", LC_ALL="C.UTF-8")
        libraries = os.path.join(os.path.dirname(self.bindir), "lib")
        if "embedded" in self.bindir or os.path.exists(os.path.join(libraries, "libpq.so.5")):
            env["LD_LIBRARY_PATH"] = libraries
        return env

    def __enter__(self):
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            # Else a terminated test would leave its server behind.
            signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
        self.folder = tempfile.mkdtemp(prefix="pgflame-pg-", dir="/tmp")
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        # No signal may cut the cleaning up short.
        old = {s: signal.signal(s, signal.SIG_IGN) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            for child in self._children:
                stop(child)
            if os.path.exists(os.path.join(self.datadir, "postmaster.pid")):
                self._as_server("pg_ctl", "-D", self.datadir, "-m", "immediate", "-w", "stop",
                                check=False)
            shutil.rmtree(self.folder, ignore_errors=True)
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def _start(self):
        user = _server_user()
        os.chown(self.folder, user.pw_uid, user.pw_gid)
        os.chmod(self.folder, 0o755)
        self._make_data(user)
        self.start_server()

    def _make_data(self, user):
        self._as_server("initdb", "-D", self.datadir, "-U", "postgres", "-A", "trust", "-N",
                        "--encoding=UTF8", "--locale=C.UTF-8", *self.initdb_options)
        self._configure(self.settings)
        if self.settings.get("ssl") == "on":
            self._make_certificate(user)

    def _configure(self, settings):
        with open(os.path.join(self.datadir, "postgresql.conf"), "a") as conf:
            for name, value in settings.items():
                conf.write(f"{name} = {value}\n")
            conf.write(f"port = {self.port}\nunix_socket_directories = '{self.folder}'\n")

    def start_server(self):
        log = os.path.join(self.folder, "server.log")
        self._as_server("pg_ctl", "-D", self.datadir, "-l", log, "-w", "-t", "60", "start")

    def stop_server(self):
        self._as_server("pg_ctl", "-D", self.datadir, "-m", "fast", "-w", "stop")

    def _make_certificate(self, user):
        key, certificate = (os.path.join(self.datadir, f"server.{end}") for end in ("key", "crt"))
        subprocess.run(["openssl", "req", "-new", "-x509", "-nodes", "-newkey", "rsa:2048", "-days",
                        "2", "-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        for path in (key, certificate):
            os.chown(path, user.pw_uid, user.pw_gid)
            os.chmod(path, 0o600)

    def _as_server(self, program, *arguments, check=True):
        user = _server_user()
        command = [os.path.join(self.bindir, program), *arguments]

        def become_server_user():
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)

        done = subprocess.run(command, env=self.env, cwd="/", preexec_fn=become_server_user,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stdout}")

    def client(self, program):
        """Clients come from the server's own build when it has them, else from Debian's 15."""
        own = os.path.join(self.bindir, program)
        return own if os.path.exists(own) else os.path.join(DEBIAN_15, program)

    def _client_env(self, program):
        env = dict(self.env)
        if not os.path.exists(os.path.join(self.bindir, program)):
            env.pop("LD_LIBRARY_PATH", None)
        return env

    def psql(self, sql, database="postgres"):
        done = subprocess.run([self.client("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", database],
                              input=sql, env=self._client_env("psql"), text=True,
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"psql failed: {done.stderr}")
        return done.stdout.strip()

    @contextlib.contextmanager
    def psql_loop(self, sql, database="postgres", clients=1):
        """Runs `sql` again and again in `clients` sessions until the block is left."""
        script = os.path.join(self.folder, f"loop-{time.monotonic_ns()}.sql")
        with open(script, "w") as out:
            out.write(sql)
        with self.pgbench("-n", "-f", script, "-c", str(clients), "-T", "3600",
                          database=database) as child:
            yield child

    def shell_loop(self, command, clients=1):
        """Runs the shell `command`, psql within reach, again and again in `clients` processes."""
        env = self._client_env("psql")
        env["PATH"] = os.path.dirname(self.client("psql")) + os.pathsep + env["PATH"]
        one = f"while :; do {command}\ndone"
        return self._child(["sh", "-c", f"({one}) &\n" * clients + "wait"], env)

    def pgbench(self, *options, database="postgres"):
        return self._child([self.client("pgbench"), *options, database],
                           self._client_env("pgbench"))

    @contextlib.contextmanager
    def _child(self, command, env):
        child = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 start_new_session=True)
        self._children.append(child)
        try:
            yield child
        finally:
            stop(child)
            self._children.remove(child)

    def pgbench_init(self, scale=10):
        subprocess.run([self.client("pgbench"), "-i", "-q", "-s", str(scale), "postgres"],
                       env=self._client_env("pgbench"), check=True, capture_output=True)


def stop(child):
    """Ends a child and whatever it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=5)
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
