//! What crossed the network, and that the same crosses it again.

use super::*;
use crate::datagram::{DatagramOptions, DatagramPort, DatagramProtocol};

struct Silent;

impl DatagramProtocol for Silent {
    fn datagram_received(&mut self, _: &DatagramPort, _: &[u8], _: &Address) -> Result<()> {
        Ok(())
    }
}

/// Three hosts, of which two talk to the third over bad links, by connections and datagrams.
fn busy(seed: u64) -> Vec<u8> {
    let world = World::new(seed);
    world.capture();
    let hosts = [("a", A), ("b", B), ("c", C)].map(|(name, ip)| world.host(name, [ip]));
    for (one, other) in [("a", "c"), ("b", "c")] {
        let link = world.link(one, other).latency(ms(10)).jitter(ms(5));
        let link = link.bandwidth(1_000_000).segment_size(100);
        link.loss(0.2).duplication(0.2).reordering(0.2);
    }
    let notes = Notes::new(&world);
    TcpServer::new(&hosts[2], at(C, 7))
        .listen(|_: &Address| Echo)
        .unwrap();
    let options = DatagramOptions::new();
    let _receiver = hosts[2].listen_udp(at(C, 4000), Silent, &options).unwrap();
    for (reactor, ip) in [(&hosts[0], A), (&hosts[1], B)] {
        let notes = notes.clone();
        let connected =
            TcpClient::new(reactor, at(C, 7)).connect_protocol(Noting { who: "", notes });
        drop(connected.map(|client| client.transport().write(&[b'x'; 5000])));
        let sender = reactor.listen_udp(at(ip, 4000), Silent, &options).unwrap();
        for _ in 0..20 {
            sender
                .send(b"datagram", &Address::Udp(at(C, 4000)))
                .unwrap();
        }
    }
    let passed = defer_later(&hosts[0], ms(2000), || Ok(()));
    hosts[0].run_until(passed).unwrap();
    let bytes = |what: &str| {
        what.trim()
            .split(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap_or(what.len() - 1)
    };
    let came: usize = notes.take().iter().map(|(_, what)| bytes(what)).sum();
    assert_eq!(came, 10_000);
    world.pcap()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    let first = busy(1);
    assert!(first.len() > 20_000);
    assert!(first == busy(1), "the same");
    assert!(first != busy(2), "another");
}

/// The packets of a file, each with its time.
fn packets(file: &[u8]) -> Vec<(Duration, Vec<u8>)> {
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes[..4].try_into().unwrap());
    let mut rest = &file[24..];
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let at = Duration::new(word(rest).into(), word(&rest[4..]));
        let size = word(&rest[8..]) as usize;
        packets.push((at, rest[16..16 + size].to_vec()));
        rest = &rest[16 + size..];
    }
    packets
}

/// Who sent a packet of TCP: its flags, sequence number, acknowledgement and length.
fn shown(packet: &[u8]) -> String {
    assert_eq!((packet[0], packet[9]), (0x45, 6));
    let word = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
    let names = [(2, 'S'), (1, 'F'), (4, 'R'), (16, '.')];
    let flags = names.iter().filter(|(bit, _)| packet[33] & bit != 0);
    let flags: String = flags.map(|(_, name)| name).collect();
    let (sequence, acknowledged) = (word(24), word(28));
    format!(
        "{} {flags} {sequence} {acknowledged} {}",
        packet[15],
        packet.len() - 40
    )
}

#[test]
fn a_capture_has_what_tcp_would_have_sent() {
    let two = Two::new();
    two.world.capture();
    let client = two.connect();
    client.transport().write(b"hello");
    two.pass(ms(10));
    client.transport().lose_connection();
    two.pass(ms(100));
    let refused = two.failure(at(B, 81));
    assert!(refused.check::<ConnectError>().is_some());
    let packets = packets(&two.world.pcap());
    let seen: Vec<_> = packets
        .iter()
        .map(|(at, packet)| format!("{} {}", at.as_millis(), shown(packet)))
        .collect();
    assert_eq!(
        seen,
        [
            "10 1 S 0 0 0",
            "20 2 S. 0 1 0",
            "20 1 . 1 1 0",
            "30 1 . 1 1 5",
            "40 2 . 1 6 0",
            "40 1 F. 6 1 0",
            "50 2 F. 1 7 0",
            "140 1 S 0 0 0",
            "150 2 R. 0 1 0",
        ]
    );
}

#[test]
fn tcpdump_finds_nothing_wrong_with_a_capture() {
    use std::process::Command;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("world.pcap");
    std::fs::write(&file, busy(1)).unwrap();
    let told = Command::new("tcpdump")
        .args(["-nvvv", "-r"])
        .arg(&file)
        .output();
    // Where it is not installed, the other tests have to do.
    let Ok(told) = told else { return };
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{told:?}");
    assert!(
        text.lines().count() > 200 && text.contains("(correct)") && text.contains("udp sum ok")
    );
    for wrong in ["incorrect", "bad", "truncated", "invalid"] {
        let line = text.lines().find(|line| line.contains(wrong));
        assert_eq!(line, None);
    }
}

#[test]
fn nothing_is_captured_unless_it_is_wanted() {
    let two = Two::new();
    two.connect();
    assert_eq!(two.world.pcap().len(), 24);
}
