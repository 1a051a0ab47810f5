//! The small services that every Internet host once had.

use std::fmt;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use crate::{Producer, ProducerKind, Protocol, Result, Transport};

/// Sends back what comes (RFC 862), and reads no faster than that goes.
///
/// ```
/// use torsade_core::protocols::wire::Echo;
/// use torsade_core::testing::StringTransport;
///
/// let wire = StringTransport::new();
/// let _echo = wire.connect(Echo);
/// wire.receive(b"hello")?;
/// assert_eq!(wire.value(), b"hello");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Transport) {
        // There is no other one.
        let _ = transport.register_producer(transport.clone(), ProducerKind::Push);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result<()> {
        transport.write(data);
        Ok(())
    }

    fn read_closed(&mut self, transport: &Transport) {
        transport.unregister_producer();
        transport.lose_connection();
    }
}

/// Takes what comes, and says nothing (RFC 863).
///
/// ```
/// use torsade_core::protocols::wire::Discard;
/// use torsade_core::testing::StringTransport;
///
/// let wire = StringTransport::new();
/// let _discard = wire.connect(Discard);
/// wire.receive(b"hello")?;
/// assert!(wire.value().is_empty());
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Protocol for Discard {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// Sends lines of characters for as long as somebody reads them (RFC 864).
///
/// ```
/// use torsade_core::protocols::wire::Chargen;
/// use torsade_core::testing::StringTransport;
///
/// let wire = StringTransport::new();
/// let _chargen = wire.connect(Chargen);
/// wire.resume_producer(); // there is room for more
/// let text = wire.value();
/// assert!(text.starts_with(b" !\"#$%&'()*+,-./0123456789"));
/// let second = text.split(|&byte| byte == b'\n').nth(1).unwrap();
/// assert!(second.starts_with(b"!\"#$%&'()*+,-./0123456789"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Chargen;

impl Protocol for Chargen {
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport.register_producer(Lines { first: 0 }, ProducerKind::Pull);
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn read_closed(&mut self, transport: &Transport) {
        transport.unregister_producer();
        transport.lose_connection();
    }
}

/// Lines of 72 printable characters, each beginning with the next one.
struct Lines {
    first: u8,
}

/// So many lines are written at a time.
const LINES: usize = 95;

impl Producer for Lines {
    fn resume_producing(&mut self, transport: &Transport) {
        let mut text = Vec::with_capacity(LINES * 74);
        for _ in 0..LINES {
            text.extend((0..72).map(|at| b' ' + (self.first + at) % 95));
            text.extend_from_slice(b"\r\n");
            self.first = (self.first + 1) % 95;
        }
        transport.write(&text);
    }

    fn pause_producing(&mut self, _: &Transport) {}

    fn stop_producing(&mut self, _: &Transport) {}
}

/// Tells something, and closes the connection: a quote (RFC 865), a time, whatever a function gives.
///
/// ```
/// use torsade_core::protocols::wire::Telling;
/// # use torsade_core::testing::{AccumulatingProtocol, Simulation};
/// # use torsade_core::{ClientEndpoint, TcpClient};
/// use torsade_core::{Address, TcpServer};
///
/// # let reactor = Simulation::new().reactor();
/// # let address = "127.0.0.1:17".parse()?;
/// let quote = |_: &Address| Telling::new(|| b"An apple a day keeps the doctor away.\r\n".to_vec());
/// TcpServer::new(&reactor, address).listen(quote)?;
/// let reader = AccumulatingProtocol::new();
/// reactor.run_until(TcpClient::new(&reactor, address).converse(reader.clone()))?;
/// assert!(reader.data().starts_with(b"An apple"));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone)]
#[doc(alias = "QOTD")]
#[doc(alias = "Who")]
pub struct Telling {
    tell: Rc<dyn Fn(SystemTime) -> Vec<u8>>,
}

impl Telling {
    /// Tells what `tell` gives at the time.
    #[doc(alias = "getQuote")]
    pub fn new(tell: impl Fn() -> Vec<u8> + 'static) -> Self {
        Self {
            tell: Rc::new(move |_| tell()),
        }
    }

    /// The time for people, in UTC (RFC 867).
    ///
    /// ```
    /// use torsade_core::protocols::wire::Telling;
    /// use torsade_core::testing::{Simulation, StringTransport};
    ///
    /// let reactor = Simulation::new().reactor(); // where it is 1970
    /// let wire = StringTransport::new().on(&reactor);
    /// let _daytime = wire.connect(Telling::daytime());
    /// assert_eq!(String::from_utf8(wire.value())?.trim(), "Thursday, January 1, 1970 00:00:00-UTC");
    /// assert!(wire.is_disconnecting());
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "Daytime")]
    pub fn daytime() -> Self {
        Self::of_time(|now| format!("{}\r\n", daytime(now)).into_bytes())
    }

    /// The seconds since 1900 in four bytes (RFC 868); they begin again in 2036.
    ///
    /// ```
    /// use torsade_core::protocols::wire::Telling;
    /// use torsade_core::testing::{Simulation, StringTransport};
    ///
    /// let reactor = Simulation::new().reactor();
    /// let wire = StringTransport::new().on(&reactor);
    /// let _time = wire.connect(Telling::time());
    /// let seconds = u32::from_be_bytes(wire.value()[..].try_into()?);
    /// assert_eq!(seconds, 2_208_988_800); // from 1900 to 1970
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "Time")]
    pub fn time() -> Self {
        Self::of_time(|now| time(now).to_be_bytes().to_vec())
    }

    fn of_time(tell: impl Fn(SystemTime) -> Vec<u8> + 'static) -> Self {
        Self {
            tell: Rc::new(tell),
        }
    }
}

