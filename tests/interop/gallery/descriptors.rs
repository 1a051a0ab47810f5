//! A descriptor over a UNIX socket.

use std::fs;

use super::stage::{Port, on_stage};
use super::{PAIRS, program};
use crate::support::peer::run;

#[test]
fn a_file_is_read_by_who_was_sent_its_descriptor() {
    on_stage(|stage| {
        let content = stage.dir.path().join("content");
        fs::write(
            &content,
            "x".repeat(70) + "the end, of which not all is shown",
        )
        .unwrap();
        for (number, (sender, receiver)) in PAIRS.into_iter().enumerate() {
            let name = ["one", "two", "three"][number];
            let socket = stage.dir.path().join(name);
            let mut sender = program(stage, sender, "sendfd");
            sender.arg(&socket).arg(&content);
            let _running = stage.serve(&mut sender, Port::Unix(name));
            let mut receiver = program(stage, receiver, "recvfd");
            let said = run(receiver.arg(&socket), b"").expect_success().text();
            let shown = "x".repeat(70) + "the end, o";
            assert!(said.contains("First 80 bytes are:"), "{said}");
            assert!(
                said.contains(&shown) && !said.contains("the end, of"),
                "{said}"
            );
            assert!(said.contains(content.to_str().unwrap()), "{said}");
        }
    });
}
