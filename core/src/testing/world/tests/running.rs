//! Runs from seeds.

use std::panic::catch_unwind;
use std::sync::Mutex;

use super::seeds::run_chosen;
use super::*;

/// Runs these seeds; gives which were run, the result and what was reported.
fn run(
    chosen: Option<&str>,
    fails: impl Fn(u64) -> Result<()>,
) -> (Vec<u64>, Result<()>, Vec<String>) {
    let (ran, reported) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let result = run_chosen(
        chosen,
        0..10,
        |world| {
            ran.borrow_mut().push(world.seed());
            let reactor = world.host("a", [A]);
            reactor.run_until(defer_later(&reactor, ms(10), || Ok(())))?;
            fails(world.seed())
        },
        |text| reported.borrow_mut().push(text.to_owned()),
    );
    (ran.take(), result, reported.take())
}

#[test]
fn every_seed_is_run_until_one_fails_and_that_is_told() {
    let (ran, result, reported) = run(None, |_| Ok(()));
    assert_eq!(ran, Vec::from_iter(0..10));
    assert!(result.is_ok() && reported.is_empty());
    let (ran, result, reported) = run(None, |seed| match seed {
        3 => Err(fmt::Error.into()),
        _ => Ok(()),
    });
    assert_eq!(ran, [0, 1, 2, 3]);
    assert!(result.unwrap_err().check::<fmt::Error>().is_some());
    assert_eq!(
        reported,
        [
            "the simulated world of seed 3 failed after 10ms of its time; TORSADE_SEED=3 runs it alone"
        ]
    );
}

#[test]
fn a_seed_may_be_chosen() {
    let (ran, result, _) = run(Some("77"), |_| Ok(()));
    assert_eq!((ran, result.is_ok()), (vec![77], true));
    let (ran, result, _) = run(Some("seven"), |_| Ok(()));
    assert!(ran.is_empty());
    assert_eq!(
        result.unwrap_err().to_string(),
        "TORSADE_SEED is \"seven\": invalid digit found in string"
    );
}

#[test]
fn a_panic_is_told_as_well_and_goes_on() {
    let reported = Mutex::new(Vec::new());
    let caught = catch_unwind(|| {
        run_chosen(
            None,
            [5],
            |_| panic!("no"),
            |text| reported.lock().unwrap().push(text.to_owned()),
        )
    });
    assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"no"));
    assert_eq!(reported.into_inner().unwrap().len(), 1);
}
