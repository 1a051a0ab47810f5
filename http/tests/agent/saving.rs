//! Bodies into files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use torsade_core::testing::Simulation;
use torsade_core::{Cancelled, gather};
use torsade_http::{AgentOptions, RequestError};

use crate::support::{Step, World, answer, send};

#[test]
fn a_body_is_saved_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("body");
    let content = "0123456789".repeat(200_000);
    let world = World::new([vec![Step::Request, answer(&content)]]);
    let response = world.run(world.get()).unwrap();
    let saved = response.save_to(&world.reactor, &file);
    assert_eq!(world.run(saved).unwrap(), content.len() as u64);
    assert!(fs::read_to_string(&file).unwrap() == content);

    // One that is cut off, or broken, leaves what there was.
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all";
    let world = World::new([vec![Step::Request, send(short), Step::Fin]]);
    let response = world.run(world.get()).unwrap();
    let failure = world
        .run(response.save_to(&world.reactor, &file))
        .unwrap_err();
    assert!(failure.find::<RequestError>().is_some(), "{failure:#}");
    assert!(fs::read_to_string(&file).unwrap() == content);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    world.is_clean();

    // An empty one is a file too.
    let world = World::new([vec![Step::Request, answer("")]]);
    let response = world.run(world.get()).unwrap();
    assert_eq!(
        world.run(response.save_to(&world.reactor, &file)).unwrap(),
        0
    );
    assert_eq!(fs::read(&file).unwrap(), b"");
}

#[test]
fn a_file_that_cannot_be_made_is_told_at_once() {
    let world = World::new([vec![Step::Request, answer("hello")]]);
    let response = world.run(world.get()).unwrap();
    let failure = world
        .run(response.save_to(&world.reactor, "/no/such/folder/x"))
        .unwrap_err();
    assert!(failure.check::<std::io::Error>().is_some(), "{failure:#}");
}

#[test]
fn a_saved_file_is_for_whom_the_process_makes_files() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("body");
    let world = World::new([vec![Step::Request, answer("hello")]]);
    let response = world.run(world.get()).unwrap();
    world.run(response.save_to(&world.reactor, &file)).unwrap();
    let other = directory.path().join("other");
    fs::write(&other, "").unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&file), mode(&other));
}

#[test]
fn two_bodies_for_one_file_do_not_mix() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("body");
    let bodies = ["a".repeat(1_000_000), "b".repeat(1_000_000)];
    let world = World::new(
        bodies
            .clone()
            .map(|body| vec![Step::Request, answer(&body)]),
    );
    let responses = world.run(gather((world.get(), world.get()))).unwrap();
    let first = responses.0.save_to(&world.reactor, &file);
    let second = responses.1.save_to(&world.reactor, &file);
    world.run(gather((first, second))).unwrap();
    let saved = fs::read_to_string(&file).unwrap();
    assert!(bodies.contains(&saved));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn cancelling_before_the_body_comes_leaves_nothing_either() {
    let directory = tempfile::tempdir().unwrap();
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhello";
    let options = AgentOptions::new().silence_timeout(None);
    let script = [vec![Step::Request, send(begun), Step::HANG]];
    let world = World::with(Simulation::new(), options, script);
    let response = world.run(world.get()).unwrap();
    let saved = response.save_to(&world.reactor, directory.path().join("body"));
    saved.cancel();
    let failure = saved.try_take().unwrap().unwrap_err();
    assert!(failure.check::<Cancelled>().is_some(), "{failure:#}");
    world.pass(Duration::from_secs(1));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    world.is_clean();
}

#[test]
fn cancelling_leaves_no_file_and_no_connection() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("body");
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhello";
    let options = AgentOptions::new().silence_timeout(None);
    let script = [vec![Step::Request, send(begun), Step::HANG]];
    let world = World::with(Simulation::new(), options, script);
    let response = world.run(world.get()).unwrap();
    let saved = response.save_to(&world.reactor, &file);
    let failure = world
        .run(saved.add_timeout(&world.reactor, Duration::from_secs(5)))
        .unwrap_err();
    let is_late = failure.find::<torsade_core::TimedOut>().is_some();
    assert!(
        is_late || failure.find::<Cancelled>().is_some(),
        "{failure:#}"
    );
    world.pass(Duration::from_secs(1));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    world.is_clean();
}
