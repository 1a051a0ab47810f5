//! Bodies that are handed on as they come.

use std::cell::RefCell;
use std::rc::Rc;

use torsade_core::{Deferred, Failure, Resolver, Result};

use super::Response;
use crate::error::how_it_ended;
use crate::incoming::{BodyControl, BodyProtocol};

impl Response {
    /// Hands the body to `take` as it comes; the Deferred fires at its end. An error of `take` is that of
    /// the Deferred, and closes the connection, as cancelling does.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::rc::Rc;
    /// use torsade_http::Agent;
    /// # use torsade_core::protocols::wire::Telling;
    /// # use torsade_core::testing::Simulation;
    /// # use torsade_core::{Address, TcpServer};
    ///
    /// # let reactor = Simulation::new().reactor();
    /// # let reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    /// # let server = TcpServer::new(&reactor, "127.0.0.1:80".parse()?);
    /// # server.listen(|_: &Address| Telling::new(|| reply.into()))?;
    /// let length = Rc::new(Cell::new(0));
    /// let sum = Rc::clone(&length);
    /// let response = reactor.run_until(Agent::new(&reactor).get("http://127.0.0.1/"))?;
    /// reactor.run_until(response.collect(move |piece| {
    ///     sum.set(sum.get() + piece.len());
    ///     Ok(())
    /// }))?;
    /// assert_eq!(length.get(), 5);
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    ///
    /// # Errors
    /// [`RequestError`](crate::RequestError) and what else ends a body before its time.
    #[doc(alias = "treq.collect")]
    pub fn collect(self, take: impl FnMut(&[u8]) -> Result<()> + 'static) -> Deferred<()> {
        let shared: Rc<RefCell<Shared>> = Rc::default();
        let weak = Rc::downgrade(&shared);
        let (resolver, done) = Deferred::with_canceller(move || {
            let shared = weak.upgrade();
            let body = shared.and_then(|shared| {
                let mut shared = shared.borrow_mut();
                shared.done = None;
                shared.body.take()
            });
            if let Some(body) = body {
                body.abort();
            }
        });
        shared.borrow_mut().done = Some(resolver);
        self.deliver_body(Handing { shared, take });
        done
    }
}

#[derive(Default)]
struct Shared {
    /// `None` when nobody waits any more.
    done: Option<Resolver<()>>,
    body: Option<BodyControl>,
}

struct Handing<F> {
    shared: Rc<RefCell<Shared>>,
    take: F,
}

impl<F> Handing<F> {
    fn finish(&self, ended: Result<()>) {
        let done = self.shared.borrow_mut().done.take();
        if let Some(done) = done {
            done.resolve(ended);
        }
    }
}

impl<F: FnMut(&[u8]) -> Result<()> + 'static> BodyProtocol for Handing<F> {
    fn connection_made(&mut self, body: &BodyControl) {
        let mut shared = self.shared.borrow_mut();
        if shared.done.is_some() {
            shared.body = Some(body.clone());
        } else {
            // Cancelled before it began.
            drop(shared);
            body.abort();
        }
    }

    fn data_received(&mut self, body: &BodyControl, data: &[u8]) -> Result<()> {
        if self.shared.borrow().done.is_none() {
            return Ok(());
        }
        if let Err(failure) = (self.take)(data) {
            self.finish(Err(failure));
            body.abort();
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.shared.borrow_mut().body = None;
        self.finish(how_it_ended(reason));
    }
}
