//! Work for threads, in the order of the seed.

use std::sync::{Arc, Mutex, mpsc};

use super::*;

/// In which order six jobs of two hosts are done and told, and when.
fn order(seed: u64, most: Duration) -> String {
    let world = World::new(seed);
    let (a, b) = (world.host("a", [A]), world.host("b", [B]));
    world.thread_time(most);
    let notes = Notes::new(&world);
    let done = Arc::new(Mutex::new(String::new()));
    for number in 0..6 {
        let (reactor, done) = ([&a, &b][number % 2], Arc::clone(&done));
        let job = reactor.defer_to_thread(move || {
            done.lock().unwrap().push_str(&format!("{number} "));
            Ok(())
        });
        let notes = notes.clone();
        drop(job.map(move |()| notes.note(number.to_string())));
    }
    a.run_until(defer_later(&a, ms(1000), || Ok(()))).unwrap();
    let told = notes.text();
    assert_eq!(told.matches(':').count(), 6, "{told}");
    format!("{}- {told}", done.lock().unwrap())
}

#[test]
fn the_same_seed_does_work_in_the_same_order_and_another_one_in_another() {
    for most in [Duration::ZERO, ms(100)] {
        let orders: Vec<String> = (0..10).map(|seed| order(seed, most)).collect();
        let again: Vec<String> = (0..10).map(|seed| order(seed, most)).collect();
        assert_eq!(orders, again);
        let different: std::collections::BTreeSet<_> = orders.iter().collect();
        assert!(different.len() > 5, "{orders:?}");
    }
}

#[test]
fn work_takes_as_long_as_it_may_and_no_longer() {
    let two = Two::new();
    two.world.thread_time(ms(50));
    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = two.world.elapsed();
        two.a.run_until(two.a.defer_to_thread(|| Ok(()))).unwrap();
        times.push(two.world.elapsed() - begun);
    }
    assert!(times.iter().all(|time| *time <= ms(50)));
    assert!(times.iter().any(|time| *time > ms(25)));
}

#[test]
fn work_that_waits_for_other_work_gets_it() {
    let two = Two::new();
    let (say, hear) = mpsc::channel();
    let (answer, answered) = mpsc::channel();
    let one = two.a.defer_to_thread(move || {
        say.send(())?;
        Ok(answered.recv()?)
    });
    let other = two.b.defer_to_thread(move || {
        hear.recv()?;
        Ok(answer.send(())?)
    });
    drop(other.map(|()| ()));
    two.a.run_until(one).unwrap();
}

#[test]
fn work_may_ask_a_reactor_and_wait_for_what_it_says() {
    let two = Two::new();
    let (b, world) = (two.b.remote(), two.world.clone());
    let job = two.a.defer_to_thread(move || b.block_on(|_| Ok(7)));
    assert_eq!(two.a.run_until(job).unwrap(), 7);
    assert_eq!(world.elapsed(), Duration::ZERO);
}

#[test]
fn the_work_of_one_that_stands_still_or_has_crashed_waits_or_is_dropped() {
    let two = Two::new();
    two.world.thread_time(ms(1));
    let work = |name: &'static str| {
        let notes = two.notes.clone();
        let held = Arc::new(());
        let kept = Arc::clone(&held);
        let job = two.b.defer_to_thread(move || {
            drop(kept);
            Ok(())
        });
        drop(job.add_both(move |result| {
            notes.note(format!("{name} {}", result.is_ok()));
            Ok(())
        }));
        held
    };
    let held = work("first");
    two.world.freeze("b");
    two.pass(ms(100));
    assert_eq!(Arc::strong_count(&held), 2);
    two.world.thaw("b");
    two.pass(ms(100));
    assert_eq!(Arc::strong_count(&held), 1);
    assert_eq!(two.notes.text(), "100: first true");
    let held = work("second");
    two.world.crash("b");
    two.pass(ms(100));
    assert_eq!(Arc::strong_count(&held), 1);
    assert!(two.notes.text().contains("second false"));
}
