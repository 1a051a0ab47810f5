//! What has become of a Deferred.

use crate::{Deferred, Failure};

/// The value of a Deferred that has one.
///
/// ```
/// use torsade_core::Deferred;
/// use torsade_core::testing::success_result_of;
///
/// assert_eq!(success_result_of(Deferred::succeed(41).map(|n| n + 1)), 42);
/// ```
///
/// # Panics
/// When it has failed, with the failure and its path, or has no result yet.
#[doc(alias = "successResultOf")]
#[track_caller]
pub fn success_result_of<T: 'static>(deferred: Deferred<T>) -> T {
    match deferred.try_take() {
        Ok(Ok(value)) => value,
        Ok(Err(failure)) => panic!("a value was expected, and it failed: {failure:?}"),
        Err(_) => panic!("a value was expected, and there is no result yet"),
    }
}

/// The failure of a Deferred that has failed: to be asked what it is with [`Failure::check`].
///
/// ```
/// use torsade_core::testing::failure_result_of;
/// use torsade_core::{ConnectionDone, Deferred};
///
/// let failure = failure_result_of(Deferred::<u32>::fail(ConnectionDone));
/// assert!(failure.check::<ConnectionDone>().is_some());
/// ```
///
/// # Panics
/// When it has a value, or no result yet.
#[doc(alias = "failureResultOf")]
#[track_caller]
pub fn failure_result_of<T: 'static>(deferred: Deferred<T>) -> Failure {
    match deferred.try_take() {
        Ok(Err(failure)) => failure,
        Ok(Ok(_)) => panic!("a failure was expected, and it succeeded"),
        Err(_) => panic!("a failure was expected, and there is no result yet"),
    }
}

/// The Deferred has no result yet.
///
/// ```
/// use torsade_core::Deferred;
/// use torsade_core::testing::assert_no_result;
///
/// let (resolver, deferred) = Deferred::<u32>::new();
/// assert_no_result(&deferred);
/// # drop(resolver);
/// # let _ = deferred.try_take();
/// ```
///
/// # Panics
/// When it has one; a failure is shown with its path.
#[doc(alias = "assertNoResult")]
#[track_caller]
pub fn assert_no_result<T: 'static>(deferred: &Deferred<T>) {
    let result = deferred.peek(|result| match result {
        Ok(_) => "it succeeded".to_owned(),
        Err(failure) => format!("it failed: {failure:?}"),
    });
    if let Some(result) = result {
        panic!("no result was expected yet, and {result}");
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::ConnectionDone;
    use crate::error::Panicked;
    use crate::testing::log_capture::capture;

    fn panic_of(f: impl FnOnce()) -> String {
        let payload = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
        Panicked::from_payload(payload).to_string()
    }

    #[test]
    fn a_result_is_taken_and_what_is_not_expected_is_shown() {
        assert_eq!(success_result_of(Deferred::succeed(7)), 7);
        let failed = || Deferred::<u32>::fail(ConnectionDone);
        assert!(
            failure_result_of(failed())
                .check::<ConnectionDone>()
                .is_some()
        );

        let text = panic_of(|| {
            let _ = success_result_of(failed());
        });
        assert!(text.contains(&ConnectionDone.to_string()), "{text}");
        assert!(text.contains("made at "), "the path is missing: {text}");
        assert!(text.contains("results.rs:"), "{text}");
        let text = panic_of(|| {
            let _ = failure_result_of(Deferred::succeed(7));
        });
        assert!(text.contains("it succeeded"), "{text}");

        let (_resolver, waits) = Deferred::<u32>::new();
        let text = panic_of(|| {
            let _ = success_result_of(waits);
        });
        assert!(text.contains("no result yet"), "{text}");
        let (_resolver, waits) = Deferred::<u32>::new();
        let text = panic_of(|| {
            let _ = failure_result_of(waits);
        });
        assert!(text.contains("no result yet"), "{text}");
    }

    #[test]
    fn a_deferred_that_waits_is_left_as_it_was() {
        let (resolver, waits) = Deferred::<u32>::new();
        assert_no_result(&waits);
        resolver.callback(7);
        let text = panic_of(|| assert_no_result(&waits));
        assert!(text.contains("it succeeded"), "{text}");
        assert_eq!(success_result_of(waits), 7);
    }

    #[test]
    fn a_failure_that_was_only_looked_at_is_still_nobodys() {
        let (resolver, waits) = Deferred::<u32>::new();
        resolver.errback(ConnectionDone);
        let ready = Deferred::<u32>::fail(ConnectionDone);
        for failed in [waits, ready] {
            let text = panic_of(|| assert_no_result(&failed));
            assert!(text.contains(&ConnectionDone.to_string()), "{text}");
            assert!(text.contains("results.rs:"), "{text}");
            let (records, ()) = capture(|| drop(failed));
            assert_eq!(records.len(), 1, "{records:?}");
        }
    }
}
