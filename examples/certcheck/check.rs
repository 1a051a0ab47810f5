//! What is found out about a target.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use torsade::tls::{Certificate, CertificateVerifier, ClientTls, TlsError, TlsInfo};
use torsade::{Deferred, Failure, Reactor, Result};

use crate::arguments::Arguments;
use crate::hosts;
use crate::target::Target;

/// How targets are looked at.
pub(crate) struct Checker {
    reactor: Reactor,
    tls: ClientTls,
    verifier: CertificateVerifier,
    name: Option<String>,
    timeout: Duration,
}

/// What was found.
pub(crate) struct Finding {
    pub(crate) target: String,
    /// As far as they could be seen: the own one first.
    pub(crate) chain: Vec<Certificate>,
    /// Such as `TLS 1.3`, of a host.
    pub(crate) version: Option<String>,
    /// What is wrong at once.
    wrong: Vec<String>,
}

impl Checker {
    pub(crate) fn new(reactor: &Reactor, arguments: &Arguments) -> Result<Self> {
        let mut tls = ClientTls::builder().resumption(false).key_log();
        if let Some(file) = &arguments.cacert {
            tls = tls.roots_from_pem_file(file);
        }
        if let Some(name) = &arguments.name {
            tls = tls.expected_name(name);
        }
        Ok(Self {
            reactor: reactor.clone(),
            verifier: tls.verifier()?,
            tls: tls.build()?,
            name: arguments.name.clone(),
            timeout: arguments.timeout,
        })
    }

    /// It succeeds whatever is wrong: that is what is to be told.
    pub(crate) fn check(self: &Rc<Self>, target: Target) -> Deferred<Finding> {
        let name = target.to_string();
        match target {
            Target::File(path) => Deferred::succeed(match Certificate::from_pem_file(path) {
                Ok(chain) => self.in_file(name, chain),
                Err(error) => Finding::failed(name, &error.into()),
            }),
            Target::Host {
                protocol,
                host,
                port,
            } => {
                let address = (host.as_str(), port);
                hosts::look(&self.reactor, &self.tls, protocol, address, self.timeout)
                    .add_both(move |found| -> Result<Finding> { Ok(Finding::of_host(name, found)) })
            }
        }
    }

    fn in_file(&self, target: String, chain: Vec<Certificate>) -> Finding {
        let mut wrong = Vec::new();
        let own = &chain[0];
        // A bundle of authorities has none of a host.
        if own.is_authority() && chain.iter().any(|other| !other.is_authority()) {
            wrong.push("the certificate of the host has to be the first in the chain".to_owned());
        }
        // An authority's own is looked at by itself: no host shows it.
        if !own.is_authority() || !own.names().is_empty() {
            let name = self.name.clone().or_else(|| some_name(own));
            let name = name.unwrap_or_else(|| "this-has-no-name.invalid".to_owned());
            match self.verifier.verify(&chain, &name, SystemTime::now()) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => wrong.push(with_help(&error)),
                Err(error) => wrong.push(error.to_string()),
            }
        }
        Finding {
            target,
            chain,
            version: None,
            wrong,
        }
    }
}

/// A host that the certificate is for.
fn some_name(certificate: &Certificate) -> Option<String> {
    let names = certificate.names();
    Some(names.first()?.replacen("*.", "any.", 1))
}

impl Finding {
    fn of_host(target: String, found: Result<TlsInfo>) -> Self {
        match found {
            Ok(info) => Self {
                target,
                chain: info.peer_certificates,
                version: Some(info.version.to_string()),
                wrong: Vec::new(),
            },
            Err(failure) => Self::failed(target, &failure),
        }
    }

    fn failed(target: String, failure: &Failure) -> Self {
        let error = failure.find::<TlsError>();
        Self {
            target,
            chain: error.map_or_else(Vec::new, |error| error.certificates().to_vec()),
            version: None,
            wrong: vec![match error {
                Some(error) => with_help(error),
                None => format!("{failure:#}"),
            }],
        }
    }

    /// What is wrong, or will be soon: of the whole chain, as each of it can expire.
    pub(crate) fn problems(&self, now: SystemTime, warn_days: i64) -> Vec<String> {
        let mut problems = self.wrong.clone();
        for (at, certificate) in self.chain.iter().enumerate() {
            let days = certificate.days_left(now);
            // Of what has expired the check above tells, if it is needed at all.
            if (0..=warn_days).contains(&days) {
                problems.push(if at == 0 {
                    format!("it expires in {days} days")
                } else {
                    format!(
                        "{:?} in its chain expires in {days} days",
                        certificate.subject_name()
                    )
                });
            }
        }
        problems
    }
}

fn with_help(error: &TlsError) -> String {
    format!("{error} ({})", error.help())
}
