"""ClickHouse for tests: the engine of chdb behind the HTTP interface of a ClickHouse server.

Usage: python3 server.py FOLDER PORT [PASSWORD]

Port 0 selects a free port, which is printed. Data survives a kill and a restart with the same folder. Statements run one after the
other. Three paths are for tests only: `POST /hold` with a text makes the server hold back the next statement that contains it, `POST
/wait` returns its id and its text once there is one, and `POST /release` lets all run that are held back.
"""

import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb import session

# Parameters of the interface; all others are settings, except those that begin with `param_`.
INTERFACE = {"query", "database", "default_format", "query_id", "wait_end_of_query", "buffer_size", "user", "password"}
# Settings of the HTTP layer, which the engine of chdb does not have.
HTTP_SETTINGS = {"http_write_exception_in_output_format", "cancel_http_readonly_queries_on_client_close"}
STATUS = {60: 404, 81: 404, 62: 400, 47: 400, 516: 403}


class Engine:
    """One session, used by one request at a time."""

    def __init__(self, folder):
        self.session = session.Session(folder)
        self.settings = {}
        self.lock = threading.Lock()

    def run(self, sql, database, output_format, settings, params):
        with self.lock:
            for name in self.settings.keys() - settings.keys():
                self.session.query(f"SET {name} = DEFAULT")
            for name, value in settings.items():
                if self.settings.get(name) != value:
                    self.session.query(f"SET {name} = '{value}'")
            self.settings = settings
            self.session.query(f"USE `{database}`")
            result = self.session.query(sql, output_format, params=params or None)
            return result.bytes() if hasattr(result, "bytes") else str(result).encode()


class Hold:
    """The next statement that the server holds back."""

    def __init__(self):
        self.text = None
        self.held = ""
        self.arrived = threading.Event()
        self.released = threading.Event()

    def set(self, text):
        self.arrived.clear()
        self.released.clear()
        self.text = text

    def wait(self, sql, query_id):
        if self.text is not None and self.text in sql:
            self.text = None
            self.held = f"{query_id}\n{sql}"
            self.arrived.set()
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
        settings = {
            name: value
            for name, value in fields.items()
            if name not in INTERFACE | HTTP_SETTINGS and not name.startswith("param_")
        }
        params = {name.removeprefix("param_"): value for name, value in fields.items() if name.startswith("param_")}
        database = fields.get("database") or "default"
        try:
            rows = server.engine.run(sql, database, fields.get("default_format", "TabSeparated"), settings, params)
        except RuntimeError as error:
            code = re.search(r"Code: (\d+)", str(error))
            return self.fail(int(code[1]) if code else 1000, str(error))
        return self.answer(200, rows)

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
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
