"""A small whois server on loopback (RFC 3912) that can misbehave as a test asks for.

    with WhoisServer({b"192.0.2.1": says(b"route: 192.0.2.0/24\\norigin: AS64496\\n")}) as s:
        ... ask 127.0.0.1, port s.port ...

What stands for an address is a function of the connection, called when the question has
come; the connection is closed after it. What is not in the table gets `default`.
"""

import socket
import struct
import threading
import time


def says(*pieces, pause=0):
    """Sends these, one after the other."""
    def reply(connection, _):
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
    return reply


def route(prefix, *numbers):
    key = b"route6" if ":" in prefix else b"route"
    return b"".join(b"%s:      %s\ndescr: of a test\norigin:     AS%d\nsource: TEST\n\n"
                    % (key, prefix.encode(), number) for number in numbers)


def is_routed(prefix, *numbers):
    return says(route(prefix, *numbers))


nobody = says(b"%  No entries found for the selected source(s).\n")


def silent(connection, server):
    """Until the other end or the server has had enough."""
    connection.settimeout(0.05)
    while not server.stopping:
        try:
            if connection.recv(1) == b"":
                return
        except TimeoutError:
            pass


def endless(first, piece=b"remarks: and so on\n" * 100, pause=0):
    def reply(connection, server):
        connection.sendall(first)
        while not server.stopping:
            connection.sendall(piece)
            time.sleep(pause)
    return reply


def reset(connection, _):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class WhoisServer:
    def __init__(self, table=None, default=nobody, host="127.0.0.1"):
        self.table = dict(table or {})
        self.default = default
        self.asked = []  # questions, in the order in which they came
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.stopping = False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family, backlog=64)
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self):
        self.threads[0].start()
        return self

    def __exit__(self, *unused):
        self.stop()

    def stop(self):
        self.stopping = True
        self.listener.shutdown(socket.SHUT_RDWR)
        for thread in list(self.threads):
            thread.join(5)
        self.listener.close()

    def _accept(self):
        while not self.stopping:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, connection):
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            with connection:
                question = b""
                while not question.endswith(b"\r\n"):
                    piece = connection.recv(256)
                    if not piece:
                        return
                    question += piece
                question = question[:-2]
                with self.lock:
                    self.asked.append(question)
                self.table.get(question, self.default)(connection, self)
                with self.lock:  # before the other end can know that it is over
                    self.at_once -= 1
        except OSError:
            with self.lock:
                self.at_once -= 1
