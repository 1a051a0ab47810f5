use std::cell::RefCell;
use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join;
use futures_util::{AsyncReadExt, AsyncWriteExt};

use super::AsyncStream;
use crate::task::defer_later;
use crate::testing::{Network, Simulation};
use crate::{Deferred, Outcome, Reactor, Result, TcpClient, TcpServer};

/// A world with one listener, and the address of that.
struct World {
    reactor: Reactor,
    network: Network,
    address: SocketAddr,
}

impl World {
    /// Each connection is served by `handler`.
    fn serving<H, F>(simulation: Simulation, handler: H) -> Self
    where
        H: FnMut(AsyncStream) -> F + 'static,
        F: Future + 'static,
        F::Output: Outcome,
    {
        let (reactor, network) = simulation.start();
        let listening = TcpServer::new(&reactor, "127.0.0.1:0".parse().unwrap())
            .listen(AsyncStream::serve(&reactor, handler))
            .unwrap();
        Self {
            address: listening.socket_addr().unwrap(),
            reactor,
            network,
        }
    }

    fn connect(&self) -> AsyncStream {
        let client = TcpClient::new(&self.reactor, self.address);
        let stream = AsyncStream::connect(&client);
        self.reactor.run_until(stream).unwrap()
    }

    fn run<F>(&self, future: F) -> Result<<F::Output as Outcome>::Output>
    where
        F: Future + 'static,
        F::Output: Outcome,
    {
        self.reactor.run_until(self.reactor.spawn(future))
    }

    fn pass(&self, time: Duration) {
        let later = defer_later(&self.reactor, time, || ());
        self.reactor.run_until(later).unwrap();
    }
}

