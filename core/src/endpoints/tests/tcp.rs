//! Connecting to one address.

use std::io;

use super::{GOOD, Idle, REFUSED, SILENT, UNREACHABLE, World, at, ms};
use crate::endpoints::{ClientEndpoint, ConnectOptions, HostnameClient, TcpClient, TcpServer};
use crate::{
    Address, Cancelled, CannotListen, ConnectError, ConnectStage, ConnectTimedOut, Reactor,
};

#[test]
fn a_failure_names_the_address_and_what_the_system_said() {
    // C76, R103
    for (address, kind) in [
        (REFUSED, io::ErrorKind::ConnectionRefused),
        (UNREACHABLE, io::ErrorKind::HostUnreachable),
    ] {
        let world = World::new(&[]);
        let client = TcpClient::new(&world.reactor, at(address));
        let connecting = client.connect(|_: &Address| Idle);
        assert!(!connecting.is_fired());
        let result = world.reactor.run_until(connecting);
        let error = result.unwrap_err().trap::<ConnectError>().unwrap();
        assert_eq!(
            (error.address, error.error.kind()),
            (at(address).into(), kind)
        );
        assert_eq!(world.elapsed(), ms(2));
        world.assert_clean();
    }
}

#[test]
fn a_local_address_that_is_taken_fails_through_the_deferred() {
    // C76: "cannot bind"
    let world = World::new(&[]);
    let options = ConnectOptions::new().bind_address(at(GOOD));
    let client = TcpClient::new(&world.reactor, at(GOOD)).options(options);
    let result = client.establish().try_take().unwrap();
    let error = result.unwrap_err().trap::<ConnectError>().unwrap();
    assert_eq!(error.error.kind(), io::ErrorKind::AddrInUse);
    world.assert_clean();
}

#[test]
fn a_silent_address_times_out_to_the_millisecond() {
    // C76
    for (timeout, expected) in [(None, 30_000), (Some(70), 70), (Some(0), 0)] {
        let world = World::new(&[]);
        let mut options = ConnectOptions::new();
        if let Some(timeout) = timeout {
            options = options.timeout(ms(timeout));
        }
        let client = TcpClient::new(&world.reactor, at(SILENT)).options(options);
        let result = world.reactor.run_until(client.establish());
        let timed_out = result.unwrap_err().trap::<ConnectTimedOut>().unwrap();
        assert_eq!(timed_out.stage, ConnectStage::Tcp);
        assert_eq!(timed_out.after, ms(expected));
        assert_eq!(world.elapsed(), ms(expected));
        world.assert_clean();
    }
}

#[test]
fn a_cancel_at_any_moment_ends_the_attempt() {
    // C117, R107
    for address in [GOOD, REFUSED, SILENT] {
        for moment in 0..5 {
            let world = World::new(&[]);
            let client = TcpClient::new(&world.reactor, at(address));
            match world.cancel_after(ms(moment), client.connect(|_: &Address| Idle)) {
                Ok(connected) => connected.transport().abort_connection(),
                Err(failure) if failure.check::<Cancelled>().is_some() => {
                    assert_eq!(world.elapsed(), ms(moment));
                }
                Err(failure) => assert!(failure.check::<ConnectError>().is_some()),
            }
            world.pass(ms(5));
            world.assert_clean();
        }
    }
}

#[test]
fn a_port_that_is_taken_says_so() {
    // C121
    let world = World::new(&[]);
    let server = TcpServer::new(&world.reactor, at(GOOD));
    let error = server.listen(|_: &Address| Idle).unwrap_err();
    let error = error.trap::<CannotListen>().unwrap();
    assert_eq!(error.address, at(GOOD).into());
    assert_eq!(error.error.kind(), io::ErrorKind::AddrInUse);
    world.assert_clean();
}

#[test]
fn the_number_of_the_system_s_error_is_kept() {
    // C76, R90: on the operating system, at a port that was free a moment ago.
    let reactor = Reactor::new().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = TcpClient::new(&reactor, address);
    let result = reactor.run_until(client.establish());
    let error = result.unwrap_err().trap::<ConnectError>().unwrap();
    assert_eq!(error.error.kind(), io::ErrorKind::ConnectionRefused);
    assert!(error.error.raw_os_error().is_some());
    assert_eq!((reactor.open_sources(), reactor.delayed_calls()), (0, 0));
}

#[test]
fn an_address_with_a_zone_is_connected_to_over_that_interface() {
    let reactor = Reactor::new().unwrap();
    let server = TcpServer::new(&reactor, "[::1]:0".parse().unwrap());
    let listening = server.listen(|_: &Address| Idle).unwrap();
    let port = listening.address().port().unwrap();
    let client = HostnameClient::new(&reactor, "::1%lo", port);
    let connected = reactor
        .run_until(client.connect(|_: &Address| Idle))
        .unwrap();
    assert_eq!(connected.transport().peer().port(), Some(port));

    let nowhere = HostnameClient::new(&reactor, "::1%no-such-interface", port);
    let failure = reactor
        .run_until(nowhere.connect(|_: &Address| Idle))
        .unwrap_err();
    let text = failure.to_string();
    assert!(text.contains("its zone is no interface"), "{text}");
}
