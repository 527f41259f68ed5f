"""A real SMTP server (aiosmtpd) that writes down what it gets and can be told to misbehave.

Prints its port on the first line of standard output; appends one JSON object per mail to --mails.
Ends when standard input closes, so that it never outlives a test.
"""

import argparse
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

USER, PASSWORD = b"watchdog", b"a secret"


class Recorder:
    def __init__(self, mode, times, mails):
        self.mode, self.times, self.mails = mode, times, mails

    def misbehaves(self, mode):
        if self.mode != mode or self.times == 0:
            return False
        self.times -= 1
        return True

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.misbehaves("temporary"):
            return "451 4.7.1 come back later"
        if self.misbehaves("permanent"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.original_content.decode("latin-1"),
            "tls": session.ssl is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None,
            "hello": session.host_name,
        }
        with open(self.mails, "a") as out:
            out.write(json.dumps(mail) + "\n")
        if self.misbehaves("hang-after-data"):
            await asyncio.sleep(3600)
        if self.misbehaves("drop-before-250"):
            server.transport.abort()
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    right = (
        isinstance(data, LoginPassword)
        and (data.login, data.password) == (USER, PASSWORD)
    )
    # handled=False: with True and a failure the server would never answer.
    return AuthResult(success=right, handled=right, auth_data=data if right else None)


class Silent(asyncio.Protocol):
    """Takes connections and says nothing."""


class Injecting(asyncio.Protocol):
    """Offers STARTTLS and sends answers to commands that have not come, in the clear."""

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"220 ready\r\n")

    def data_received(self, data):
        if data.startswith(b"EHLO"):
            self.transport.write(b"250-ready\r\n250 STARTTLS\r\n")
        elif data.startswith(b"STARTTLS"):
            answers = b"250 ready\r\n" + b"250 OK\r\n" * 2 + b"354 go on\r\n250 taken\r\n"
            self.transport.write(b"220 switch\r\n" + answers)


class Endless(asyncio.Protocol):
    """A greeting that never ends."""

    def connection_made(self, transport):
        transport.write(b"220-" + b"x" * (8 << 20))


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", default="plain")
    parser.add_argument("--times", type=int, default=-1, help="misbehave so often, then no more")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--mails", required=True)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    options = parser.parse_args()

    recorder = Recorder(options.mode, options.times, options.mails)
    tls = None
    if options.cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.cert, options.key)

    def protocol():
        if options.mode == "injecting":
            return Injecting()
        if options.mode == "endless":
            return Endless()
        if recorder.misbehaves("hang-in-greeting"):
            return Silent()
        arguments = {"hostname": "test", "enable_SMTPUTF8": True}
        if tls and options.mode != "wrapped":
            arguments["tls_context"] = tls
        if options.mode == "auth":
            arguments.update(
                authenticator=authenticate, auth_required=True, auth_require_tls=tls is not None
            )
        return SMTP(recorder, **arguments)

    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", options.port, ssl=tls if options.mode == "wrapped" else None
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
