//! What is said before TLS, and what is not.

use super::reply::SmtpError;
use super::session::StartTls;
use super::{OFFERS_TLS, me, send};

#[test]
fn nothing_is_sent_in_plain_that_must_be_encrypted() {
    let plain = [
        "220 hi\r\n",
        "250-x\r\n250 AUTH PLAIN\r\n",
        "250 ok\r\n",
        "250 ok\r\n",
    ];
    for (start_tls, expected) in [
        (StartTls::Required, SmtpError::NotOffered("STARTTLS")),
        (StartTls::IfOffered, SmtpError::NotEncrypted),
        (StartTls::Never, SmtpError::NotEncrypted),
    ] {
        let sent = send(&plain, start_tls, me());
        assert_eq!(sent.heard, "EHLO [127.0.0.1]\r\n");
        assert_eq!(sent.error(), expected);
    }
    let refuses = ["220 hi\r\n", OFFERS_TLS, "454 not now\r\n", "250 ok\r\n"];
    for start_tls in [StartTls::Required, StartTls::IfOffered] {
        let sent = send(&refuses, start_tls, me());
        assert_eq!(sent.heard, "EHLO [127.0.0.1]\r\nSTARTTLS\r\n");
        assert!(matches!(
            sent.error(),
            SmtpError::Refused {
                command: "STARTTLS",
                ..
            }
        ));
    }
}

// R86
#[test]
fn what_comes_in_plain_behind_the_go_ahead_is_not_believed() {
    for says in [
        &[
            "220 hi\r\n",
            OFFERS_TLS,
            "220 go ahead\r\n250-x\r\n250 AUTH PLAIN\r\n",
        ][..],
        &["220 hi\r\n", OFFERS_TLS, "220 go ahead\r\n250"],
        &["220 hi\r\n250-x\r\n250 STARTTLS\r\n220 go\r\n250 AUTH PLAIN\r\n"],
        &[
            "220 hi\r\n",
            "250-x\r\n250 STARTTLS\r\n220 go\r\n250 AUTH PLAIN\r\n",
        ],
    ] {
        let sent = send(says, StartTls::Required, me());
        let heard = sent.heard.strip_prefix("EHLO [127.0.0.1]\r\n");
        let heard = heard.unwrap_or(&sent.heard);
        assert!(["", "STARTTLS\r\n"].contains(&heard), "{heard:?}");
        assert_eq!(sent.error(), SmtpError::Unasked, "{says:?}");
    }
    // What comes a moment later is no TLS, and is not taken for words, either.
    let says = [
        "220 hi\r\n",
        OFFERS_TLS,
        "220 go ahead\r\n|250-x\r\n250 AUTH PLAIN\r\n",
    ];
    let sent = send(&says, StartTls::Required, me());
    let failure = format!("{:#}", sent.result.unwrap_err());
    assert!(failure.contains("TLS"), "{failure}");
    assert!(!sent.heard.contains("AUTH"), "{}", sent.heard);
    assert_eq!(sent.heard.matches("EHLO").count(), 1);
}
