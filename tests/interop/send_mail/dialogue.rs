//! What is said to a server, and what its answers mean.

use std::time::Duration;

use torsade::{Failure, TimedOut};

use super::mail::Mail;
use super::reply::{Reply, SmtpError};
use super::session::{Session, StartTls};
use super::{HELLO, send, send_to};

#[test]
fn a_message_goes_to_all_who_are_accepted() {
    let sent = send(
        &[
            "220-welcome\r\n220 to mail.test\r\n",
            HELLO,
            "250 fine\r\n",
            "550-5.1.1 not\r\n550 5.1.1 here\r\n",
            "251 will forward\r\n",
            "354 go on\r\n",
            "250 2.0.0 kept\r\n",
            "221 bye\r\n",
        ],
        StartTls::IfOffered,
        None,
    );
    let refused = Reply {
        code: 550,
        lines: vec!["5.1.1 not".to_owned(), "5.1.1 here".to_owned()],
    };
    let delivery = sent.result.unwrap();
    assert_eq!(delivery.accepted, ["c@example.net"]);
    assert_eq!(delivery.refused, [("b@example.net".to_owned(), refused)]);
    assert_eq!(delivery.reply.to_string(), "250 2.0.0 kept");
    assert_eq!(
        sent.heard,
        "EHLO [127.0.0.1]\r\nMAIL FROM:<a@example.org> SIZE=21\r\nRCPT TO:<b@example.net>\r\n\
         RCPT TO:<c@example.net>\r\nDATA\r\nSubject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n"
    );
}

#[test]
fn every_line_ends_with_cr_lf_and_a_full_stop_is_doubled() {
    for (message, sent) in [
        ("", ".\r\n"),
        ("a", "a\r\n.\r\n"),
        (".", "..\r\n.\r\n"),
        ("a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"),
        ("a\n.\nb\r.\rc\n\r", "a\r\n..\r\nb\r\n..\r\nc\r\n\r\n.\r\n"),
        ("a\r\n..b\n\n.c", "a\r\n...b\r\n\r\n..c\r\n.\r\n"),
        ("a.\r\r\n.b", "a.\r\n\r\n..b\r\n.\r\n"),
    ] {
        let mail = Mail::new("", &[], message.as_bytes()).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&mail.stuffed()),
            sent,
            "{message:?}"
        );
    }
}

#[test]
fn an_address_cannot_be_a_command() {
    for address in [
        "a@b\r\nRCPT TO:<c@d>",
        "a@b\nDATA",
        "a@b> SIZE=1",
        "<a@b",
        "a b@c",
        "a",
        "@b",
        "a@",
        "a@b\0",
        "\u{fc}@b",
        "a@b,c@d",
        "a@b\x7f",
        "",
    ] {
        let bad = SmtpError::BadAddress(address.to_owned());
        let to = [address.to_owned()];
        assert_eq!(Mail::new("a@b", &to, b"").err(), Some(bad.clone()));
        if !address.is_empty() {
            assert_eq!(Mail::new(address, &[], b"").err(), Some(bad));
        }
    }
}

#[test]
fn a_refusal_is_told_with_the_servers_code_and_text() {
    let whole = [
        "220 hi\r\n",
        HELLO,
        "250 ok\r\n",
        "250 ok\r\n",
        "250 ok\r\n",
        "354 go\r\n",
        "250 ok\r\n",
    ];
    let names = [
        "the connection",
        "EHLO",
        "MAIL",
        "RCPT",
        "RCPT",
        "DATA",
        "the message",
    ];
    for (at, name) in names.into_iter().enumerate() {
        let mut says = whole;
        says[at] = "421-no\r\n421 more\r\n";
        let SmtpError::Refused { command, reply } = send(&says, StartTls::Never, None).error()
        else {
            panic!("it was refused");
        };
        assert_eq!((command, reply.code), (name, 421));
        assert_eq!(reply.lines, ["no", "more"]);
    }
    let nobody = [
        "220 hi\r\n",
        HELLO,
        "250 ok\r\n",
        "550 no\x1b[31m\r\n",
        "450 later\r\n",
    ];
    let error = send(&nobody, StartTls::Never, None).error();
    assert_eq!(
        error.to_string(),
        "every recipient was refused: b@example.net: 550 no\\u{1b}[31m; c@example.net: 450 later;"
    );
}

#[test]
fn an_old_server_is_greeted_in_the_old_way() {
    let says = [
        "220 hi\r\n",
        "502 what?\r\n",
        "250 hello\r\n",
        "250 ok\r\n",
        "250 ok\r\n",
        "250 ok\r\n",
        "354 go\r\n",
        "250 ok\r\n",
        "close",
    ];
    let sent = send(&says, StartTls::IfOffered, None);
    assert!(sent.result.is_ok());
    let beginning = "EHLO [127.0.0.1]\r\nHELO [127.0.0.1]\r\nMAIL FROM:<a@example.org>\r\n";
    assert!(sent.heard.starts_with(beginning), "{}", sent.heard);
}

#[test]
fn what_the_server_cannot_take_is_not_sent() {
    let says = ["220 hi\r\n", "250-x\r\n250 SIZE 20\r\n"];
    let (length, limit) = (21, 20);
    let error = send(&says, StartTls::Never, None).error();
    assert_eq!(error, SmtpError::TooLarge { length, limit });
    let to = ["b@example.net".to_owned()];
    let mail = Mail::new("", &to, "\u{fc}".as_bytes()).unwrap();
    let session = Session::new(mail, StartTls::Never, None);
    let error = send_to(&["220 hi\r\n", "250 x\r\n"], session).error();
    assert_eq!(error, SmtpError::NotOffered("8BITMIME"));
}

#[test]
fn what_is_no_smtp_ends_the_conversation() {
    for says in [
        "SSH-2.0-OpenSSH\r\n",
        "22 hi\r\n",
        "220hi\r\n",
        "220\u{fc}\r\n",
        "100 hi\r\n",
        "620 hi\r\n",
        "220-hi\r\n250 there\r\n",
        "\r\n",
    ] {
        let error = send(&[says], StartTls::Never, None).error();
        assert!(
            matches!(error, SmtpError::Malformed(_)),
            "{says:?}: {error:?}"
        );
    }
    for endless in ["220-hi\r\n".repeat(300), "220 ".repeat(10_000)] {
        let error = send(&[endless.leak()], StartTls::Never, None).error();
        assert!(matches!(error, SmtpError::Malformed(_)), "{error:?}");
    }
    let error = send(&["220 hi\r\n", "close"], StartTls::Never, None).error();
    assert!(matches!(error, SmtpError::Ended(_)), "{error:?}");
}

#[test]
fn a_server_that_says_nothing_is_left_after_five_minutes() {
    let error = send(&["220 hi\r\n"], StartTls::Never, None).error();
    let late = Failure::from(TimedOut {
        after: Duration::from_secs(300),
    });
    assert_eq!(error, SmtpError::Ended(late.to_string()));
}
