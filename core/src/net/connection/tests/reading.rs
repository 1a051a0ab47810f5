//! How a connection reads.

use super::*;
use crate::net::buffers::READ_SIZE;
use crate::{Failure, ProducerKind, Protocol, Stage};

/// Notes what it is told. It does not close when its peer does.
#[derive(Clone, Default)]
struct Patient {
    told: Rc<RefCell<Vec<String>>>,
    transport: Rc<RefCell<Option<Transport>>>,
    /// What it does when it is told of one of these.
    pauses_at: Option<String>,
    loses_at: Option<String>,
}

impl Patient {
    fn is_told(&self, transport: &Transport, what: &str) {
        self.told.borrow_mut().push(what.to_owned());
        if self.pauses_at.as_deref() == Some(what) {
            transport.pause_reading();
        }
        if self.loses_at.as_deref() == Some(what) {
            transport.lose_connection();
        }
    }

    /// What it was told since the last time.
    fn told(&self) -> Vec<String> {
        self.told.take()
    }

    fn transport(&self) -> Transport {
        self.transport.borrow().clone().expect("it was made")
    }
}

impl Protocol for Patient {
    fn connection_made(&mut self, transport: &Transport) {
        self.transport.replace(Some(transport.clone()));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        assert!(data.len() <= READ_SIZE);
        self.is_told(transport, &format!("{} bytes", data.len()));
        Ok(())
    }

    fn descriptor_received(&mut self, transport: &Transport, _: OwnedFd) {
        self.is_told(transport, "descriptor");
    }

    fn read_closed(&mut self, transport: &Transport) {
        self.is_told(transport, "end");
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let ending = format!("{:?}", Ending::of(reason));
        self.told.borrow_mut().push(ending);
    }
}

/// A connection of one that is patient.
fn with_patient(patient: &Patient, filters: impl IntoIterator<Item = impl Filter>) -> Bench {
    let patient = patient.clone();
    let factory = move |_: &Address| patient.clone();
    let (bench, opened) = Bench::open(Wire::default(), filters, factory);
    drop(bench.reactor.run_until(opened).unwrap());
    bench
}

#[test]
fn after_a_short_read_there_is_no_second_one() {
    let (bench, told) = Bench::opened(Wire::default(), NO_FILTER);
    bench.wire.borrow_mut().reads = 0;
    bench.comes(b"abc");
    assert_eq!(told.probe.data(), b"abc");
    assert_eq!(bench.wire.borrow().reads, 1);
}

#[test]
fn when_the_end_was_seen_it_is_read_on_to_it() {
    let (bench, told) = Bench::opened(Wire::default(), NO_FILTER);
    bench.wire.borrow_mut().input = [Ok(b"abc".to_vec()), Ok(Vec::new())].into();
    bench.tell(Readiness {
        read_closed: true,
        ..Readiness::READABLE
    });
    bench.settle();
    assert_eq!(told.probe.data(), b"abc");
    assert_eq!(told.ending(), Some(Ending::Done));
}

#[test]
fn an_interrupted_read_is_repeated() {
    let (bench, told) = Bench::opened(Wire::default(), NO_FILTER);
    let interrupted = Err(io::ErrorKind::Interrupted.into());
    bench.wire.borrow_mut().input.push_back(interrupted);
    bench.comes(b"abc");
    assert_eq!(told.probe.data(), b"abc");
    assert_eq!(told.ending(), None);
}

#[test]
fn one_that_pauses_at_a_descriptor_is_not_given_the_bytes_that_came_with_it() {
    // C87
    for filter in [None, Some(Courteous::default())] {
        let patient = Patient {
            pauses_at: Some("descriptor".to_owned()),
            ..Patient::default()
        };
        let bench = with_patient(&patient, filter);
        let descriptor = std::fs::File::open("/dev/null").unwrap();
        bench.wire.borrow_mut().descriptors.push(descriptor.into());
        bench.comes(b"abc");
        assert_eq!(patient.told(), ["descriptor"]);
        patient.transport().resume_reading();
        bench.settle();
        assert_eq!(patient.told(), ["3 bytes"]);
    }
}

/// Gives each byte twice.
#[derive(Debug)]
struct Doubling;

