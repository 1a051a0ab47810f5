//! Bodies as they come: in pieces, in lines, handed on, and watched.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use torsade_core::testing::Simulation;
use torsade_core::{Deferred, Result};
use torsade_http::{AgentOptions, BodyLineTooLong, Progress, RequestError, Response};

use crate::support::{Step, World, answer, send};

fn chunked(pieces: &[&str]) -> Vec<Step> {
    let mut script = vec![
        Step::Request,
        send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ];
    for piece in pieces {
        script.push(send(format!("{:x}\r\n{piece}\r\n", piece.len())));
        script.push(Step::Sleep(Duration::from_secs(1)));
    }
    script.extend([send("0\r\n\r\n"), Step::Fin]);
    script
}

async fn all_lines(response: Response) -> Result<Vec<String>> {
    let (mut lines, mut all) = (response.lines(), Vec::new());
    while let Some(line) = lines.next().await? {
        all.push(String::from_utf8_lossy(&line).into_owned());
    }
    Ok(all)
}

fn lines(world: &World) -> Result<Vec<String>> {
    let response = world.run(world.get())?;
    world.run(world.reactor.spawn(all_lines(response)))
}

#[test]
fn a_piece_is_there_when_it_has_come() {
    let world = World::new([chunked(&["one", "two"])]);
    let mut chunks = world.run(world.get()).unwrap().chunks();
    let begin = world.reactor.now();
    assert_eq!(world.run(chunks.next()).unwrap().unwrap(), "one");
    assert!(world.reactor.now() - begin < Duration::from_millis(100));
    assert_eq!(world.run(chunks.next()).unwrap().unwrap(), "two");
    assert_eq!(world.run(chunks.next()).unwrap(), None);
    assert_eq!(
        world.run(chunks.next()).unwrap(),
        None,
        "it stays at its end"
    );
    world.is_clean();
}

#[test]
fn a_piece_that_nobody_waits_for_any_more_is_for_the_next_one() {
    let world = World::new([chunked(&["one", "two"])]);
    let mut chunks = world.run(world.get()).unwrap().chunks();
    assert_eq!(world.run(chunks.next()).unwrap().unwrap(), "one");
    let late = chunks
        .next()
        .add_timeout(&world.reactor, Duration::from_millis(500));
    world.run(late).unwrap_err();
    assert_eq!(world.run(chunks.next()).unwrap().unwrap(), "two");
}

#[test]
fn several_that_wait_are_served_in_their_order() {
    let world = World::new([chunked(&["one", "two"])]);
    let mut chunks = world.run(world.get()).unwrap().chunks();
    let all = [chunks.next(), chunks.next(), chunks.next()];
    let all = world.run(torsade_core::gather(all)).unwrap();
    let text = |piece: &Option<bytes::Bytes>| piece.as_ref().map(|piece| piece.to_vec());
    assert_eq!(text(&all[0]).unwrap(), b"one");
    assert_eq!(text(&all[1]).unwrap(), b"two");
    assert_eq!(text(&all[2]), None);
}

#[test]
fn lines_are_cut_wherever_the_pieces_are() {
    let text = "first\r\nsecond\n\nfourth\rstill\nlast";
    for cut in 1..text.len() {
        let pieces = [&text[..cut], &text[cut..]];
        let world = World::new([chunked(&pieces)]);
        let expected = ["first", "second", "", "fourth\rstill", "last"];
        assert_eq!(lines(&world).unwrap(), expected, "cut at {cut}");
    }
    let world = World::new([vec![Step::Request, answer("a\n")]]);
    assert_eq!(lines(&world).unwrap(), ["a"]);
    let world = World::new([vec![Step::Request, answer("")]]);
    assert!(lines(&world).unwrap().is_empty());
}

#[test]
fn what_came_before_a_cut_is_given_before_its_failure() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\none\ntwo";
    let world = World::new([vec![Step::Request, send(short), Step::Fin]]);
    let mut lines = world.run(world.get()).unwrap().lines();
    assert_eq!(world.run(lines.next()).unwrap().unwrap(), "one");
    assert_eq!(world.run(lines.next()).unwrap().unwrap(), "two");
    let failure = world.run(lines.next()).unwrap_err();
    assert!(failure.find::<RequestError>().is_some(), "{failure:#}");
    assert_eq!(world.run(lines.next()).unwrap(), None);
    world.is_clean();
}

