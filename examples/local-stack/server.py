"""A web server that counts its visits in PostgreSQL: python3 server.py PORT

It asks with `psql`, so that nothing has to be installed for it. Which database it is, and who asks, stands in the
variables that every program of PostgreSQL knows: PGHOST, PGPORT, PGUSER, PGPASSWORD."""

import http.server
import subprocess
import sys


def ask(sql):
    command = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--command", sql]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=10)
    if answer.returncode != 0:
        raise RuntimeError(answer.stderr.strip())
    return answer.stdout.strip()


class Counter(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            if self.path == "/health":
                ask("select 1")
                self.say(200, "the database answers\n")
            else:
                ask("create table if not exists visits (at timestamptz not null default now())")
                count = ask("insert into visits default values; select count(*) from visits")
                self.say(200, f"visit {count}\n")
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            self.say(503, f"the database does not answer: {error}\n")

    def say(self, status, text):
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Counter).serve_forever()
