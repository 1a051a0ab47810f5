//! A response as the body of another request.

use std::cell::RefCell;
use std::rc::Rc;

use torsade_core::{Deferred, Failure, Resolver, Result};

use super::{BodyProducer, BodyWriter, RequestBody};
use crate::error::how_it_ended;
use crate::incoming::{BodyControl, BodyProtocol};
use crate::response::Response;

/// Its body is sent on as it comes, as fast as both servers allow, and with its length if that is known.
/// If it breaks off, so does the request.
///
/// ```
/// use torsade_core::Result;
/// use torsade_http::{Agent, Method, Request, Response};
/// # use torsade_core::testing::Simulation;
/// # use torsade_core::{Address, Protocol, TcpServer, Transport};
/// # struct Server(fn(&str) -> &'static str);
/// # impl Protocol for Server {
/// #     fn data_received(&mut self, transport: &Transport, request: &[u8]) -> torsade_core::Result<()> {
/// #         transport.write(self.0(std::str::from_utf8(request)?).as_bytes());
/// #         Ok(())
/// #     }
/// # }
///
/// async fn copy(agent: Agent, from: &str, to: &str) -> Result<Response> {
///     let original = agent.get(from).await?;
///     agent.request(Request::new(Method::PUT, to)?.body(original)).await
/// }
///
/// # let reactor = Simulation::new().reactor();
/// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
/// # server.listen(|_: &Address| Server(|request| match request {
/// #     request if request.starts_with("GET ") => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
/// #     request if request.ends_with("hello") => "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
/// #     _ => "", // the rest of it comes later
/// # }))?;
/// let copied = copy(Agent::new(&reactor), "http://127.0.0.1/a", "http://127.0.0.1/b");
/// assert_eq!(reactor.run_until(reactor.spawn(copied))?.status(), 201);
/// # torsade_core::Result::<()>::Ok(())
/// ```
impl From<Response> for RequestBody {
    fn from(response: Response) -> Self {
        Self::Producer(Box::new(PassingOn {
            length: response.body_length(),
            response: Some(response),
            shared: Rc::default(),
        }))
    }
}

struct PassingOn {
    length: Option<u64>,
    /// `None` once it is being sent.
    response: Option<Response>,
    shared: Rc<Shared>,
}

/// What the two ends of it have in common.
#[derive(Default)]
struct Shared {
    body: RefCell<Option<BodyControl>>,
    sent: RefCell<Option<Resolver<()>>>,
}

impl Shared {
    fn control(&self, change: impl FnOnce(&BodyControl)) {
        if let Some(body) = &*self.body.borrow() {
            change(body);
        }
    }

    fn is_over(&self) -> bool {
        self.sent.borrow().is_none()
    }
}

impl BodyProducer for PassingOn {
    fn length(&self) -> Option<u64> {
        self.length
    }

    fn start_producing(&mut self, writer: BodyWriter) -> Deferred<()> {
        let (resolver, sent) = Deferred::new();
        *self.shared.sent.borrow_mut() = Some(resolver);
        if let Some(response) = self.response.take() {
            let shared = Rc::clone(&self.shared);
            response.deliver_body(Receiver { shared, writer });
        }
        sent
    }

    fn pause_producing(&mut self) {
        self.shared.control(BodyControl::pause);
    }

    fn resume_producing(&mut self) {
        self.shared.control(BodyControl::resume);
    }

    fn stop_producing(&mut self) {
        self.response = None;
        self.shared.sent.borrow_mut().take();
        self.shared.control(BodyControl::abort);
    }
}

/// Takes the body, and writes it.
struct Receiver {
    shared: Rc<Shared>,
    writer: BodyWriter,
}

impl BodyProtocol for Receiver {
    fn connection_made(&mut self, body: &BodyControl) {
        if self.shared.is_over() {
            return body.abort();
        }
        *self.shared.body.borrow_mut() = Some(body.clone());
    }

    fn data_received(&mut self, _: &BodyControl, data: &[u8]) -> Result<()> {
        self.writer.write(data);
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.shared.body.borrow_mut().take();
        let sent = self.shared.sent.borrow_mut().take();
        if let Some(sent) = sent {
            sent.resolve(how_it_ended(reason));
        }
    }
}
