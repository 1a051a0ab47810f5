use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::{Log, World};
use crate::filter::TrafficLog;
use crate::protocols::{LineControl, LineProtocol, LineReceiver};
use crate::testing::Simulation;
use crate::{Address, Failure, PlaintextPending, Result};

type OnLine = Box<dyn FnMut(&LineControl, &str) -> Result<()>>;

/// Notes what it is told, and does something with each line.
struct Noting {
    log: Log,
    on_line: OnLine,
}

impl LineProtocol for Noting {
    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        let line = String::from_utf8_lossy(line).into_owned();
        self.log.borrow_mut().push(line.clone());
        (self.on_line)(lines, &line)
    }

    fn raw_data_received(&mut self, lines: &LineControl, data: &[u8]) -> Result<()> {
        let data = String::from_utf8_lossy(data).into_owned();
        self.log.borrow_mut().push(format!("raw {data}"));
        // A full stop ends raw mode.
        if let Some((_, rest)) = data.split_once('.') {
            lines.set_line_mode(rest.as_bytes());
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        self.log.borrow_mut().push(format!("lost: {reason}"));
    }
}

/// A world with a receiver of lines, changed by `options`, and what it notes.
fn world_with(
    options: impl FnOnce(LineReceiver<Noting>) -> LineReceiver<Noting> + 'static,
    on_line: impl FnMut(&LineControl, &str) -> Result<()> + 'static,
) -> (World, Log) {
    let log = Log::default();
    let noting = Noting {
        log: Rc::clone(&log),
        on_line: Box::new(on_line),
    };
    let mut receiver = Some(options(LineReceiver::new(noting)));
    let world = World::new(move |_: &Address| receiver.take().unwrap());
    (world, log)
}

#[test]
fn lines_are_the_same_however_they_travel() {
    // C103
    let text = "one\r\n\r\ntwo with \r and \n in it\r\n\rthree\r\nunfinished";
    for segment in [1, 2, 3, 5, 1460] {
        let log = Log::default();
        let notes = Rc::clone(&log);
        let factory = move |_: &Address| {
            let log = Rc::clone(&notes);
            LineReceiver::new(Noting {
                log,
                on_line: Box::new(|_, _| Ok(())),
            })
        };
        let world = World::with(Simulation::new().segment_size(segment), factory);
        world.send(text);
        let expected = ["one", "", "two with \r and \n in it", "\rthree"];
        assert_eq!(*log.borrow(), expected, "in segments of {segment}");
    }
}

#[test]
fn a_delimiter_may_be_anything() {
    // C103
    let (world, log) = world_with(|lines| lines.delimiter("aab"), |_, _| Ok(()));
    world.send("xaaabyaaaabaab");
    assert_eq!(*log.borrow(), ["xa", "yaa", ""]);
}

#[test]
fn lines_are_sent_with_the_delimiter() {
    let (world, _) = world_with(
        |lines| lines.delimiter("\n"),
        |lines, line| {
            lines.send_line(line.to_uppercase());
            Ok(())
        },
    );
    world.send("hello\nthere\n");
    assert_eq!(world.received(), "HELLO\nTHERE\n");
}

#[test]
fn a_line_as_long_as_may_be_passes_and_a_longer_one_closes() {
    // C104
    for (line, passes) in [("12345", true), ("123456", false)] {
        for delimiter in ["\r\n", ""] {
            let (world, log) = world_with(|lines| lines.max_length(5), |_, _| Ok(()));
            world.send(format!("{line}{delimiter}"));
            if delimiter.is_empty() && passes {
                world.send("\r\n");
            }
            if delimiter.is_empty() && !passes {
                // The second half of a delimiter may be missing until now.
                world.send("78");
            }
            world.send("next\r\n");
            let log = log.borrow();
            if passes {
                assert_eq!(*log, [line, "next"]);
            } else {
                assert_eq!(log.len(), 1, "{log:?}");
                assert!(log[0].starts_with("lost: "), "{log:?}");
                assert!(world.is_over.get());
            }
        }
    }
}

#[test]
fn no_line_is_given_after_a_close() {
    // C104
    for abort in [false, true] {
        let (world, log) = world_with(
            |lines| lines,
            move |lines, _| {
                if abort {
                    lines.transport().abort_connection();
                } else {
                    lines.transport().lose_connection();
                }
                Ok(())
            },
        );
        world.send("last\r\nnot this\r\nnor this\r\n");
        let log = log.borrow();
        assert_eq!(log.len(), 2, "{log:?}");
        assert_eq!(log[0], "last");
    }
}

