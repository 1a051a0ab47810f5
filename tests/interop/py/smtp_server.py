"""A mail server that keeps its mail, on a free loopback port. It prints "PORT n" once it listens, and for
each message "MAIL {..}": JSON, with the message in Base64. Arguments: certificate and key, for STARTTLS, which
it demands, as well as a log-in as "me" with the password "secret"."""

import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Keeping:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550-5.1.1 nobody is\r\n550 5.1.1 not here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server, session, envelope):
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "options": envelope.mail_options,
            "user": session.auth_data,
            "bytes": base64.b64encode(envelope.original_content).decode(),
        }
        print("MAIL", json.dumps(mail), flush=True)
        return "250 2.0.0 kept"


def authenticate(server, session, envelope, mechanism, data):
    if mechanism == "PLAIN" and (data.login, data.password) == (b"me", b"secret"):
        return AuthResult(success=True, auth_data="me")
    return AuthResult(success=False, handled=False)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(*sys.argv[1:])


async def main():
    def protocol():
        return SMTP(
            Keeping(),
            hostname="mail.test",
            data_size_limit=1_000_000,
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=authenticate,
        )

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    print("PORT", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
