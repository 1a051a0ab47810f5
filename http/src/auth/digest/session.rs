//! One challenge, and the answers to it.

use std::fmt;

use http::{HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{DigestChallenge, Hash, Quality};

/// What is proven to be sent by somebody who knows the password.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent<'a> {
    pub(crate) method: &'a Method,
    /// The request's target, as it is sent.
    pub(crate) target: &'a str,
    /// `None` if it is not known yet.
    pub(crate) body: Option<&'a [u8]>,
}

/// An authentication session (RFC 7616 section 3.6): a nonce, and how often it was used.
pub(crate) struct DigestSession {
    challenge: DigestChallenge,
    cnonce: String,
    /// The parameters `username` and `userhash`.
    user: Vec<u8>,
    /// The hash of all that is secret: H(A1).
    secret: String,
    count: u32,
}

impl DigestSession {
    /// The nonce of ours, `cnonce`, is one for the whole session; the count tells answers apart.
    pub(crate) fn new(
        challenge: DigestChallenge,
        user: &str,
        password: &str,
        cnonce: String,
    ) -> Self {
        let algorithm = challenge.algorithm();
        let mut secret = algorithm.of(&[user.as_bytes(), &challenge.realm, password.as_bytes()]);
        if algorithm.is_session {
            secret = algorithm.of(&[secret.as_bytes(), &challenge.nonce, cnonce.as_bytes()]);
        }
        Self {
            user: user_parameters(&challenge, user),
            challenge,
            cnonce,
            secret,
            count: 0,
        }
    }

    pub(crate) fn realm(&self) -> &[u8] {
        self.challenge.realm()
    }

    /// The server wants the next answer to be to this nonce (`nextnonce`). The secret of a session
    /// stays (RFC 7616 section 3.4.2).
    pub(crate) fn renew(&mut self, nonce: &[u8]) {
        self.challenge.nonce = nonce.to_vec();
        self.count = 0;
    }

    /// The value of `Authorization`; `None` if the body has to be known and is not, or if what the
    /// server said cannot be said in a field.
    pub(crate) fn authorization(&mut self, sent: Sent<'_>) -> Option<HeaderValue> {
        // A nonce that was used four thousand million times is stale by all means.
        self.count = self.count.wrapping_add(1);
        let count = format!("{:08x}", self.count);
        let algorithm = self.challenge.algorithm();
        let (method, target) = (sent.method.as_str().as_bytes(), sent.target.as_bytes());
        let (quality, request) = match self.challenge.quality {
            Quality::None => (None, algorithm.of(&[method, target])),
            Quality::Auth => (Some("auth"), algorithm.of(&[method, target])),
            Quality::AuthInt => {
                let body = algorithm.of(&[sent.body?]);
                let request = algorithm.of(&[method, target, body.as_bytes()]);
                (Some("auth-int"), request)
            }
        };
        let (secret, nonce) = (self.secret.as_bytes(), self.challenge.nonce.as_slice());
        let response = match quality {
            None => algorithm.of(&[secret, nonce, request.as_bytes()]),
            Some(quality) => algorithm.of(&[
                secret,
                nonce,
                count.as_bytes(),
                self.cnonce.as_bytes(),
                quality.as_bytes(),
                request.as_bytes(),
            ]),
        };
        let mut value = b"Digest ".to_vec();
        value.extend_from_slice(&self.user);
        quoted(&mut value, ", realm", &self.challenge.realm);
        quoted(&mut value, ", uri", target);
        if let Some(algorithm) = self.challenge.algorithm {
            plain(&mut value, ", algorithm", algorithm.name());
        }
        quoted(&mut value, ", nonce", nonce);
        if let Some(quality) = quality {
            plain(&mut value, ", nc", &count);
            plain(&mut value, ", qop", quality);
        }
        // A session has it in its secret.
        if quality.is_some() || algorithm.is_session {
            quoted(&mut value, ", cnonce", self.cnonce.as_bytes());
        }
        quoted(&mut value, ", response", response.as_bytes());
        if let Some(opaque) = &self.challenge.opaque {
            quoted(&mut value, ", opaque", opaque);
        }
        let mut value = HeaderValue::from_bytes(&value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Who it is: the name itself, its hash, or its UTF-8 with percent signs (RFC 7616 section 3.4.4).
fn user_parameters(challenge: &DigestChallenge, user: &str) -> Vec<u8> {
    let algorithm = challenge.algorithm();
    let mut value = Vec::new();
    if challenge.userhash {
        let hash = algorithm.of(&[user.as_bytes(), &challenge.realm]);
        quoted(&mut value, "username", hash.as_bytes());
        plain(&mut value, ", userhash", "true");
        return value;
    }
    // Servers from before RFC 7616 know nothing of that, and are given the bytes.
    let knows_utf8 = challenge.is_utf8 || algorithm.hash != Hash::Md5;
    if user.contains(char::is_control) || (knows_utf8 && !user.is_ascii()) {
        let encoded = format!("UTF-8''{}", utf8_percent_encode(user, ENCODED));
        plain(&mut value, "username*", &encoded);
    } else {
        quoted(&mut value, "username", user.as_bytes());
    }
    value
}

/// All but `attr-char` (RFC 8187 section 3.2.1).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

fn plain(value: &mut Vec<u8>, name: &str, text: &str) {
    value.extend_from_slice(format!("{name}={text}").as_bytes());
}

fn quoted(value: &mut Vec<u8>, name: &str, text: &[u8]) {
    value.extend_from_slice(name.as_bytes());
    value.extend_from_slice(b"=\"");
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            value.push(b'\\');
        }
        value.push(byte);
    }
    value.push(b'"');
}

// What is secret is not shown.
impl fmt::Debug for DigestSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestSession")
            .field("challenge", &self.challenge)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}