#[test]
fn lines_come_after_our_direction_has_ended() {
    let (world, log) = world_with(
        |lines| lines,
        |lines, _| {
            lines.transport().lose_write_connection();
            Ok(())
        },
    );
    world.send("one\r\ntwo\r\n");
    assert_eq!(log.borrow()[..2], ["one", "two"]);
}

#[test]
fn raw_mode_gives_the_rest_as_it_is_and_line_mode_takes_back_what_was_too_much() {
    // C105
    let (world, log) = world_with(
        |lines| lines,
        |lines, line| {
            if line == "raw" {
                lines.set_raw_mode();
            }
            Ok(())
        },
    );
    world.send("a\r\nraw\r\n\x01\r\n\x02");
    world.send("\x03.b\r\nc\r\n");
    assert_eq!(
        *log.borrow(),
        [
            "a",
            "raw",
            "raw \x01\r\n\x02",
            "raw \x03.b\r\nc\r\n",
            "b",
            "c"
        ]
    );
}

#[test]
fn changing_the_mode_many_times_does_not_nest() {
    // C105: on a small stack
    let thread = std::thread::Builder::new().stack_size(256 * 1024);
    let thread = thread.spawn(|| {
        let count = 20_000;
        let (world, log) = world_with(
            |lines| lines,
            |lines, _| {
                lines.set_raw_mode();
                Ok(())
            },
        );
        // Each line switches to raw mode, and each full stop back.
        world.send("x\r\n.".repeat(count));
        let lines = log.borrow().iter().filter(|line| *line == "x").count();
        assert_eq!(lines, count);
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn a_pause_holds_back_lines_that_have_come() {
    // C106
    let handle: Rc<RefCell<Option<LineControl>>> = Rc::default();
    let kept = Rc::clone(&handle);
    let (world, log) = world_with(
        |lines| lines,
        move |lines, line| {
            if line == "pause" {
                lines.pause();
                *kept.borrow_mut() = Some(lines.clone());
            }
            Ok(())
        },
    );
    world.send("one\r\npause\r\ntwo\r\nthree\r\n");
    world.send("four\r\n");
    assert_eq!(*log.borrow(), ["one", "pause"]);
    handle.borrow().as_ref().unwrap().resume();
    world.pass(Duration::from_secs(1));
    assert_eq!(*log.borrow(), ["one", "pause", "two", "three", "four"]);
}

#[test]
fn a_pause_and_a_resume_in_the_same_line_change_nothing() {
    // C106
    let (world, log) = world_with(
        |lines| lines,
        |lines, _| {
            lines.pause();
            lines.resume();
            Ok(())
        },
    );
    world.send("one\r\ntwo\r\n");
    assert_eq!(*log.borrow(), ["one", "two"]);
}

#[test]
fn clearing_gives_back_what_was_not_given() {
    // C106
    let cleared: Rc<RefCell<Vec<u8>>> = Rc::default();
    let kept = Rc::clone(&cleared);
    let (world, log) = world_with(
        |lines| lines,
        move |lines, _| {
            *kept.borrow_mut() = lines.clear_line_buffer();
            Ok(())
        },
    );
    world.send("one\r\ntwo\r\nthr");
    assert_eq!(*cleared.borrow(), b"two\r\nthr");
    world.send("four\r\n");
    assert_eq!(*log.borrow(), ["one", "four"]);
}

#[test]
fn an_error_from_a_line_aborts_with_it_also_when_it_was_held_back() {
    for is_held_back in [false, true] {
        let handle: Rc<RefCell<Option<LineControl>>> = Rc::default();
        let kept = Rc::clone(&handle);
        let (world, log) = world_with(
            |lines| lines,
            move |lines, line| {
                if line == "pause" {
                    lines.pause();
                    *kept.borrow_mut() = Some(lines.clone());
                    return Ok(());
                }
                Err(std::fmt::Error.into())
            },
        );
        if is_held_back {
            world.send("pause\r\nbad\r\nworse\r\n");
            handle.borrow().as_ref().unwrap().resume();
            world.pass(Duration::from_secs(1));
        } else {
            world.send("bad\r\nworse\r\n");
        }
        let log = log.borrow();
        let lost = log.last().unwrap();
        assert!(lost.contains(&std::fmt::Error.to_string()), "{log:?}");
        assert!(!log.contains(&"worse".to_owned()));
    }
}

#[test]
fn a_long_line_a_byte_at_a_time_is_searched_once() {
    let control: Rc<RefCell<Option<LineControl>>> = Rc::default();
    struct Keeping(Rc<RefCell<Option<LineControl>>>);
    impl LineProtocol for Keeping {
        fn connection_made(&mut self, lines: &LineControl) {
            *self.0.borrow_mut() = Some(lines.clone());
        }
        fn line_received(&mut self, _: &LineControl, _: &[u8]) -> Result<()> {
            Ok(())
        }
    }
    let kept = Rc::clone(&control);
    let world = World::new(move |_: &Address| LineReceiver::new(Keeping(Rc::clone(&kept))));
    world.send("x".repeat(1000));
    let control = control.borrow();
    let mode = &control.as_ref().unwrap().mode;
    assert_eq!(
        mode.searched.get(),
        999,
        "all but a byte that may begin the delimiter"
    );
}

#[test]
fn what_came_before_a_filter_is_not_given_behind_it() {
    // R86, CVE-2011-0411
    let refused = "lost: ".to_owned() + &PlaintextPending.to_string();
    for (sent, expected) in [
        (&["STARTTLS\r\n", "RSET\r\n"][..], &["STARTTLS", "RSET"][..]),
        (&["STARTTLS\r\nRSET\r\n"], &["STARTTLS", &refused]),
        // The rest of it may come through the filter.
        (&["STARTTLS\r\nRS", "ET\r\n"], &["STARTTLS", &refused]),
        (&["PAUSE\r\nRSET\r\n"], &["PAUSE", &refused]),
    ] {
        let (world, log) = world_with(
            |lines| lines,
            |lines, line| {
                let start = |lines: &LineControl| {
                    drop(lines.transport().start_filter(TrafficLog::hex()));
                };
                match line {
                    "STARTTLS" => start(lines),
                    "PAUSE" => {
                        lines.pause();
                        let (lines, reactor) = (lines.clone(), lines.transport().reactor());
                        let _ = reactor.call_later(Duration::from_millis(100), move || {
                            start(&lines);
                            lines.resume();
                        });
                    }
                    _ => {}
                }
                Ok(())
            },
        );
        sent.iter().for_each(|data| world.send(data));
        assert_eq!(*log.borrow(), expected, "{sent:?}");
    }
}

/// A world with a receiver of lines, and the handle of its lines.
fn world_and_handle() -> (World, Log, Rc<RefCell<Option<LineControl>>>) {
    let handle: Rc<RefCell<Option<LineControl>>> = Rc::default();
    let kept = Rc::clone(&handle);
    let (world, log) = world_with(
        |lines| lines,
        move |lines, line| {
            if line == "pause" {
                lines.pause();
            }
            *kept.borrow_mut() = Some(lines.clone());
            Ok(())
        },
    );
    (world, log, handle)
}

#[test]
fn a_line_that_was_searched_before_raw_mode_hides_none_behind_it() {
    // C105
    let (world, log, handle) = world_and_handle();
    world.send("one\r\nunfinished");
    handle.borrow().as_ref().unwrap().set_raw_mode();
    world.send(".a\r\nb\r\n");
    assert_eq!(
        *log.borrow(),
        ["one", "raw unfinished", "raw .a\r\nb\r\n", "a", "b"]
    );
}

#[test]
fn what_was_too_much_comes_before_what_waits() {
    // C105
    let (world, log, handle) = world_and_handle();
    world.send("pause\r\nlast\r\n");
    let handle = handle.borrow().clone().unwrap();
    handle.set_raw_mode();
    handle.set_line_mode(b"first\r\n");
    handle.resume();
    world.pass(Duration::from_secs(1));
    assert_eq!(*log.borrow(), ["pause", "first", "last"]);
}

#[test]
fn clearing_gives_back_what_was_too_much_as_well() {
    // C105, C106
    struct Clearing(Rc<RefCell<Vec<u8>>>);
    impl LineProtocol for Clearing {
        fn line_received(&mut self, lines: &LineControl, _: &[u8]) -> Result<()> {
            lines.set_raw_mode();
            Ok(())
        }
        fn raw_data_received(&mut self, lines: &LineControl, data: &[u8]) -> Result<()> {
            lines.set_line_mode(&data[2..]);
            self.0.borrow_mut().extend(lines.clear_line_buffer());
            Ok(())
        }
    }
    let cleared: Rc<RefCell<Vec<u8>>> = Rc::default();
    let kept = Rc::clone(&cleared);
    let world = World::new(move |_: &Address| LineReceiver::new(Clearing(Rc::clone(&kept))));
    world.send("raw\r\n12three\r\n");
    assert_eq!(*cleared.borrow(), b"three\r\n");
}
