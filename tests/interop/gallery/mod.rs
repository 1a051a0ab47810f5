//! The gallery against the programs of Twisted that it is written after, both ways.
//!
//! Those come with Twisted's source: `TORSADE_TWISTED_SOURCE` names the folder that it was unpacked in.
//! They are run as they are, with the ports that are written in them: each test has a network of its
//! own (a namespace, so Linux only), in which they are free.

mod chat;
mod counts;
mod datagrams;
mod descriptors;
mod echo;
mod ports;
mod processes;
mod stage;
mod tls;
mod web;

use std::process::Command;

use self::stage::{Port, Stage};
use crate::support::peer::run;

/// A program of the gallery, and what it is written after, in Twisted's source.
struct Program {
    ours: &'static str,
    theirs: &'static [&'static str],
}

/// All of them.
const PROGRAMS: [Program; 30] = {
    const fn of(ours: &'static str, theirs: &'static [&'static str]) -> Program {
        Program { ours, theirs }
    }
    [
        of("echoserv", &["docs/core/examples/echoserv.py"]),
        of("echoclient", &["docs/core/examples/echoclient.py"]),
        of("echoserv_udp", &["docs/core/examples/echoserv_udp.py"]),
        of("echoclient_udp", &["docs/core/examples/echoclient_udp.py"]),
        of("echoserv_ssl", &["docs/core/examples/echoserv_ssl.py"]),
        of("echoclient_ssl", &["docs/core/examples/echoclient_ssl.py"]),
        of("simpleserv", &["docs/core/examples/simpleserv.py"]),
        of("simpleclient", &["docs/core/examples/simpleclient.py"]),
        of("chatserver", &["docs/core/examples/chatserver.py"]),
        of("stdin", &["docs/core/examples/stdin.py"]),
        of("stdiodemo", &["docs/core/examples/stdiodemo.py"]),
        of(
            "ssl_clientauth_server",
            &["docs/core/examples/ssl_clientauth_server.py"],
        ),
        of(
            "ssl_clientauth_client",
            &["docs/core/examples/ssl_clientauth_client.py"],
        ),
        of(
            "starttls_server",
            &["docs/core/examples/starttls_server.py"],
        ),
        of(
            "starttls_client",
            &["docs/core/examples/starttls_client.py"],
        ),
        of(
            "tls_alpn_server",
            &["docs/core/examples/tls_alpn_server.py"],
        ),
        of(
            "tls_alpn_client",
            &["docs/core/examples/tls_alpn_client.py"],
        ),
        of("shaper", &["docs/core/examples/shaper.py"]),
        of("streaming", &["docs/core/examples/streaming.py"]),
        of("udpbroadcast", &["docs/core/examples/udpbroadcast.py"]),
        of(
            "multicast_server",
            &[
                "docs/core/howto/listings/udp/MulticastServer.py",
                "docs/core/howto/listings/udp/MulticastCommon.py",
            ],
        ),
        of(
            "multicast_client",
            &[
                "docs/core/howto/listings/udp/MulticastClient.py",
                "docs/core/howto/listings/udp/MulticastCommon.py",
            ],
        ),
        of("ptyserv", &["docs/core/examples/ptyserv.py"]),
        of("postfix", &["docs/core/examples/postfix.py"]),
        of("portforward", &["src/twisted/tap/portforward.py"]),
        of("sendfd", &["docs/core/examples/sendfd.py"]),
        of("recvfd", &["docs/core/examples/recvfd.py"]),
        of("getpage", &["docs/web/examples/getpage.py"]),
        of("dlpage", &["docs/web/examples/dlpage.py"]),
        of("httpclient", &["docs/web/examples/httpclient.py"]),
    ]
};

/// Whose program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
}

use Side::{Ours, Theirs};

/// Ours with theirs, theirs with ours, and ours with itself.
const PAIRS: [(Side, Side); 3] = [(Ours, Theirs), (Theirs, Ours), (Ours, Ours)];

/// Runs a server, and a client of it, in each of the [`PAIRS`]. What the client prints, and then what
/// the server has printed, must contain these texts.
fn talk(stage: &Stage, (server, port): (&str, Port), client: &str, told: &[&str], served: &[&str]) {
    for (server_side, client_side) in PAIRS {
        let pair = format!("{server_side:?} and {client_side:?}");
        let mut running = stage.serve(&mut program(stage, server_side, server), port);
        let said = run(&mut program(stage, client_side, client), b"").expect_success();
        for text in told {
            assert!(said.text().contains(text), "{pair}: {}", said.text());
        }
        for text in served {
            running.says(text);
        }
    }
}

/// A program, in the folder where Twisted's certificates are.
fn program(stage: &Stage, side: Side, name: &str) -> Command {
    let mut command = match side {
        Ours => stage.ours(name),
        Theirs => stage.theirs(name),
    };
    command.current_dir(stage.source("docs/core/examples"));
    command
}
