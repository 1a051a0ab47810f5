//! What a person can do about a [`TlsError`].

use rustls::AlertDescription;

use super::TlsError;

impl TlsError {
    /// What a person can do about it, in a sentence or two.
    ///
    /// ```
    /// use torsade_core::Filter;
    /// use torsade_tls::{ClientTls, TlsError};
    ///
    /// let mut filter = ClientTls::builder().bundled_roots().build()?.filter("mail.example.com")?;
    /// let greeting = b"220 mail.example.com ESMTP\r\n";
    /// let failure = filter.decode(&mut greeting.to_vec(), &mut vec![], &mut vec![]).unwrap_err();
    /// let error = failure.check::<TlsError>().expect("its errors are these");
    /// eprintln!("error: {error}");
    /// eprintln!("help: {}", error.help());
    /// assert!(error.help().contains("port"));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn help(&self) -> String {
        match self {
            Self::WrongName { peer, found, .. } => match found.first() {
                Some(name) => format!(
                    "connect to a name that the certificate is for, such as {name}, or have {peer} \
                     show one that is for its name; behind a name that it has not, another server \
                     may be in the way"
                ),
                None => "a certificate needs subject alternative names; its common name has not \
                         counted since 2017"
                    .to_owned(),
            },
            Self::CertificateRefused {
                was_shown: false, ..
            } => "give this client a certificate and its key, from an authority that the server \
                  trusts"
                .to_owned(),
            Self::CertificateRefused { alert, .. } | Self::AlertReceived { alert, .. } => {
                on_alert(*alert).to_owned()
            }
            Self::NotTls {
                looks_like: Some(what),
                ..
            } => format!("this port speaks {what}: use another port, or the protocol without TLS"),
            _ => self.advice().to_owned(),
        }
    }

    /// The advice that does not depend on details.
    fn advice(&self) -> &'static str {
        match self {
            Self::SelfSigned { .. } => {
                "compare the fingerprint over another channel; if it is the right one, add the \
                 certificate to the trust"
            }
            Self::Expired { .. } => {
                "its operator has to renew it; if all servers seem expired, the clock here is wrong"
            }
            Self::NotYetValid { .. } => "check the clock here, and the time zone it is set to",
            Self::UnknownIssuer { certificates, .. } if certificates.len() > 1 => {
                "if that authority is to be trusted, add its root to the trust; if everybody else \
                 trusts it, the roots here are old"
            }
            Self::UnknownIssuer { .. } => {
                "if that authority is to be trusted, add its root to the trust; if it is an \
                 intermediate one, the server has to send that certificate too (its chain is \
                 incomplete)"
            }
            Self::Revoked { .. } => {
                "do not connect: its key may be in other hands; its operator has to get a new one"
            }
            Self::RevocationUnknown {
                outdated_since: Some(_),
                ..
            } => "fetch the current list of its issuer, or ignore the age of lists",
            Self::RevocationUnknown { .. } => {
                "add the list of every issuer in the chain, look at the leaf only, or accept what \
                 no list is about"
            }
            Self::WrongPurpose { .. } => {
                "a certificate for servers needs the extended key usage serverAuth, one for \
                 clients clientAuth; its operator has to get another"
            }
            Self::WeakKey { .. } => {
                "its operator has to get a certificate with an RSA key of 2048 bits at least, or \
                 an ECDSA one"
            }
            Self::WeakSignature { .. } => {
                "signatures of this kind can be forged; its operator has to get a certificate \
                 signed with SHA-256 or better"
            }
            Self::PinMismatch { .. } => {
                "if its operator has changed the key, pin the new one; if not, somebody is in \
                 between"
            }
            Self::Rejected { .. } => "see what the program's own check demands",
            Self::BadCertificate { .. } => {
                "look at the chain with `openssl x509 -text`; its operator has to get another"
            }
            Self::NoCertificate { .. } => {
                "it has to be given a certificate and its key, from an authority that is trusted \
                 here"
            }
            Self::RenegotiationRefused { .. } => {
                "if it wants a client certificate, its operator has to ask for it in the first \
                 handshake: for all that this host and port serve"
            }
            Self::NoCommonVersion { .. } => {
                "TLS 1.2 and 1.3 are spoken here, as far as the configuration allows both; a peer \
                 with nothing newer than 1.1 has to be updated"
            }
            Self::NoCommonSuite { .. } => {
                "compare the cipher suites, groups and kinds of key that both sides allow"
            }
            Self::NoCommonProtocol { .. } => {
                "compare the lists of application protocols (ALPN) of both sides"
            }
            Self::ClosedWithoutCloseNotify { .. } => {
                "trust what was received only if its own length says that it is whole"
            }
            Self::EofInHandshake {
                answered: false, ..
            } => "check that this port speaks TLS, and whether a firewall or proxy is in between",
            Self::EofInHandshake { .. } => {
                "see the log of the other side; some close without an alert when they refuse a \
                 version, a name or a certificate"
            }
            Self::TooLarge { .. } => {
                "its operator has to split the certificate into several with fewer names"
            }
            Self::NotTls { .. } => "check the port, and whether it expects STARTTLS or no TLS",
            _ => {
                "try again; if it is always so, something in between changes the bytes, or the \
                 other side has a fault"
            }
        }
    }
}

/// What to look at when the peer gave up with `alert`.
fn on_alert(alert: AlertDescription) -> &'static str {
    use AlertDescription as Alert;
    match alert {
        Alert::UnknownCA => {
            "it does not trust the issuer: is our chain complete, with its intermediates?"
        }
        Alert::CertificateExpired => "is our certificate still valid, and are both clocks right?",
        Alert::BadCertificate | Alert::UnsupportedCertificate | Alert::CertificateUnknown => {
            "see the log of the other side for what it has against the certificate"
        }
        Alert::HandshakeFailure => {
            "most often there is no cipher suite or key exchange in common: compare those of both \
             sides"
        }
        Alert::UnrecognisedName => "it serves no host of this name: check the name",
        Alert::AccessDenied => "it does not serve this name, or not to us: check the name",
        Alert::InternalError => "the fault is on the other side: see its log",
        Alert::BadRecordMac | Alert::DecryptError => {
            "something in between changes the bytes, or the other side has a fault"
        }
        _ => "see the log of the other side",
    }
}
