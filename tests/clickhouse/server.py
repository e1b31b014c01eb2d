"""ClickHouse for tests: the engine of chdb behind the HTTP interface of a ClickHouse server.

Usage: python3 server.py FOLDER PORT [PASSWORD]

Port 0 selects a free port, which is printed. Data survives a kill and a restart with the same folder. As in ClickHouse, statements run at the
same time, `KILL QUERY` stops one by its id, and one that only reads ends when its client disconnects, if it has the setting
`cancel_http_readonly_queries_on_client_close`. Three paths are for tests only: `POST /hold` with a text makes the server hold back the next
statement that contains it, `POST /wait` returns its id and its text once there is one, and `POST /release` lets all run that are held back.
"""

import re
import socket
import sys
import threading
import time
import uuid
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb import session

# Parameters of the interface; all others are settings, except those that begin with `param_`.
INTERFACE = {"query", "database", "default_format", "query_id", "wait_end_of_query", "buffer_size", "user", "password"}
CANCEL_SETTING = "cancel_http_readonly_queries_on_client_close"
# Settings of the HTTP layer, which the engine of chdb does not have.
HTTP_SETTINGS = {"http_write_exception_in_output_format", CANCEL_SETTING}
STATUS = {60: 404, 81: 404, 62: 400, 47: 400, 516: 403}
READS = re.compile(r"\s*(SELECT|WITH|EXISTS)\b")
# More sessions than these are closed when their statement has ended.
MAX_IDLE_SESSIONS = 32
# How often the server looks whether clients have left.
WATCH_SECONDS = 0.05


class Engine:
    """Sessions, each used by one request at a time, and kept with its database and its settings."""

    def __init__(self, folder):
        self.folder = folder
        # Without any session the engine ends.
        self.first = session.Session(folder)
        self.idle = []
        self.lock = threading.Lock()

    def run(self, sql, database, output_format, settings, params, query_id):
        state = (database, tuple(sorted(settings.items())))
        used = self.take(state) or self.open(state)
        try:
            # The engine of chdb chooses the ids of statements itself.
            result = used.query(f"{mark(query_id)} {sql}", output_format, params=params or None)
            rows = result.bytes() if hasattr(result, "bytes") else str(result).encode()
        except RuntimeError:
            # The next statement of the session would return rows of one that was stopped.
            used.close()
            raise
        self.give_back(state, used)
        return rows

    def kill(self, query_id):
        self.first.query(f"KILL QUERY WHERE startsWith(query, '{mark(query_id)}') ASYNC")

    def take(self, state):
        with self.lock:
            at = next((at for at, (idle_state, _) in enumerate(self.idle) if idle_state == state), None)
            return None if at is None else self.idle.pop(at)[1]

    def open(self, state):
        database, settings = state
        opened = session.Session(self.folder)
        if settings:
            opened.query("SET " + ", ".join(f"{name} = '{value}'" for name, value in settings))
        opened.query(f"USE `{database}`")
        return opened

    def give_back(self, state, used):
        with self.lock:
            self.idle.insert(0, (state, used))
            surplus = self.idle[MAX_IDLE_SESSIONS:]
            del self.idle[MAX_IDLE_SESSIONS:]
        for _, closed in surplus:
            closed.close()


def mark(query_id):
    """Returns the comment that identifies a statement in the engine."""
    return f"/* query {query_id} */"


class Watch:
    """Stops statements whose clients have left."""

    def __init__(self, engine):
        self.engine = engine
        self.running = {}
        self.lock = threading.Lock()
        threading.Thread(target=self.run, daemon=True).start()

    @contextmanager
    def over(self, connection, query_id):
        with self.lock:
            self.running[connection] = query_id
        try:
            yield
        finally:
            with self.lock:
                del self.running[connection]

    def run(self):
        while True:
            time.sleep(WATCH_SECONDS)
            with self.lock:
                # A kill that comes before the statement has begun has no effect: it is repeated.
                left = [query_id for connection, query_id in self.running.items() if has_left(connection)]
            for query_id in left:
                self.engine.kill(query_id)


def has_left(connection):
    """Returns whether the client has closed its connection. A request that it has sent already is no end."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class Hold:
    """The next statement that the server holds back."""

    def __init__(self):
        self.text = None
        self.held = ""
        self.lock = threading.Lock()
        self.arrived = threading.Event()
        self.released = threading.Event()

    def set(self, text):
        self.arrived.clear()
        self.released.clear()
        self.text = text

    def wait(self, sql, query_id):
        with self.lock:
            is_held = self.text is not None and self.text in sql
            if is_held:
                self.text = None
                self.held = f"{query_id}\n{sql}"
                self.arrived.set()
        if is_held:
            self.released.wait()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of a response are separate writes.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def do_GET(self):
        if self.path == "/ping":
            self.answer(200, b"Ok.\n")
        else:
            self.do_POST()

    def do_POST(self):
        body = self.body().decode()
        server = self.server
        if self.path == "/hold":
            server.hold.set(body)
            return self.answer(200, b"")
        if self.path == "/wait":
            return self.answer(200 if server.hold.arrived.wait(60) else 500, server.hold.held.encode())
        if self.path == "/release":
            server.hold.released.set()
            return self.answer(200, b"")
        fields = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if self.headers.get("x-clickhouse-key", "") != server.password:
            user = self.headers.get("x-clickhouse-user", "default")
            return self.fail(516, f"{user}: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)")
        query = fields.get("query", "")
        sql = f"{query}\n{body}" if query and body else query or body
        server.hold.wait(sql, fields.get("query_id", ""))
        try:
            return self.answer(200, self.run(sql, fields))
        except RuntimeError as error:
            code = re.search(r"Code: (\d+)", str(error))
            return self.fail(int(code[1]) if code else 1000, str(error))

    def run(self, sql, fields):
        engine = self.server.engine
        if sql.startswith("KILL QUERY WHERE query_id IN ("):
            for query_id in re.findall(r"'([\w-]+)'", sql):
                engine.kill(query_id)
            return b""
        settings = {
            name: value
            for name, value in fields.items()
            if name not in INTERFACE | HTTP_SETTINGS and not name.startswith("param_")
        }
        params = {name.removeprefix("param_"): value for name, value in fields.items() if name.startswith("param_")}
        database, output_format = fields.get("database") or "default", fields.get("default_format", "TabSeparated")
        query_id = fields.get("query_id") or uuid.uuid4().hex
        is_cancellable = fields.get(CANCEL_SETTING) == "1" and READS.match(sql)
        with self.server.watch.over(self.connection, query_id) if is_cancellable else nullcontext():
            return engine.run(sql, database, output_format, settings, params, query_id)

    def fail(self, code, text):
        prefix = "" if text.startswith("Code:") else f"Code: {code}. DB::Exception: "
        self.answer(STATUS.get(code, 500), f"{prefix}{text}\n".encode(), {"X-ClickHouse-Exception-Code": str(code)})

    def answer(self, status, body, headers=None):
        try:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def main():
    folder, port = sys.argv[1], int(sys.argv[2])
    server = Server(("127.0.0.1", port), Handler)
    server.password = sys.argv[3] if len(sys.argv) > 3 else ""
    server.hold = Hold()
    server.engine = Engine(folder)
    server.watch = Watch(server.engine)
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
