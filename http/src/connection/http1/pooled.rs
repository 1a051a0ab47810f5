//! What the pool and the agent know of a connection.

use std::any::Any;
use std::rc::Rc;
use std::time::Duration;

use torsade_core::Deferred;

use super::Http1;
use crate::connection::{Connection, Outgoing, Reply};
use crate::origin::Origin;

impl Connection for Http1 {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    fn send(self: Rc<Self>, request: Outgoing<'_>) -> Deferred<Reply> {
        self.begin(request)
    }

    fn is_usable(&self, may_look: bool) -> bool {
        let state = self.state.borrow();
        !state.is_closed
            && state.exchange.is_none()
            && self.transport.is_open()
            && !(may_look && self.transport.has_input())
    }

    fn was_just_used(&self) -> bool {
        const SHORT: Duration = Duration::from_millis(1);
        let idle = self.watchdog.idle_for(&self.reactor);
        idle.is_some_and(|idle| idle < SHORT)
    }

    fn close_idle(&self) {
        if self.state.borrow().exchange.is_none() {
            self.state.borrow_mut().is_closed = true;
            self.transport.lose_connection();
        }
    }

    fn drain(&self) {
        self.watchdog.draining(&self.reactor);
    }

    fn keep_until_lost(&self, it: Rc<dyn Any>) {
        self.state.borrow_mut().until_lost = Some(it);
    }

    fn count_out(&self) -> bool {
        !self.is_counted_out.replace(true)
    }
}
