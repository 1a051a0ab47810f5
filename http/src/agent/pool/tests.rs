//! What cannot be seen from outside.

use std::time::Duration;

use torsade_core::Deferred;
use torsade_core::testing::{Simulation, failure_result_of};

use crate::{Agent, AgentOptions};

#[test]
fn a_host_is_forgotten_when_nothing_is_known_of_it_any_more() {
    // Else whoever asks ever new hosts would need ever more memory.
    let reactor = Simulation::new()
        .host("server.test", [[127, 0, 0, 1].into()])
        .silent([192, 0, 2, 7].into())
        .reactor();
    let options = AgentOptions::new().max_connections(1);
    let agent = Agent::with_options(&reactor, options);
    let hosts = || agent.inner.pool.state.borrow().hosts.len();
    let (silent, waiting) = (
        agent.get("http://192.0.2.7/"),
        agent.get("http://other.test/"),
    );
    assert_eq!(hosts(), 2);
    // One that was waited for only.
    waiting.canceller().cancel();
    assert_eq!(hosts(), 1);
    failure_result_of(waiting);
    // One to which no connection came about.
    silent.canceller().cancel();
    reactor.advance(Duration::from_secs(1)).unwrap();
    failure_result_of(silent);
    assert_eq!(hosts(), 0);
    let refused: Deferred<_> = agent.get("http://server.test:81/");
    assert_eq!(hosts(), 1);
    reactor.advance(Duration::from_secs(1)).unwrap();
    failure_result_of(refused);
    assert_eq!(hosts(), 0);
}
