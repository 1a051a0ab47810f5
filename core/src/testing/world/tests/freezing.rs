//! Programs that stand still, and clocks that jump.

use std::time::SystemTime;

use super::*;

#[test]
fn a_frozen_program_finds_its_timers_due_and_its_bytes_there() {
    let two = Two::new();
    let client = two.connect();
    two.pass(ms(80));
    for time in [1, 2000, 7000] {
        let notes = two.notes.clone();
        let _ = two
            .b
            .call_later(ms(time), move || notes.note(format!("b's {time}")));
    }
    two.pass(ms(900));
    assert_eq!(two.notes.text(), "101: b's 1");
    two.world.freeze("b");
    client.transport().write(b"hello");
    two.pass(ms(4000));
    assert_eq!(two.notes.text(), "");
    two.world.thaw("b");
    two.pass(ms(4000));
    assert_eq!(
        two.notes.text(),
        "5000: b hello, 5000: b's 2000, 7100: b's 7000"
    );
}

#[test]
fn its_system_goes_on_accepts_connections_and_fills_the_windows() {
    let two = Two::new();
    two.world.freeze("b");
    let client = two.connect();
    client.transport().write(&vec![0; 200_000]);
    two.pass(Duration::from_secs(60));
    assert_eq!(client.transport().queued(), 200_000 - 64 * 1024);
    assert_eq!(two.notes.text(), "");
    two.world.thaw("b");
    two.pass(ms(100));
    assert_eq!(client.transport().queued(), 0);
    assert!(two.notes.text().starts_with("60020: b "));
}

#[test]
fn the_others_go_on_while_the_one_that_drives_stands_still() {
    let two = Two::new();
    let (world, notes) = (two.world.clone(), two.notes.clone());
    let _ = two.b.call_later(ms(5), {
        let world = world.clone();
        move || world.freeze("a")
    });
    let _ = two.b.call_later(ms(50), move || {
        notes.note("b");
        world.thaw("a");
    });
    two.pass(ms(10));
    assert_eq!(two.world.elapsed(), ms(50));
    assert_eq!(two.notes.text(), "50: b");
}

#[test]
fn one_that_nobody_thaws_waits_for_ever_which_is_told() {
    let two = Two::new();
    two.world.freeze("a");
    let passed = defer_later(&two.a, ms(10), || Ok(()));
    let failure = two.a.run_until(passed).unwrap_err();
    assert!(format!("{failure:#}").contains("nothing can ever happen"));
}

#[test]
fn a_crash_thaws() {
    let two = Two::new();
    two.world.freeze("b");
    let b = two.world.restart("b");
    let passed = defer_later(&b, ms(10), || Ok(()));
    b.run_until(passed).unwrap();
}

#[test]
fn the_time_of_day_jumps_and_nothing_else_does() {
    let two = Two::new();
    let since_1970 = |reactor: &Reactor| {
        let time = reactor.system_time().duration_since(SystemTime::UNIX_EPOCH);
        time.unwrap()
    };
    two.pass(ms(10));
    assert_eq!((since_1970(&two.a), since_1970(&two.b)), (ms(10), ms(10)));
    let notes = two.notes.clone();
    let _ = two.a.call_later(ms(10), move || notes.note("timer"));
    let year = Duration::from_secs(365 * 86_400);
    two.world.set_clock("a", SystemTime::UNIX_EPOCH + 50 * year);
    two.pass(ms(5));
    assert_eq!(since_1970(&two.a), 50 * year + ms(5));
    assert_eq!(since_1970(&two.b), ms(15));
    // Also into the past.
    two.world.set_clock("a", SystemTime::UNIX_EPOCH + year);
    two.pass(ms(95));
    assert_eq!(two.notes.text(), "20: timer");
}
