"""Git servers of this machine for tests: a repository in memory, served over HTTP and over SSH."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import paramiko
from dulwich.objects import Blob, Commit, Tree
from dulwich.protocol import Protocol, ReceivableProtocol
from dulwich.repo import MemoryRepo
from dulwich.server import DictBackend, UploadPackHandler
from dulwich.web import HTTPGitApplication

Files = dict[str, bytes]


def commit(repo: MemoryRepo, files: Files, *, branch: str = "main", subject: str = "Change", extra: tuple = ()) -> str:
    """A commit with these files, on the branch; its name. ``extra`` are (name, mode, id) of the root."""
    root = _tree(repo, files, extra)
    made = Commit()
    made.tree = root
    made.author = made.committer = b"Ada Lovelace <ada@example.org>"
    made.author_time = made.commit_time = 1_790_000_000
    made.author_timezone = made.commit_timezone = 0
    made.message = subject.encode()
    ref = f"refs/heads/{branch}".encode()
    if ref in repo.refs:
        made.parents = [repo.refs[ref]]
    repo.object_store.add_object(made)
    repo.refs[ref] = made.id
    repo.refs.set_symbolic_ref(b"HEAD", b"refs/heads/main")
    return made.id.decode()


def _tree(repo: MemoryRepo, files: Files, extra: tuple = ()) -> bytes:
    tree, folders = Tree(), {}
    for path, content in files.items():
        head, _, rest = path.partition("/")
        if rest:
            folders.setdefault(head, {})[rest] = content
        else:
            blob = Blob.from_string(content)
            repo.object_store.add_object(blob)
            tree.add(head.encode(), 0o100644, blob.id)
    for name, inner in folders.items():
        tree.add(name.encode(), 0o040000, _tree(repo, inner))
    for name, mode, target in extra:
        tree.add(name, mode, target)
    repo.object_store.add_object(tree)
    return tree.id


@dataclass
class GitServer:
    """``asked`` are its requests; ``token``, when set, is wanted of every one; ``wrap`` may answer instead."""

    repo: MemoryRepo
    url: str = ""
    token: str = ""
    asked: list[str] = field(default_factory=list)
    wrap: Callable | None = None

    def __call__(self, environ, start):
        self.asked.append(environ["PATH_INFO"])
        if self.wrap is not None and (answer := self.wrap(environ, start)) is not None:
            return answer
        wanted = "Basic " + base64.b64encode(f"git:{self.token}".encode()).decode()
        if self.token and environ.get("HTTP_AUTHORIZATION") != wanted:
            start("401 Unauthorized", [("WWW-Authenticate", "Basic")])
            return [b""]
        return HTTPGitApplication(DictBackend({"/app.git": self.repo}))(environ, start)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def http_server(repo: MemoryRepo | None = None) -> Iterator[GitServer]:
    served = GitServer(repo or MemoryRepo())
    server = make_server("127.0.0.1", 0, served, server_class=WSGIServer, handler_class=_Quiet)
    served.url = f"http://127.0.0.1:{server.server_port}/app.git"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Session(paramiko.ServerInterface):
    def __init__(self, repo: MemoryRepo, known: paramiko.PKey) -> None:
        self.repo, self.known = repo, known

    def check_auth_publickey(self, username, key):
        same = username == "git" and key.get_base64() == self.known.get_base64()
        return paramiko.AUTH_SUCCESSFUL if same else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username):
        return "publickey"

    def check_channel_request(self, kind, number):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_env_request(self, channel, name, value):
        return True

    def check_channel_exec_request(self, channel, command):
        threading.Thread(target=self._serve, args=(channel,), daemon=True).start()
        return True

    def _serve(self, channel):
        proto: Protocol = ReceivableProtocol(channel.recv, lambda data: channel.sendall(data) or len(data))
        handler = UploadPackHandler(DictBackend({"/app.git": self.repo}), ["/app.git"], proto)
        with suppress(Exception):  # the other side is gone, at whatever place
            handler.handle()
            channel.send_exit_status(0)
            channel.close()


@contextmanager
def ssh_server(repo: MemoryRepo, known: paramiko.PKey, host_key: paramiko.PKey, *, port: int = 0) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", port))
    transports: list[paramiko.Transport] = []

    def accept():
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            transport = paramiko.Transport(client)
            transport.add_server_key(host_key)
            transports.append(transport)
            transport.start_server(event=threading.Event(), server=_Session(repo, known))

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"ssh://git@127.0.0.1:{listening.getsockname()[1]}/app.git"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for transport in transports:
            transport.close()
        thread.join()
