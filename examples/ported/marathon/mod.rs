//! A watcher of Marathon, as marathon-acme has one: which programs want certificates?
//!
//! Marathon runs programs, and says by an endless answer (Server-Sent Events, over https) when somebody
//! changes what runs. At the beginning and after each change it is asked for all programs, and each
//! domain that a program names and that has no certificate gets one. Then the load balancers are told.

pub(crate) mod api;
pub(crate) mod apps;
pub(crate) mod events;

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use torsade::task::defer_later;
use torsade::{Cancelled, Deferred, DeferredQueue, Failure, Reactor, Result, gather};

use api::{LoadBalancers, Marathon};
use events::Events;

/// After the events have ended, until they are asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// Marathon begins to tell.
const ATTACHED: &str = "event_stream_attached";
/// Somebody has changed what runs.
const CHANGED: &str = "api_post_event";

/// Where certificates are kept, and who makes them.
pub(crate) trait Certificates {
    /// The domains that have one.
    fn domains(&self) -> Deferred<Vec<String>>;

    /// Has one made for a domain, and keeps it. A [`Refused`] may be for a while.
    fn issue(&self, domain: &str) -> Deferred<()>;
}

/// Who makes certificates makes none for a domain.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Such as `rateLimited`.
    pub(crate) code: &'static str,
}

/// Has certificates made for the programs of one group.
pub(crate) struct Watcher {
    reactor: Reactor,
    group: String,
    marathon: Marathon,
    balancers: Rc<LoadBalancers>,
    certificates: Box<dyn Certificates>,
    /// That something has changed. Once is enough, however often it has.
    changes: DeferredQueue<()>,
}

impl Watcher {
    pub(crate) fn new(
        reactor: &Reactor,
        group: &str,
        marathon: Marathon,
        balancers: LoadBalancers,
        certificates: impl Certificates + 'static,
    ) -> Self {
        Self {
            reactor: reactor.clone(),
            group: group.to_owned(),
            marathon,
            balancers: Rc::new(balancers),
            certificates: Box::new(certificates),
            changes: DeferredQueue::new().with_size(1),
        }
    }

    /// Runs until no server of Marathon answers, or until it is cancelled.
    pub(crate) fn run(self) -> Deferred<()> {
        let this = Rc::new(self);
        let syncing = this.reactor.spawn(Rc::clone(&this).sync_after_changes());
        let watching = this.reactor.spawn(Rc::clone(&this).watch());
        watching.add_both(move |ended| {
            syncing.cancel();
            syncing.add_both(|_| ended)
        })
    }

    /// Listens to Marathon, over and over.
    async fn watch(self: Rc<Self>) -> Result<()> {
        loop {
            log::info!("listening to Marathon");
            let response = self.marathon.events(&[CHANGED, ATTACHED]).await?;
            let (mut events, changes) = (Events::default(), self.changes.clone());
            let mut is_attached = false;
            let ended = response.collect(move |bytes| {
                events.take(bytes, |kind, data| {
                    if kind == CHANGED || (kind == ATTACHED && !is_attached) {
                        let data: Value = serde_json::from_str(data)?;
                        log::info!("{kind} at {}", data["timestamp"]);
                        is_attached |= kind == ATTACHED;
                        // If it is full then there is a sync to come already.
                        let _ = changes.put(());
                    }
                    Ok(())
                })
            });
            match ended.await {
                Ok(()) => log::warn!("Marathon has stopped telling"),
                Err(failure) if is_cancelled(&failure) => return Err(failure),
                Err(failure) => log::warn!("Marathon is not heard any more: {failure:#}"),
            }
            defer_later(&self.reactor, PAUSE, || ()).await?;
        }
    }

    async fn sync_after_changes(self: Rc<Self>) -> Result<()> {
        loop {
            self.changes.get().await?;
            match self.sync().await {
                Ok(()) => log::info!("all certificates are there"),
                Err(failure) if is_cancelled(&failure) => return Err(failure),
                Err(failure) => log::error!("not all certificates are there: {failure:#}"),
            }
        }
    }

    /// Has the certificates made that are missing.
    async fn sync(&self) -> Result<()> {
        let mut missing = BTreeSet::new();
        for app in self.marathon.apps().await? {
            missing.extend(apps::domains(&app, &self.group)?);
        }
        for domain in self.certificates.domains().await? {
            missing.remove(&domain);
        }
        let issued = missing.into_iter().map(|domain| self.issue(domain));
        gather(issued).await?;
        Ok(())
    }

    fn issue(&self, domain: String) -> Deferred<()> {
        let balancers = Rc::clone(&self.balancers);
        self.certificates
            .issue(&domain)
            .add_callback(move |()| balancers.reload())
            .add_errback(move |failure| {
                let refused = failure.trap::<Refused>()?;
                match refused.code {
                    "rateLimited" | "serverInternal" | "connection" | "unknownHost" => {
                        // The others go on; this one is tried again at the next change.
                        log::error!("{domain}: {refused}");
                        Ok(())
                    }
                    _ => Err(refused.into()),
                }
            })
    }
}

fn is_cancelled(failure: &Failure) -> bool {
    failure.find::<Cancelled>().is_some()
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no certificate is made: {}", self.code)
    }
}

impl Error for Refused {}
