//! The echo servers and clients, over TCP and UDP.

use super::stage::{Port, on_stage};
use super::talk;

#[test]
fn echo_clients_get_their_lines_back() {
    on_stage(|stage| {
        let told = [
            "Hello, world!",
            "What a fine day it is.",
            "Bye-bye!",
            "connection lost",
        ];
        talk(
            stage,
            ("echoserv", Port::Tcp(8000)),
            "echoclient",
            &told,
            &[],
        );
    });
}

#[test]
fn simple_clients_get_their_message_back() {
    on_stage(|stage| {
        let told = [
            "Server said:",
            "hello, world!",
            "Connection lost - goodbye!",
        ];
        talk(
            stage,
            ("simpleserv", Port::Tcp(8000)),
            "simpleclient",
            &told,
            &[],
        );
    });
}

#[test]
fn datagrams_come_back() {
    on_stage(|stage| {
        let told = ["Hello, world!", "What a fine day it is.", "Bye-bye!"];
        talk(
            stage,
            ("echoserv_udp", Port::Udp(8000)),
            "echoclient_udp",
            &told,
            &[],
        );
    });
}

#[test]
fn our_udp_client_notices_that_nobody_answers() {
    on_stage(|stage| {
        let said = crate::support::peer::run(&mut stage.ours("echoclient_udp"), b"");
        assert_eq!(said.expect_success().text(), "Nobody answers\n");
    });
}