async fn echo(stream: AsyncStream) -> Result<()> {
    let (mut reader, mut writer) = stream.split();
    futures_util::io::copy(&mut reader, &mut writer).await?;
    writer.close().await?;
    Ok(())
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

#[test]
fn what_is_written_comes_back_whole_however_it_travels() {
    for segment in [1, 100, 1460, 100_000] {
        let size = if segment == 1 { 3_000 } else { 1_000_000 };
        let world = World::serving(Simulation::new().segment_size(segment), echo);
        let stream = world.connect();
        let received = world.run(async move {
            let (mut reader, mut writer) = stream.split();
            let sending = async {
                writer.write_all(&pattern(size)).await?;
                writer.close().await
            };
            let mut received = Vec::new();
            let (sent, read) = join(sending, reader.read_to_end(&mut received)).await;
            sent?;
            read?;
            Ok(received)
        });
        assert!(received.unwrap() == pattern(size), "segments of {segment}");
        world.pass(Duration::from_secs(5));
        assert_eq!(world.reactor.open_sources(), 1, "only the listener is left");
    }
}

#[test]
fn the_end_of_the_peers_direction_leaves_ours_open() {
    let world = World::serving(Simulation::new(), |mut stream: AsyncStream| async move {
        let mut all = String::new();
        stream.read_to_string(&mut all).await?;
        stream.write_all(all.to_uppercase().as_bytes()).await?;
        Ok(())
    });
    let mut stream = world.connect();
    let answer = world.run(async move {
        stream.write_all(b"half").await?;
        stream.close().await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    });
    assert_eq!(answer.unwrap(), "HALF");
}

#[test]
fn who_does_not_read_slows_the_writer_down() {
    let (resolver, go_on) = Deferred::<()>::new();
    let go_on = RefCell::new(Some(go_on));
    let world = World::serving(Simulation::new(), move |mut stream: AsyncStream| {
        let go_on = go_on.borrow_mut().take().unwrap();
        async move {
            go_on.await?;
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await?;
            assert!(all == pattern(5_000_000));
            Ok(())
        }
    });
    let mut stream = world.connect();
    let written = Rc::new(RefCell::new(0));
    let counter = Rc::clone(&written);
    let sending = world.reactor.spawn(async move {
        for piece in pattern(5_000_000).chunks(10_000) {
            stream.write_all(piece).await?;
            *counter.borrow_mut() += piece.len();
        }
        stream.close().await?;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await?;
        Ok(())
    });
    world.pass(Duration::from_secs(10));
    let so_far = *written.borrow();
    assert!(
        so_far > 50_000 && so_far < 500_000,
        "{so_far} bytes were taken"
    );
    resolver.callback(());
    world.reactor.run_until(sending).unwrap();
    assert_eq!(*written.borrow(), 5_000_000);
}

#[test]
fn dropping_a_stream_sends_what_was_written_and_closes() {
    let world = World::serving(Simulation::new(), |mut stream: AsyncStream| async move {
        stream.write_all(&pattern(100_000)).await?;
        Ok(())
    });
    let mut stream = world.connect();
    let received = world.run(async move {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await?;
        Ok(all)
    });
    assert!(received.unwrap() == pattern(100_000));
    world.pass(Duration::from_secs(5));
    assert_eq!(world.reactor.open_sources(), 1);
}

#[test]
fn a_reset_is_an_error_for_reader_and_writer_after_what_had_come() {
    let world = World::serving(Simulation::new(), |mut stream: AsyncStream| async move {
        stream.write_all(b"some").await?;
        let mut buffer = [0];
        let end = stream.read(&mut buffer).await;
        assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
        Ok(())
    });
    let mut stream = world.connect();
    world.pass(Duration::from_millis(100));
    world.network.reset(world.address);
    world.pass(Duration::from_millis(100));
    let outcome = world.run(async move {
        let mut buffer = [0; 10];
        assert_eq!(stream.read(&mut buffer).await?, 4);
        let read = stream.read(&mut buffer).await.unwrap_err().kind();
        let read_again = stream.read(&mut buffer).await.unwrap_err().kind();
        let written = stream.write(b"x").await.unwrap_err().kind();
        Ok((read, read_again, written))
    });
    let reset = ErrorKind::ConnectionReset;
    assert_eq!(outcome.unwrap(), (reset, reset, reset));
}

#[test]
fn writing_after_our_end_is_an_error() {
    let world = World::serving(Simulation::new(), echo);
    let mut stream = world.connect();
    let kind = world.run(async move {
        stream.close().await?;
        stream.close().await?;
        Ok(stream.write(b"x").await.unwrap_err().kind())
    });
    assert_eq!(kind.unwrap(), ErrorKind::BrokenPipe);
}

#[test]
fn a_stream_that_was_aborted_says_so() {
    let world = World::serving(Simulation::new(), echo);
    let mut stream = world.connect();
    let kind = world.run(async move {
        stream.transport().abort_connection();
        Ok(stream.read(&mut [0]).await.unwrap_err().kind())
    });
    assert_eq!(kind.unwrap(), ErrorKind::ConnectionAborted);
}

#[test]
fn cancelling_a_coroutine_closes_the_stream_that_it_holds() {
    let world = World::serving(Simulation::new(), |mut stream: AsyncStream| async move {
        stream.read_exact(&mut [0]).await?;
        Ok(())
    });
    let mut stream = world.connect();
    let reading = world.reactor.spawn(async move {
        stream.read_exact(&mut [0]).await?;
        Ok(())
    });
    world.pass(Duration::from_secs(1));
    assert_eq!(world.reactor.open_sources(), 3);
    reading.cancel();
    assert!(world.reactor.run_until(reading).is_err());
    world.pass(Duration::from_secs(5));
    assert_eq!(world.reactor.open_sources(), 1);
}

#[test]
fn a_coroutine_that_writes_on_and_on_never_has_much_queued() {
    let world = World::serving(Simulation::new(), echo);
    let mut stream = world.connect();
    let most = world.run(async move {
        let mut most = 0;
        for _ in 0..60 {
            stream.write_all(&[0; 10_000]).await?;
            most = most.max(stream.transport().queued());
            let mut echoed = [0; 10_000];
            stream.read_exact(&mut echoed[..5_000]).await?;
        }
        Ok(most)
    });
    let most = most.unwrap();
    assert!(most <= 75_000, "{most} bytes were queued");
}

#[test]
fn a_handler_may_look_at_its_stream_before_it_awaits_anything() {
    let world = World::serving(Simulation::new(), |mut stream: AsyncStream| {
        let peer = stream.transport().peer().to_string();
        async move {
            stream.write_all(peer.as_bytes()).await?;
            Ok(())
        }
    });
    let mut stream = world.connect();
    let ours = stream.transport().host().to_string();
    let told = world.run(async move {
        let mut told = String::new();
        stream.read_to_string(&mut told).await?;
        Ok(told)
    });
    assert_eq!(told.unwrap(), ours);
}
