//! Protection spaces: where the same credentials are good (RFC 9110 section 11.5).

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::challenge::Info;
use super::credentials::Credentials;
use super::digest::{DigestChallenge, DigestSession, Sent};
use crate::origin::Origin;
use crate::random::random_hex;
use crate::request::Request;

/// Where an answer was given, and is given again without being asked.
pub(super) struct Space {
    origin: Origin,
    credentials: Rc<Credentials>,
    /// What its paths begin with; all of the origin's, if there are none to tell.
    prefixes: Option<Vec<String>>,
    answer: Answer,
}

enum Answer {
    Basic,
    Digest(RefCell<DigestSession>),
}

/// So many `domain`s of a challenge are looked at.
const PREFIXES: usize = 64;

impl Space {
    /// By Basic it is the folder of what was requested (RFC 7617 section 2.2).
    pub(super) fn basic(url: &Url, credentials: &Rc<Credentials>) -> Self {
        let path = url.path();
        let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
        Self {
            origin: Origin::of(url),
            credentials: Rc::clone(credentials),
            prefixes: Some(vec![folder.to_owned()]),
            answer: Answer::Basic,
        }
    }

    /// By Digest it is what the challenge says, of this origin, or all of the origin (RFC 7616
    /// section 3.3).
    pub(super) fn digest(
        url: &Url,
        credentials: &Rc<Credentials>,
        challenge: DigestChallenge,
    ) -> Self {
        let origin = Origin::of(url);
        let uris = challenge.domain.as_deref().unwrap_or_default();
        let prefixes: Vec<String> = uris
            .split_ascii_whitespace()
            .take(PREFIXES)
            .filter_map(|uri| url.join(uri).ok())
            .filter(|prefix| Origin::of(prefix) == origin)
            .map(|prefix| target(&prefix).to_owned())
            .collect();
        let is_told = !uris.trim_ascii().is_empty();
        let (user, password) = (&credentials.user, &credentials.password);
        let session = DigestSession::new(challenge, user, password, random_hex());
        Self {
            origin,
            credentials: Rc::clone(credentials),
            prefixes: is_told.then_some(prefixes),
            answer: Answer::Digest(RefCell::new(session)),
        }
    }

    pub(super) fn is_basic(&self) -> bool {
        matches!(self.answer, Answer::Basic)
    }

    /// How long the beginning is that `url` has in common with it; `None` if it is not within.
    fn covers(&self, url: &Url, credentials: &Credentials) -> Option<usize> {
        if self.origin != Origin::of(url) || *self.credentials != *credentials {
            return None;
        }
        let Some(prefixes) = &self.prefixes else {
            return Some(0);
        };
        let within = prefixes
            .iter()
            .filter(|prefix| target(url).starts_with(prefix.as_str()));
        within.map(String::len).max()
    }

    /// Whether it takes the place of the other one.
    fn replaces(&self, other: &Self) -> bool {
        self.origin == other.origin
            && self.credentials == other.credentials
            && match (&self.answer, &other.answer) {
                (Answer::Basic, Answer::Basic) => self.prefixes == other.prefixes,
                (Answer::Digest(one), Answer::Digest(another)) => {
                    one.borrow().realm() == another.borrow().realm()
                }
                _ => false,
            }
    }

    /// The value of `Authorization`, if there can be one.
    pub(super) fn authorization(&self, request: &Request) -> Option<HeaderValue> {
        match &self.answer {
            Answer::Basic => Some(self.credentials.basic()),
            Answer::Digest(session) => session.borrow_mut().authorization(Sent {
                method: &request.method,
                target: request.target(),
                body: request.body.bytes(),
            }),
        }
    }

    /// Looks whether the server has another nonce for the next request.
    pub(super) fn renew(&self, headers: &HeaderMap) {
        if let Answer::Digest(session) = &self.answer {
            renew(&mut session.borrow_mut(), headers, &AUTHENTICATION_INFO);
        }
    }
}

const AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("authentication-info");

/// Takes the next nonce from a field, if there is one (RFC 7616 section 3.5).
pub(crate) fn renew(session: &mut DigestSession, headers: &HeaderMap, field: &HeaderName) {
    if let Some(value) = headers.get(field)
        && let Some(nonce) = Info::parse(value.as_bytes()).parameter("nextnonce")
    {
        session.renew(nonce);
    }
}

fn target(url: &Url) -> &str {
    &url[url::Position::BeforePath..url::Position::AfterQuery]
}

/// The spaces that are known, the oldest first.
#[derive(Default)]
pub(super) struct Spaces(RefCell<Vec<Rc<Space>>>);

impl Spaces {
    /// So many are kept.
    const MOST: usize = 256;

    /// The one around `url` that is the smallest, and of several the newest.
    pub(super) fn find(&self, url: &Url, credentials: &Credentials) -> Option<Rc<Space>> {
        let spaces = self.0.borrow();
        let covering = spaces
            .iter()
            .filter_map(|space| Some((space.covers(url, credentials)?, space)));
        let (_, space) = covering.max_by_key(|(length, _)| *length)?;
        Some(Rc::clone(space))
    }

    pub(super) fn remember(&self, space: &Rc<Space>) {
        let mut spaces = self.0.borrow_mut();
        if spaces.iter().any(|known| Rc::ptr_eq(known, space)) {
            return;
        }
        spaces.retain(|known| !space.replaces(known));
        if spaces.len() == Self::MOST {
            spaces.remove(0);
        }
        spaces.push(Rc::clone(space));
    }

    pub(super) fn forget(&self, space: &Rc<Space>) {
        self.0
            .borrow_mut()
            .retain(|known| !Rc::ptr_eq(known, space));
    }
}

impl fmt::Debug for Spaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spaces({})", self.0.borrow().len())
    }
}
