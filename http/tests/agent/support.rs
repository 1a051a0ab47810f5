//! A world with a server that follows a script, byte for byte.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

use torsade_core::testing::Simulation;
use torsade_core::{Address, Deferred, Failure, Protocol, Reactor, Result, TcpServer, Transport};
use torsade_http::{Agent, AgentOptions, RequestError, Response, Stage};

pub(crate) const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const URL: &str = "http://server.test/";

/// What a scripted server does next on one connection.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Waits for the head of a request.
    Request,
    /// Waits until so many more bytes have come.
    Bytes(usize),
    Send(Vec<u8>),
    Sleep(Duration),
    /// Stops reading: the client feels that.
    StopReading,
    Read,
    Fin,
    Reset,
}

impl Step {
    /// Never does anything any more.
    pub(crate) const HANG: Self = Self::Bytes(usize::MAX);
}

pub(crate) fn send(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}

/// A whole answer with a length.
pub(crate) fn answer(body: &str) -> Step {
    send(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// Answers so many requests in order, then hangs.
pub(crate) fn answers(count: usize) -> Vec<Step> {
    let one = [Step::Request, answer("ok")];
    one.into_iter().cycle().take(2 * count).collect()
}

pub(crate) fn open_and_idle(world: &World) -> (usize, usize) {
    let statistics = world.agent.pool_statistics();
    (statistics.open, statistics.idle)
}

/// What the server saw.
#[derive(Default)]
pub(crate) struct Seen {
    /// Everything received, connection by connection.
    pub(crate) received: Vec<Vec<u8>>,
    /// Which connections have ended.
    pub(crate) ended: Vec<bool>,
}

pub(crate) struct World {
    pub(crate) reactor: Reactor,
    pub(crate) agent: Agent,
    pub(crate) seen: Rc<RefCell<Seen>>,
}

impl World {
    /// A server whose n-th connection follows the n-th script; further ones follow the last.
    pub(crate) fn new(scripts: impl IntoIterator<Item = Vec<Step>>) -> Self {
        Self::with(Simulation::new(), AgentOptions::new(), scripts)
    }

    pub(crate) fn with(
        simulation: Simulation,
        options: AgentOptions,
        scripts: impl IntoIterator<Item = Vec<Step>>,
    ) -> Self {
        Self::at_port(80, simulation, options, scripts)
    }

    pub(crate) fn at_port(
        port: u16,
        simulation: Simulation,
        options: AgentOptions,
        scripts: impl IntoIterator<Item = Vec<Step>>,
    ) -> Self {
        Self::wrapped(|server| server, port, simulation, options, scripts)
    }

    /// The server's endpoint is wrapped, in TLS for example.
    pub(crate) fn wrapped(
        wrap: impl FnOnce(TcpServer) -> TcpServer,
        port: u16,
        simulation: Simulation,
        options: AgentOptions,
        scripts: impl IntoIterator<Item = Vec<Step>>,
    ) -> Self {
        let reactor = simulation
            .host("server.test", [HOST])
            .host("other.test", [HOST])
            .reactor();
        let seen = Rc::new(RefCell::new(Seen::default()));
        let agent = Agent::with_options(&reactor, options);
        let world = Self {
            reactor,
            agent,
            seen,
        };
        world.serve(wrap, port, scripts);
        world
    }

    /// Another server; its connections are counted with those of the first.
    pub(crate) fn serve(
        &self,
        wrap: impl FnOnce(TcpServer) -> TcpServer,
        port: u16,
        scripts: impl IntoIterator<Item = Vec<Step>>,
    ) {
        let scripts: Vec<Vec<Step>> = scripts.into_iter().collect();
        let (seen, reactor) = (Rc::clone(&self.seen), self.reactor.clone());
        let served = Cell::new(0);
        wrap(TcpServer::new(&self.reactor, (HOST, port).into()))
            .listen(move |_: &Address| {
                let number = seen.borrow().received.len();
                seen.borrow_mut().received.push(Vec::new());
                seen.borrow_mut().ended.push(false);
                let script = scripts.get(served.replace(served.get() + 1));
                let script = script.or_else(|| scripts.last()).cloned();
                Scripted {
                    script: Rc::new(RefCell::new(Script {
                        steps: script.unwrap_or_default().into(),
                        number,
                        used: 0,
                        seen: Rc::clone(&seen),
                        is_asleep: false,
                    })),
                    reactor: reactor.clone(),
                }
            })
            .unwrap();
    }

    pub(crate) fn run<T: 'static>(&self, deferred: Deferred<T>) -> Result<T> {
        self.reactor.run_until(deferred)
    }

    pub(crate) fn get(&self) -> Deferred<Response> {
        self.agent.get(URL)
    }

    /// The whole body of a GET.
    pub(crate) fn get_text(&self) -> Result<String> {
        self.run(self.get().add_callback(|response| response.text()))
    }

    /// The error of a GET that must fail, in the head or in the body.
    pub(crate) fn get_error(&self) -> Failure {
        match self.get_text() {
            Ok(text) => panic!("there was an answer: {text:?}"),
            Err(failure) => failure,
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.borrow().received.len()
    }

    pub(crate) fn received(&self, connection: usize) -> String {
        String::from_utf8_lossy(&self.seen.borrow().received[connection]).into_owned()
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.run(torsade_core::task::defer_later(&self.reactor, time, || ()))
            .unwrap();
    }

    /// Nothing is left of any request: no connection, no timer, no place in the pool.
    pub(crate) fn is_clean(&self) {
        self.pass(Duration::from_secs(10));
        let statistics = self.agent.pool_statistics();
        assert_eq!(
            (statistics.open, statistics.idle, statistics.waiting),
            (0, 0, 0)
        );
        assert_eq!(self.reactor.open_sources(), 1, "only the listener is left");
        assert_eq!(self.reactor.delayed_calls(), 0);
    }
}

/// The request's error in a failure, which may be wrapped in that of a partial body.
pub(crate) fn request_error(failure: &Failure) -> &RequestError {
    failure
        .find::<RequestError>()
        .or_else(|| {
            let partial = failure.check::<torsade_http::PartialBody>()?;
            partial.reason.find::<RequestError>()
        })
        .unwrap_or_else(|| panic!("this is no request's error: {failure:?}"))
}

pub(crate) fn stage(failure: &Failure) -> Stage {
    request_error(failure).stage
}

struct Script {
    steps: VecDeque<Step>,
    number: usize,
    /// How much of what was received the steps have used.
    used: usize,
    seen: Rc<RefCell<Seen>>,
    is_asleep: bool,
}

impl Script {
    /// What the step at hand asks of `transport`, if it can be done already.
    fn next(&mut self) -> Option<Step> {
        if self.is_asleep {
            return None;
        }
        let step = self.steps.front()?.clone();
        let seen = self.seen.borrow();
        let received = &seen.received[self.number][self.used..];
        self.used += match &step {
            Step::Request => 4 + received.windows(4).position(|four| four == b"\r\n\r\n")?,
            Step::Bytes(count) if received.len() < *count => return None,
            Step::Bytes(count) => *count,
            _ => 0,
        };
        self.steps.pop_front()
    }
}

#[derive(Clone)]
struct Scripted {
    script: Rc<RefCell<Script>>,
    reactor: Reactor,
}

impl Scripted {
    fn go_on(&self, transport: &Transport) {
        loop {
            // Taken first: what is done may call us again.
            let step = self.script.borrow_mut().next();
            match step {
                None => return,
                Some(Step::Request | Step::Bytes(_)) => {}
                Some(Step::Send(bytes)) => transport.write(&bytes),
                Some(Step::StopReading) => transport.pause_reading(),
                Some(Step::Read) => transport.resume_reading(),
                Some(Step::Fin) => transport.lose_connection(),
                Some(Step::Reset) => transport.abort_connection(),
                Some(Step::Sleep(time)) => {
                    self.script.borrow_mut().is_asleep = true;
                    let (this, transport) = (self.clone(), transport.clone());
                    let _ = self.reactor.call_later(time, move || {
                        this.script.borrow_mut().is_asleep = false;
                        this.go_on(&transport);
                    });
                }
            }
        }
    }
}

impl Protocol for Scripted {
    fn connection_made(&mut self, transport: &Transport) {
        self.go_on(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        {
            let script = self.script.borrow();
            script.seen.borrow_mut().received[script.number].extend_from_slice(data);
        }
        self.go_on(transport);
        Ok(())
    }

    fn connection_lost(&mut self, _: &Failure) {
        let script = self.script.borrow();
        script.seen.borrow_mut().ended[script.number] = true;
    }
}
