//! What is stored, and what comes back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

/// Up to here memcached takes a time as one from now, and beyond as one since 1970.
const MONTH: u64 = 60 * 60 * 24 * 30;

/// What is stored under a key: a value with flags, for ever or until some time.
///
/// What has neither can be given as it is: `memcache.set("key", "value")`.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::protocols::memcache::{Item, MemcacheProtocol};
/// use torsade_core::testing::StringTransport;
///
/// let (protocol, wire) = (MemcacheProtocol::new(), StringTransport::new());
/// let memcache = protocol.client();
/// let _memcached = wire.connect(protocol);
/// let item = Item::new("value").flags(7).expires_after(Duration::from_secs(60));
/// let _stored = memcache.set("key", item);
/// assert_eq!(wire.value(), b"set key 7 60 5\r\nvalue\r\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    pub(super) data: Bytes,
    pub(super) flags: u32,
    pub(super) expiry: Expiry,
}

/// When an item goes: as memcached writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expiry(pub(super) i64);

/// A value that was found.
///
/// ```
/// use torsade_core::protocols::memcache::MemcacheProtocol;
/// use torsade_core::testing::{StringTransport, success_result_of};
///
/// let (protocol, wire) = (MemcacheProtocol::new(), StringTransport::new());
/// let memcache = protocol.client();
/// let _memcached = wire.connect(protocol);
/// let found = memcache.gets("page");
/// wire.receive(b"VALUE page 7 5 4711\r\nhello\r\nEND\r\n")?;
/// let value = success_result_of(found).unwrap();
/// assert_eq!(value.data, "hello");
/// assert_eq!((value.flags, value.cas), (7, Some(4711)));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The bytes.
    pub data: Bytes,
    /// The flags that it was stored with.
    pub flags: u32,
    /// Which version of the item this is, when it was asked for by `gets`.
    pub cas: Option<u64>,
}

/// What has become of an item that was to be stored if nobody had changed it.
///
/// ```
/// use torsade_core::protocols::memcache::{CheckAndSet, MemcacheProtocol};
/// use torsade_core::testing::{StringTransport, success_result_of};
///
/// let (protocol, wire) = (MemcacheProtocol::new(), StringTransport::new());
/// let memcache = protocol.client();
/// let _memcached = wire.connect(protocol);
/// let stored = memcache.check_and_set("page", "new text", 4711);
/// wire.receive(b"EXISTS\r\n")?;
/// // Somebody was faster: get it again, and change that.
/// assert_eq!(success_result_of(stored), CheckAndSet::Exists);
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckAndSet {
    /// It is stored.
    Stored,
    /// Somebody has changed it meanwhile; that stands.
    Exists,
    /// It is not there any more.
    NotFound,
}

impl Item {
    /// That value, without flags, for ever.
    pub fn new(data: impl Into<Bytes>) -> Self {
        Self {
            data: data.into(),
            ..Self::default()
        }
    }

    /// A number that the server keeps beside the value, and does not look at.
    pub fn flags(mut self, flags: u32) -> Self {
        self.flags = flags;
        self
    }

    /// It goes when that time has passed; seconds are counted, so a part of one is a whole. Without
    /// any time it goes at once.
    #[doc(alias = "expireTime")]
    pub fn expires_after(mut self, time: Duration) -> Self {
        self.expiry = Expiry::after(time);
        self
    }

    /// It goes at that time; in the past, at once.
    pub fn expires_at(mut self, time: SystemTime) -> Self {
        self.expiry = Expiry::at(time);
        self
    }
}

impl Expiry {
    const AT_ONCE: Self = Self(-1);

    pub(super) fn after(time: Duration) -> Self {
        match whole_seconds(time) {
            0 => Self::AT_ONCE,
            // A longer time would be taken for one in 1970, and the item would go at once.
            seconds if seconds > MONTH => SystemTime::now()
                .checked_add(time)
                .map_or_else(Self::default, Self::at),
            seconds => Self(seconds.cast_signed()),
        }
    }

    fn at(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).map_or(0, whole_seconds);
        match i64::try_from(since) {
            Ok(seconds) if since > MONTH => Self(seconds),
            // Taken for a time from now otherwise.
            Ok(_) => Self::AT_ONCE,
            Err(_) => Self::default(),
        }
    }
}

fn whole_seconds(time: Duration) -> u64 {
    let part = u64::from(time.subsec_nanos() > 0);
    time.as_secs().saturating_add(part)
}

impl From<&str> for Item {
    fn from(data: &str) -> Self {
        Self::from(data.as_bytes())
    }
}

impl From<&[u8]> for Item {
    fn from(data: &[u8]) -> Self {
        Self::new(Bytes::copy_from_slice(data))
    }
}

impl From<String> for Item {
    fn from(data: String) -> Self {
        Self::new(data)
    }
}

impl From<Vec<u8>> for Item {
    fn from(data: Vec<u8>) -> Self {
        Self::new(data)
    }
}

impl From<Bytes> for Item {
    fn from(data: Bytes) -> Self {
        Self::new(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_so_that_memcached_does_not_misread_it() {
        let after = |seconds| Expiry::after(Duration::from_secs(seconds)).0;
        assert_eq!(Expiry::default().0, 0, "for ever");
        assert_eq!(after(0), -1, "0 would be for ever");
        assert_eq!(Expiry::after(Duration::from_millis(1)).0, 1);
        assert_eq!(after(MONTH), 2_592_000);
        let now = whole_seconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap());
        let long = after(MONTH + 1).cast_unsigned();
        assert!((now + MONTH..now + MONTH + 10).contains(&long), "{long}");
        assert_eq!(Expiry::after(Duration::MAX).0, 0, "for ever");
        assert_eq!(Expiry::at(UNIX_EPOCH + Duration::from_secs(100)).0, -1);
        let later = UNIX_EPOCH + Duration::from_secs(2_000_000_000);
        assert_eq!(Expiry::at(later).0, 2_000_000_000);
    }
}