impl Protocol for Telling {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(&(self.tell)(transport.reactor().system_time()));
        transport.lose_connection();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telling").finish_non_exhaustive()
    }
}

fn since_epoch(now: SystemTime) -> Duration {
    now.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

/// Seconds from the beginning of 1900 to that of 1970.
const FROM_1900: u64 = 2_208_988_800;

fn time(now: SystemTime) -> u32 {
    let seconds = since_epoch(now).as_secs() + FROM_1900;
    // Its highest bits are lost, as the protocol has it.
    u32::try_from(seconds & u64::from(u32::MAX)).unwrap_or_default()
}

/// As in `Friday, November 27, 2026 11:05:33-UTC`.
fn daytime(now: SystemTime) -> String {
    const DAYS: [&str; 7] = [
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "Monday",
        "Tuesday",
        "Wednesday",
    ];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let seconds = since_epoch(now).as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let weekday = DAYS[usize::try_from(days % 7).unwrap_or_default()];
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let month = MONTHS[month - 1];
    format!("{weekday}, {month} {day}, {year} {hour:02}:{minute:02}:{second:02}-UTC")
}

/// Year, month and day, so many days after the first of January 1970.
fn date(mut days: u64) -> (u64, usize, u64) {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month + 1, days + 1)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::Address;
    use crate::protocols::tests::World;

    #[test]
    fn an_echo_comes_back_whole_and_then_the_end() {
        let world = World::new(|_: &Address| Echo);
        world.peer.transport().write(&vec![b'x'; 1_000_000]);
        world.peer.transport().lose_write_connection();
        world.pass(Duration::from_secs(10));
        assert_eq!(world.received().len(), 1_000_000);
        assert!(world.is_over.get());
    }

    #[test]
    fn what_is_discarded_stays_unanswered() {
        let world = World::new(|_: &Address| Discard);
        world.send("hello");
        assert!(world.received().is_empty() && !world.is_over.get());
    }

    #[test]
    fn characters_come_for_as_long_as_they_are_read() {
        let world = World::new(|_: &Address| Chargen);
        world.pass(Duration::from_millis(100));
        let text = world.received();
        assert!(text.len() > 100_000);
        let lines: Vec<&str> = text.split("\r\n").take(96).collect();
        assert!(lines[0].starts_with(" !\"#") && lines[1].starts_with("!\"#$"));
        assert!(lines.iter().all(|line| line.len() == 72));
        assert_eq!(lines[0], lines[95]);

        // Who does not read gets no more, and we keep no more.
        world.peer.transport().pause_reading();
        world.pass(Duration::from_secs(100));
        let kept = world.received().len();
        world.pass(Duration::from_secs(100));
        assert_eq!(world.received().len(), kept);
        world.peer.transport().abort_connection();
        world.pass(Duration::from_secs(1));
        assert_eq!(world.reactor.open_sources(), 1, "the listening port");
    }

    #[test]
    fn what_is_told_is_told_anew_to_each() {
        let count = Rc::new(RefCell::new(0));
        let telling = Telling::new(move || {
            *count.borrow_mut() += 1;
            format!("number {}", count.borrow()).into_bytes()
        });
        let world = World::new(move |_: &Address| telling.clone());
        world.pass(Duration::from_secs(1));
        assert_eq!(world.received(), "number 1");
        assert!(world.is_over.get());
    }

    #[test]
    fn times_are_written_as_they_should_be() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(daytime(at(0)), "Thursday, January 1, 1970 00:00:00-UTC");
        assert_eq!(
            daytime(at(951_827_696)),
            "Tuesday, February 29, 2000 12:34:56-UTC"
        );
        assert_eq!(
            daytime(at(1_795_777_533)),
            "Friday, November 27, 2026 11:05:33-UTC"
        );
        assert_eq!(time(at(0)), 2_208_988_800);
        assert_eq!(time(at(2_085_978_496)), 0);
    }
}
