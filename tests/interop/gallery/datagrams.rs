//! Broadcast and multicast.

use std::fs;
use std::io::Write;
use std::process::Command;

use super::stage::{Port, Running, Stage, ip, on_stage};
use super::{Ours, PAIRS, Side, program};

#[test]
fn a_ping_to_the_group_is_answered() {
    on_stage(|stage| {
        for (server, client) in PAIRS {
            let port = Port::Udp(9999);
            let mut server = stage.serve(&mut program(stage, server, "multicast_server"), port);
            // It joins the group, 228.0.0.5, when it is bound already.
            let is_in = || {
                fs::read_to_string("/proc/thread-self/net/igmp")
                    .unwrap()
                    .contains("050000E4")
            };
            assert!(server.becomes_ready(is_in));
            let mut client = stage.start(&mut program(stage, client, "multicast_client"));
            // It hears itself as well, since it is in the group.
            client.says("Client: Ping");
            client.says("Server: Pong");
            server.says("Client: Ping");
        }
    });
}

/// A program for broadcasts; theirs is an application, which twistd runs.
fn broadcaster(stage: &Stage, side: Side) -> Command {
    if side == Ours {
        return stage.ours("udpbroadcast");
    }
    stage.twistd("docs/core/examples/udpbroadcast.py")
}

/// Has `command` wait for a line, and then join a network that was made for it.
fn in_another_network(command: &Command) -> Command {
    let begin = "echo READY; read go; ip link set lo up; ip address add 192.0.2.2/24 dev veth1;
        ip link set veth1 up; ip route add default dev veth1; exec \"$@\"";
    let mut shell = Command::new("unshare");
    shell.args(["--net", "sh", "-c", begin, "sh"]);
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    shell.current_dir(command.get_current_dir().expect("the stage has set it"));
    shell
}

#[test]
fn pings_to_everybody_are_answered_by_the_other_host() {
    on_stage(|stage| {
        for (far, near) in PAIRS {
            let (hears, mut says) = std::io::pipe().unwrap();
            let mut far = in_another_network(&broadcaster(stage, far));
            let mut far = stage.start_with(&mut far, hears);
            far.announces("READY");
            let number = far.id();
            ip(&format!(
                "link add name veth0 type veth peer name veth1 netns {number}"
            ));
            ip("address add 192.0.2.1/24 dev veth0");
            ip("link set veth0 up");
            ip("route replace 255.255.255.255/32 dev veth0");
            says.write_all(b"go\n").unwrap();
            let mut near = stage.start(&mut broadcaster(stage, near));
            is_answered(&mut near, &mut far);
            is_answered(&mut far, &mut near);
            ip("link delete veth0");
        }
    });
}

/// Waits until one of `host`'s pings has come to `other`, and has been answered by both.
fn is_answered(host: &mut Running, other: &mut Running) {
    let mut answered = String::new();
    host.shows("an answer of both", |output| {
        let pings = output
            .lines()
            .filter_map(|line| line.split_once("SEND PING "));
        let both = pings.map(|(_, ping)| ping.trim()).find(|ping| {
            let pongs = output.lines().filter(|line| line.contains("RECV PONG"));
            pongs.filter(|pong| pong.contains(ping)).count() >= 2
        });
        answered = both.unwrap_or_default().to_owned();
        both.is_some()
    });
    let expected = format!("RECV PING {answered}");
    other.shows(&expected, |output| output.contains(&expected));
}
