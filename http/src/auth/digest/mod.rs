//! Digest: the password is proven by a hash, and never sent (RFC 7616, and RFC 2617 and 2069 before
//! it).

mod algorithm;
mod session;

pub(crate) use self::algorithm::{Algorithm, Hash};
pub(crate) use self::session::{DigestSession, Sent};
use super::challenge::Challenge;

/// A challenge of Digest that can be answered.
#[derive(Clone, Debug)]
pub(crate) struct DigestChallenge {
    realm: Vec<u8>,
    nonce: Vec<u8>,
    opaque: Option<Vec<u8>>,
    algorithm: Option<Algorithm>,
    quality: Quality,
    /// The nonce that was used is too old; the password was not looked at, or is right.
    is_stale: bool,
    /// The user's name is sent as a hash.
    userhash: bool,
    is_utf8: bool,
    /// Where else the answer is good, as it was written.
    pub(crate) domain: Option<String>,
}

/// The quality of protection that is offered: the parameter `qop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quality {
    /// There was none yet in RFC 2069.
    None,
    Auth,
    /// The body is hashed, too. With `Auth` besides, that is taken: few servers know this one well.
    AuthInt,
}

impl DigestChallenge {
    /// The one with the strongest algorithm, the first of several.
    ///
    /// Those with algorithms or qualities that are not known here are passed over, as is one that
    /// wants the body hashed if that is not `known_body`.
    pub(crate) fn strongest(challenges: &[Challenge], known_body: bool) -> Option<Self> {
        let answerable = challenges
            .iter()
            .filter_map(Self::of)
            .filter(|digest| known_body || digest.quality != Quality::AuthInt);
        // Of several, `max_by_key` gives the last.
        answerable
            .rev()
            .max_by_key(|digest| digest.algorithm().hash)
    }

    fn of(challenge: &Challenge) -> Option<Self> {
        if !challenge.is("Digest") {
            return None;
        }
        let text = |name| challenge.parameter(name).map(<[u8]>::to_vec);
        let is = |name, value: &str| {
            let given = challenge.parameter(name).unwrap_or_default();
            given.eq_ignore_ascii_case(value.as_bytes())
        };
        let algorithm = match challenge.parameter("algorithm") {
            Some(name) => Some(Algorithm::named(name)?),
            None => None,
        };
        Some(Self {
            realm: text("realm")?,
            nonce: text("nonce")?,
            opaque: text("opaque"),
            algorithm,
            quality: quality(challenge.parameter("qop"))?,
            is_stale: is("stale", "true"),
            userhash: is("userhash", "true"),
            is_utf8: is("charset", "UTF-8"),
            domain: text("domain").and_then(|uris| String::from_utf8(uris).ok()),
        })
    }

    /// Whether it may be answered after so many answers to others about the same request.
    ///
    /// Whoever finds every nonce too old would have us go round for ever.
    pub(crate) fn may_be_answered(&self, answers: u8) -> bool {
        answers == 0 || (answers == 1 && self.is_stale)
    }

    pub(crate) fn realm(&self) -> &[u8] {
        &self.realm
    }

    fn algorithm(&self) -> Algorithm {
        self.algorithm.unwrap_or(Algorithm::DEFAULT)
    }
}

/// `None` if there are only such as are not known here.
fn quality(offered: Option<&[u8]>) -> Option<Quality> {
    let Some(offered) = offered else {
        return Some(Quality::None);
    };
    let offers = |name: &str| {
        let mut names = offered.split(|&byte| byte == b',');
        names.any(|known| known.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
    };
    if offers("auth") {
        Some(Quality::Auth)
    } else {
        offers("auth-int").then_some(Quality::AuthInt)
    }
}

#[cfg(test)]
mod tests;
