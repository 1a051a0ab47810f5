//! How the proxies of an agent are told who asks.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Proxy;
use crate::auth::{Challenge, DigestChallenge, DigestSession, Sent, renew};
use crate::random::random_hex;

/// What was agreed on with each proxy: all that goes by way of one is one protection space (RFC 9110
/// section 11.7).
#[derive(Default)]
pub(crate) struct ProxyLogins(RefCell<HashMap<Rc<Proxy>, DigestSession>>);

impl ProxyLogins {
    /// What goes into `Proxy-Authorization`: by Digest once the proxy has asked for that.
    pub(crate) fn authorization(&self, proxy: &Rc<Proxy>, sent: Sent<'_>) -> Option<HeaderValue> {
        match self.0.borrow_mut().get_mut(proxy) {
            Some(session) => session.authorization(sent),
            None => proxy.authorization(),
        }
    }

    /// Whether an answer to these challenges is there now, after so many that were not accepted.
    pub(crate) fn answer(
        &self,
        proxy: &Rc<Proxy>,
        challenges: &[Challenge],
        known_body: bool,
        answers: u8,
    ) -> bool {
        let mut sessions = self.0.borrow_mut();
        sessions.remove(proxy);
        let Some((user, password)) = &proxy.credentials else {
            return false;
        };
        let digest = DigestChallenge::strongest(challenges, known_body);
        let Some(digest) = digest.filter(|digest| digest.may_be_answered(answers)) else {
            return false;
        };
        log::debug!(target: "torsade::http", "{proxy} asks who we are; again with an answer");
        let session = DigestSession::new(digest, user, password, random_hex());
        sessions.insert(Rc::clone(proxy), session);
        true
    }

    /// Looks whether the proxy has another nonce for the next request.
    pub(crate) fn renew(&self, proxy: &Rc<Proxy>, headers: &HeaderMap) {
        if let Some(session) = self.0.borrow_mut().get_mut(proxy) {
            renew(session, headers, &PROXY_AUTHENTICATION_INFO);
        }
    }
}

const PROXY_AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("proxy-authentication-info");

impl fmt::Debug for ProxyLogins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.borrow().keys()).finish()
    }
}