impl Filter for Doubling {
    fn decode(&mut self, input: &mut [u8], plain: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<()> {
        plain.extend_from_slice(input);
        plain.extend_from_slice(input);
        Ok(())
    }

    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> Result<()> {
        wire.extend_from_slice(plain);
        Ok(())
    }

    fn has_farewell(&self) -> bool {
        false
    }
}

#[test]
fn what_becomes_more_in_a_filter_is_given_in_pieces_and_a_pause_holds_the_rest() {
    // C97
    let pieces = || [format!("{READ_SIZE} bytes"), format!("{READ_SIZE} bytes")];
    let patient = Patient::default();
    let bench = with_patient(&patient, [Doubling]);
    bench.comes(&[1; READ_SIZE]);
    assert_eq!(patient.told(), pieces());

    let patient = Patient {
        pauses_at: Some(pieces()[0].clone()),
        ..Patient::default()
    };
    let bench = with_patient(&patient, [Doubling]);
    bench.comes(&[1; READ_SIZE]);
    assert_eq!(patient.told(), pieces()[..1]);
    patient.transport().resume_reading();
    bench.settle();
    assert_eq!(patient.told(), pieces()[1..]);
}

#[test]
fn an_end_that_came_with_bytes_waits_for_resume() {
    // C88
    let patient = Patient {
        pauses_at: Some("1 bytes".to_owned()),
        ..Patient::default()
    };
    let bench = with_patient(&patient, [Courteous::default()]);
    bench.comes(b"xF");
    assert_eq!(patient.told(), ["1 bytes"]);
    patient.transport().resume_reading();
    bench.settle();
    assert_eq!(patient.told(), ["end"]);
}

#[test]
fn the_end_of_a_peer_after_our_own_is_the_end_of_all() {
    // C90
    let patient = Patient::default();
    let bench = with_patient(&patient, NO_FILTER);
    patient.transport().lose_write_connection();
    bench.settle();
    bench.comes(b"");
    assert_eq!(patient.told(), ["Done"]);
}

#[test]
fn after_the_end_of_a_peer_it_is_found_out_whether_a_write_can_go() {
    for waits_for_producer in [false, true] {
        let patient = Patient {
            loses_at: waits_for_producer.then(|| "end".to_owned()),
            ..Patient::default()
        };
        let bench = with_patient(&patient, NO_FILTER);
        if waits_for_producer {
            let producer = producing::waiting();
            let registered = patient
                .transport()
                .register_producer(producer, ProducerKind::Push);
            registered.unwrap();
        }
        bench.wire.borrow_mut().write_error = Some(io::ErrorKind::BrokenPipe);
        bench.comes(b"");
        let lost = Ending::Lost(Stage::Writing, io::ErrorKind::BrokenPipe);
        assert_eq!(patient.told(), ["end".to_owned(), format!("{lost:?}")]);
    }
}

#[test]
fn after_our_own_end_nothing_is_written_to_find_out() {
    let patient = Patient {
        pauses_at: Some("1 bytes".to_owned()),
        ..Patient::default()
    };
    let bench = with_patient(&patient, [Courteous::default()]);
    patient.transport().lose_write_connection();
    bench.settle();
    bench.comes(b"xF");
    let writes = bench.wire.borrow().writes;
    bench.tell(Readiness {
        read_closed: true,
        ..Readiness::READABLE
    });
    bench.settle();
    assert_eq!(bench.wire.borrow().writes, writes);
    patient.transport().resume_reading();
    bench.settle();
    assert_eq!(patient.told(), ["1 bytes", "Done"]);
}

#[test]
fn a_stream_that_is_cut_off_is_no_error_only_when_all_was_said_and_nothing_is_awaited() {
    let eof = Ending::Error(io::Error::from(io::ErrorKind::UnexpectedEof).to_string());
    // Our farewell is sent, and we have lost the connection.
    let (bench, told) = Bench::opened(Wire::default(), [Courteous::default()]);
    told.transport.lose_connection();
    bench.settle();
    assert_eq!((bench.written(), told.ending()), (b"F".to_vec(), None));
    bench.comes(b"");
    assert_eq!(told.ending(), Some(Ending::Done));
    // It could not be sent yet.
    let (bench, told) = Bench::opened(full(), [Courteous::default()]);
    told.transport.lose_connection();
    bench.settle();
    bench.comes(b"");
    assert_eq!(told.ending(), Some(eof.clone()));
    // We still read.
    let (bench, told) = Bench::opened(Wire::default(), [Courteous::default()]);
    told.transport.lose_write_connection();
    bench.settle();
    bench.comes(b"");
    assert_eq!(told.ending(), Some(eof));
}
