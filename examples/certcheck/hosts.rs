//! Connecting to a host, until its certificate is known.

use std::fmt;
use std::time::Duration;

use torsade::endpoints::{ClientEndpoint, ConnectOptions};
use torsade::tls::{ClientTls, StartTls, TlsInfo, wrap_client_tls};
use torsade::{
    Address, Deferred, Failure, HostnameClient, Protocol, Reactor, Resolver, Result, Transport,
};

use crate::starttls::{self, Dialogue, Step};

/// What a handshake agreed on.
pub(crate) fn look(
    reactor: &Reactor,
    tls: &ClientTls,
    protocol: Option<starttls::Protocol>,
    (host, port): (&str, u16),
    timeout: Duration,
) -> Deferred<TlsInfo> {
    let options = ConnectOptions::new().timeout(timeout);
    let tcp = HostnameClient::new(reactor, host, port).options(options);
    let found = match protocol {
        None => wrap_client_tls(tcp, tls, host)
            .connect(|_: &Address| Silent)
            .add_callback(|connected| -> Result<TlsInfo> {
                let transport = connected.transport();
                let info = transport.negotiated::<TlsInfo>();
                transport.lose_connection();
                Ok((*info.expect("the handshake is done")).clone())
            }),
        Some(protocol) => {
            let (resolver, found) = Deferred::new();
            let (tls, host) = (tls.clone(), host.to_owned());
            let mut talk = Some(Talk {
                dialogue: Dialogue::new(protocol),
                tls,
                host,
                found: Some(resolver),
            });
            let once = move |_: &Address| talk.take().expect("it connects once");
            tcp.connect(once).add_callback(move |_| found)
        }
    };
    found.add_timeout(reactor, timeout)
}

/// Has nothing to say.
struct Silent;

impl Protocol for Silent {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// The server does not come to TLS.
#[derive(Clone, Debug)]
struct NoTls(String);

impl fmt::Display for NoTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no TLS: {}", self.0)
    }
}

impl std::error::Error for NoTls {}

/// Talks until TLS may begin.
struct Talk {
    dialogue: Dialogue,
    tls: ClientTls,
    host: String,
    found: Option<Resolver<TlsInfo>>,
}

impl Talk {
    fn act(&mut self, transport: &Transport, step: Step) -> Result<()> {
        match step {
            Step::Wait => {}
            Step::Send(bytes) => transport.write(bytes),
            Step::Refused(why) => return Err(NoTls(why).into()),
            Step::Start => {
                let Some(found) = self.found.take() else {
                    return Ok(());
                };
                let upgraded = transport.clone();
                transport
                    .start_tls(&self.tls, &self.host)?
                    .add_both(move |started| {
                        match started {
                            Ok(()) => {
                                let info = upgraded.negotiated::<TlsInfo>();
                                upgraded.lose_connection();
                                found.callback((*info.expect("the handshake is done")).clone());
                            }
                            Err(failure) => found.errback(failure),
                        }
                        Ok(())
                    });
            }
        }
        Ok(())
    }
}

impl Protocol for Talk {
    fn connection_made(&mut self, transport: &Transport) {
        let step = self.dialogue.begin();
        // It only sends.
        let _ = self.act(transport, step);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        if self.found.is_none() {
            return Ok(());
        }
        let step = self.dialogue.receive(data);
        self.act(transport, step)
    }

    fn connection_lost(&mut self, reason: &Failure) {
        if let Some(found) = self.found.take() {
            found.errback(match reason.check::<NoTls>() {
                Some(refused) => refused.clone(),
                None => NoTls(format!("the connection ended before it: {reason}")),
            });
        }
    }
}
