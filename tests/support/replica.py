"""A streaming replica of a throwaway cluster."""
import os
import subprocess

from cluster import Cluster


class Replica(Cluster):
    """Copies the primary's data while that is stopped for a moment: builds without pg_basebackup
    can have replicas too. The primary's pid is another one afterwards."""

    def __init__(self, primary):
        super().__init__(primary.bindir, primary.settings)
        self.primary = primary

    def _make_data(self, user):
        self.primary.stop_server()
        subprocess.run(["cp", "-a", self.primary.datadir, self.datadir], check=True)
        self.primary.start_server()
        signal_file = os.path.join(self.datadir, "standby.signal")
        with open(signal_file, "w"):
            os.chown(signal_file, user.pw_uid, user.pw_gid)
        self._configure({"primary_conninfo": f"'host={self.primary.folder} "
                                             f"port={self.primary.port} user=postgres'"})
