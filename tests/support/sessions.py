"""Sessions that stay connected, for tests that need a backend to do one thing for long."""
import subprocess


class Session:
    """A psql that stays connected; its pid is the backend's."""

    def __init__(self, cluster, application, database="postgres", user="postgres"):
        env = dict(cluster._client_env("psql"), PGAPPNAME=application, PGUSER=user)
        self.process = subprocess.Popen(
            [cluster.client("psql"), "-XAtq", database], env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.pid = int(self.ask("select pg_backend_pid();"))

    def send(self, sql):
        self.process.stdin.write(sql + "\n")
        self.process.stdin.flush()

    def ask(self, sql):
        """The first line of the answer."""
        self.send(sql)
        return self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
