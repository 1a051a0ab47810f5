use super::deep::{WAITERS, on_a_small_stack};
use super::*;
use crate::DeferredQueue;
use crate::deferred::run_queue::call_user;
use crate::error::{Abandoned, Cancelled, QueueUnderflow};

// C33
#[test]
fn items_and_those_who_wait_meet_in_the_order_they_came() {
    let queue = DeferredQueue::new();
    queue.put(1).unwrap();
    queue.put(2).unwrap();
    assert_eq!(queue.len(), 2);
    assert!(!queue.is_empty());
    let [a, b, c, d] = [(); 4].map(|()| queue.get());
    assert_eq!((value_of(a), value_of(b)), (1, 2));
    assert_eq!((queue.len(), queue.waiting()), (0, 2));
    queue.put(3).unwrap();
    assert_eq!(value_of(c), 3);
    assert!(!d.is_fired());
    queue.put(4).unwrap();
    assert_eq!(value_of(d), 4);
    assert!(queue.is_empty());
}

// C33
#[test]
fn a_put_fires_the_oldest_get_before_it_returns() {
    let (queue, journal) = (DeferredQueue::new(), Journal::default());
    for name in ["first", "second"] {
        let noted = journal.clone();
        drop(
            queue
                .get()
                .map(move |item: u32| noted.note(format!("{name}:{item}"))),
        );
    }
    queue.put(1).unwrap();
    assert_eq!(journal.take(), "first:1");
    call_user(|| {
        queue.put(2).unwrap();
        journal.note("returns");
    })
    .unwrap();
    assert_eq!(journal.take(), "returns second:2");
}

// C33
#[test]
fn an_item_too_many_is_given_back() {
    let queue = DeferredQueue::new().with_size(1);
    queue.put("a").unwrap();
    let overflow = queue.put("b").unwrap_err();
    assert_eq!(overflow.item, "b");
    assert_eq!(overflow.to_string(), "the queue is full");
    assert_eq!(value_of(queue.get()), "a");
    queue.put("c").unwrap();

    let rendezvous = DeferredQueue::new().with_size(0);
    assert!(rendezvous.put(1).is_err());
    let waits = rendezvous.get();
    rendezvous.put(2).unwrap();
    assert_eq!(value_of(waits), 2);
}

// C33
#[test]
fn a_get_too_many_is_an_error() {
    let queue = DeferredQueue::new().with_backlog(1);
    let waits = queue.get();
    assert_eq!(error_of::<QueueUnderflow>(queue.get()), QueueUnderflow);
    queue.put(1).unwrap();
    assert_eq!(value_of(waits), 1);
    queue.put(2).unwrap();
    assert_eq!(value_of(queue.get()), 2);

    let none_waits = DeferredQueue::<u32>::new().with_backlog(0);
    assert_eq!(error_of::<QueueUnderflow>(none_waits.get()), QueueUnderflow);
}

// C33
#[test]
fn a_cancelled_get_takes_no_item_and_no_place() {
    let queue = DeferredQueue::new().with_backlog(1);
    let gone = queue.get();
    gone.cancel();
    assert_eq!(error_of::<Cancelled>(gone), Cancelled);
    let waits = queue.get();
    queue.put(1).unwrap();
    assert_eq!(value_of(waits), 1);

    // Also before the cancel has run.
    let gone = queue.get();
    call_user(|| {
        gone.cancel();
        assert_eq!(queue.waiting(), 0);
        let waits = queue.get();
        assert_eq!(error_of::<QueueUnderflow>(queue.get()), QueueUnderflow);
        queue.put(2).unwrap();
        queue.put(3).unwrap();
        drop(waits);
    })
    .unwrap();
    assert_eq!(value_of(queue.get()), 3);
}

// C33
#[test]
fn a_cancel_after_the_item_was_given_is_too_late() {
    let queue = DeferredQueue::new();
    let got = queue.get();
    call_user(|| {
        queue.put(1).unwrap();
        got.cancel();
    })
    .unwrap();
    assert_eq!(value_of(got), 1);
}

#[test]
fn those_who_wait_are_told_when_the_queue_is_gone() {
    let queue = DeferredQueue::<u32>::new();
    let waits = queue.get();
    let other_handle = queue.clone();
    drop(queue);
    assert!(!waits.is_fired());
    drop(other_handle);
    assert_eq!(error_of::<Abandoned>(waits), Abandoned);
}

// R105
#[test]
fn many_items_and_many_that_wait_take_no_stack() {
    on_a_small_stack(|| {
        let queue = DeferredQueue::new();
        let count = Rc::new(std::cell::Cell::new(0));
        // Each asks for one that the one before has put, and puts one for the next.
        for _ in 0..WAITERS {
            let (next, counts) = (queue.clone(), count.clone());
            drop(queue.get().add_callback(move |n: u32| {
                counts.set(n);
                next.put(n + 1)?;
                Ok(())
            }));
        }
        queue.put(1).unwrap();
        assert_eq!(count.get(), WAITERS);
        assert_eq!(value_of(queue.get()), WAITERS + 1);

        let waits: Vec<_> = (0..WAITERS).map(|_| queue.get()).collect();
        waits.iter().rev().for_each(Deferred::cancel);
        assert_eq!(queue.waiting(), 0);

        for _ in 0..WAITERS {
            drop(queue.get().add_errback(|_| Ok(0)));
        }
        drop(queue);
    });
}