#[test]
fn a_line_without_end_is_not_collected_for_ever() {
    let world = World::new([vec![
        Step::Request,
        send("HTTP/1.1 200 OK\r\n\r\nok\n"),
        send("x".repeat(11)),
        Step::HANG,
    ]]);
    let mut lines = world.run(world.get()).unwrap().lines_up_to(10);
    assert_eq!(world.run(lines.next()).unwrap().unwrap(), "ok");
    let failure = world.run(lines.next()).unwrap_err();
    assert_eq!(failure.find::<BodyLineTooLong>().unwrap().limit, 10);
    world.is_clean();
}

#[test]
fn the_server_waits_for_whoever_pulls() {
    let body = "x".repeat(4_000_000);
    let options = AgentOptions::new()
        .silence_timeout(None)
        .total_timeout(None);
    let world = World::with(
        Simulation::new(),
        options,
        [vec![
            Step::Request,
            answer(&body),
            Step::Request,
            answer(""),
        ]],
    );
    let mut chunks = world.run(world.get()).unwrap().chunks();
    let first = world.run(chunks.next()).unwrap().unwrap();
    world.pass(Duration::from_secs(60));
    let kept: usize = first.len();
    assert!(kept < 1_000_000);
    // Had all come, the connection would be idle.
    assert_eq!(world.agent.pool_statistics().idle, 0);
    let (mut rest, mut pieces) = (0, 0);
    while let Some(piece) = world.run(chunks.next()).unwrap() {
        rest += piece.len();
        pieces += 1;
    }
    assert_eq!(kept + rest, body.len());
    assert!(pieces > 10, "{pieces}");
}

#[test]
fn dropping_the_pieces_closes_the_connection() {
    for takes_one in [false, true] {
        let begun = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhello";
        let world = World::new([vec![Step::Request, send(begun), Step::HANG]]);
        let mut chunks = world.run(world.get()).unwrap().chunks();
        if takes_one {
            world.run(chunks.next()).unwrap();
        }
        drop(chunks);
        world.is_clean();
    }
}

#[test]
fn a_body_is_handed_on_until_whoever_takes_it_has_enough() {
    let world = World::new([chunked(&["one", "two"])]);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let notes = Rc::clone(&seen);
    let collected = world.get().add_callback(move |response| {
        response.collect(move |piece| {
            notes.borrow_mut().extend_from_slice(piece);
            Ok(())
        })
    });
    world.run(collected).unwrap();
    assert_eq!(*seen.borrow(), b"onetwo");
    world.is_clean();

    let world = World::new([chunked(&["one", "two"])]);
    let refused: Deferred<()> = world
        .get()
        .add_callback(|response| response.collect(|_| Err(std::io::Error::other("enough").into())));
    let failure = world.run(refused).unwrap_err();
    assert_eq!(failure.to_string(), "enough");
    world.is_clean();

    let world = World::new([chunked(&["one", "two"])]);
    let collecting = world
        .get()
        .add_callback(|response| response.collect(|_| Ok(())));
    let late = collecting.add_timeout(&world.reactor, Duration::from_millis(500));
    world.run(late).unwrap_err();
    world.is_clean();
}

#[test]
fn whoever_watches_is_told_how_far_it_is() {
    let watched = |script: Vec<Step>| {
        let world = World::new([script]);
        let seen = Rc::new(RefCell::new(Vec::new()));
        let notes = Rc::clone(&seen);
        let read = world.get().add_callback(move |response| {
            let response = response.on_progress(move |progress| notes.borrow_mut().push(progress));
            response.read_body()
        });
        let _ = world.run(read);
        let Progress { received, total } = *seen.borrow().last().expect("it is told");
        (seen.borrow().len(), received, total)
    };
    assert_eq!(
        watched(vec![Step::Request, answer("hello")]),
        (2, 5, Some(5))
    );
    assert_eq!(watched(chunked(&["one", "two"])), (3, 6, Some(6)));
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello";
    assert_eq!(
        watched(vec![Step::Request, send(short), Step::Fin]),
        (1, 5, Some(100))
    );
}
