//! The requests.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::error::MemcacheError;
use super::item::{CheckAndSet, Expiry, Item, Value};
use super::reply::Reply;
use super::request::{check_key, line, storage_line};
use super::shared::{Shared, Step};
use crate::Deferred;

/// Statistics are for people: nobody has more of them than this, in bytes.
const MAX_STATISTICS: usize = 4 * 1024 * 1024;

/// A handle to a connection with a memcached; a cheap one, which keeps no connection alive.
///
/// Each request is sent at once, behind those before it, and gives a Deferred for its answer.
/// Answers come in the order of the requests. Cancelling a Deferred gives up its answer, not the
/// request: the others are not disturbed.
///
/// A key is 1 to 250 bytes long, without spaces and control characters.
///
/// ```
/// use std::time::Duration;
/// use torsade_core::Result;
/// use torsade_core::protocols::memcache::{Item, Memcache, MemcacheProtocol};
/// use torsade_core::testing::{Simulation, StringTransport};
///
/// async fn count(memcache: Memcache, page: &str) -> Result<u64> {
///     if let Some(count) = memcache.increment(page, 1).await? {
///         return Ok(count);
///     }
///     // The first one, unless somebody else was faster.
///     let first = Item::new("1").expires_after(Duration::from_secs(3600));
///     memcache.add(page, first).await?;
///     Ok(1)
/// }
///
/// let reactor = Simulation::new().reactor();
/// let wire = StringTransport::new().on(&reactor); // whose other end is the memcached
/// let protocol = MemcacheProtocol::new();
/// let memcache = protocol.client();
/// let _memcached = wire.connect(protocol);
/// let counted = reactor.spawn(count(memcache, "/index"));
/// assert_eq!(wire.value(), b"incr /index 1\r\n");
/// wire.receive(b"NOT_FOUND\r\n")?;
/// reactor.advance(Duration::ZERO)?; // the coroutine goes on
/// wire.receive(b"STORED\r\n")?;
/// assert_eq!(reactor.run_until(counted)?, 1);
/// # Result::<()>::Ok(())
/// ```
///
/// # Errors
/// All requests fail with a [`MemcacheError`].
#[derive(Clone)]
#[doc(alias = "MemCacheProtocol")]
pub struct Memcache {
    shared: Rc<Shared>,
}

impl Memcache {
    pub(super) fn new(shared: &Rc<Shared>) -> Self {
        let shared = Rc::clone(shared);
        Self { shared }
    }

    /// The value of a key; `None` if there is none.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Deferred<Option<Value>> {
        self.get_all("get", [key]).map(only)
    }

    /// The values of several keys; a key without one is not in the map.
    ///
    /// ```
    /// use torsade_core::protocols::memcache::MemcacheProtocol;
    /// use torsade_core::testing::{StringTransport, success_result_of};
    ///
    /// let (protocol, wire) = (MemcacheProtocol::new(), StringTransport::new());
    /// let memcache = protocol.client();
    /// let _memcached = wire.connect(protocol);
    /// let found = memcache.get_multiple(["a", "b"]);
    /// assert_eq!(wire.value(), b"get a b\r\n");
    /// wire.receive(b"VALUE b 0 5\r\nhello\r\nEND\r\n")?;
    /// let found = success_result_of(found);
    /// assert_eq!(found[&b"b"[..]].data, "hello");
    /// assert!(!found.contains_key(&b"a"[..]));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "getMultiple")]
    pub fn get_multiple<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Deferred<HashMap<Vec<u8>, Value>> {
        self.get_all("get", keys)
    }

    /// As [`get`](Self::get), with the version of the item, for
    /// [`check_and_set`](Self::check_and_set).
    pub fn gets(&self, key: impl AsRef<[u8]>) -> Deferred<Option<Value>> {
        self.get_all("gets", [key]).map(only)
    }

    /// As [`get_multiple`](Self::get_multiple), with the versions of the items.
    pub fn gets_multiple<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Deferred<HashMap<Vec<u8>, Value>> {
        self.get_all("gets", keys)
    }

    /// Stores an item, in place of any other.
    pub fn set(&self, key: impl AsRef<[u8]>, item: impl Into<Item>) -> Deferred<bool> {
        self.store("set", key.as_ref(), &item.into())
    }

    /// Stores an item if there is none of that key. Whether it did.
    ///
    /// ```
    /// use torsade_core::protocols::memcache::MemcacheProtocol;
    /// use torsade_core::testing::{StringTransport, success_result_of};
    ///
    /// let (protocol, wire) = (MemcacheProtocol::new(), StringTransport::new());
    /// let memcache = protocol.client();
    /// let _memcached = wire.connect(protocol);
    /// let (first, second) = (memcache.add("visits", "1"), memcache.add("visits", "1"));
    /// wire.receive(b"STORED\r\nNOT_STORED\r\n")?;
    /// assert!(success_result_of(first));
    /// assert!(!success_result_of(second));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn add(&self, key: impl AsRef<[u8]>, item: impl Into<Item>) -> Deferred<bool> {
        self.store("add", key.as_ref(), &item.into())
    }

    /// Stores an item if there is one of that key. Whether it did.
    pub fn replace(&self, key: impl AsRef<[u8]>, item: impl Into<Item>) -> Deferred<bool> {
        self.store("replace", key.as_ref(), &item.into())
    }

    /// Puts something behind the value of that key, if there is one. Whether it did.
    pub fn append(&self, key: impl AsRef<[u8]>, data: impl Into<Bytes>) -> Deferred<bool> {
        self.store("append", key.as_ref(), &Item::new(data))
    }

    /// Puts something before the value of that key, if there is one. Whether it did.
    pub fn prepend(&self, key: impl AsRef<[u8]>, data: impl Into<Bytes>) -> Deferred<bool> {
        self.store("prepend", key.as_ref(), &Item::new(data))
    }

    /// Stores an item if the one of that key is still the version that [`gets`](Self::gets) told.
    ///
    /// ```
    /// use torsade_core::protocols::memcache::{CheckAndSet, Memcache, MemcacheProtocol};
    /// use torsade_core::testing::{Simulation, StringTransport};
    /// use torsade_core::Result;
    ///
    /// /// Adds a line to a page, as often as somebody else is faster.
    /// async fn add_line(memcache: Memcache) -> Result<()> {
    ///     loop {
    ///         let Some(page) = memcache.gets("page").await? else { return Ok(()) };
    ///         let longer = [&page.data, &b"more\n"[..]].concat();
    ///         let version = page.cas.unwrap_or_default();
    ///         if memcache.check_and_set("page", longer, version).await? != CheckAndSet::Exists {
    ///             return Ok(());
    ///         }
    ///     }
    /// }
    ///
    /// let reactor = Simulation::new().reactor();
    /// let wire = StringTransport::new().on(&reactor);
    /// let (protocol, mut asked) = (MemcacheProtocol::new(), Vec::new());
    /// let memcache = protocol.client();
    /// let _memcached = wire.connect(protocol);
    /// let added = reactor.spawn(add_line(memcache));
    /// let answers: [&[u8]; 4] = [
    ///     b"VALUE page 0 4 1\r\none\n\r\nEND\r\n",
    ///     b"EXISTS\r\n",
    ///     b"VALUE page 0 4 2\r\ntwo\n\r\nEND\r\n",
    ///     b"STORED\r\n",
    /// ];
    /// for answer in answers {
    ///     asked.push(wire.value());
    ///     wire.clear();
    ///     wire.receive(answer)?;
    ///     reactor.advance(std::time::Duration::ZERO)?;
    /// }
    /// reactor.run_until(added)?;
    /// assert_eq!(asked[3], b"cas page 0 0 9 2\r\ntwo\nmore\n\r\n");
    /// # Result::<()>::Ok(())
    /// ```
    #[doc(alias = "checkAndSet")]
    #[doc(alias = "cas")]
    pub fn check_and_set(
        &self,
        key: impl AsRef<[u8]>,
        item: impl Into<Item>,
        cas: u64,
    ) -> Deferred<CheckAndSet> {
        self.send_item(
            "cas",
            key.as_ref(),
            &item.into(),
            Some(cas),
            |reply| match reply {
                Reply::Stored => Step::Done(CheckAndSet::Stored),
                Reply::Exists => Step::Done(CheckAndSet::Exists),
                Reply::NotFound => Step::Done(CheckAndSet::NotFound),
                _ => Step::Unexpected,
            },
        )
    }

    /// Deletes an item. Whether there was one.
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Deferred<bool> {
        self.send_key("delete", key.as_ref(), None, |reply| match reply {
            Reply::Deleted => Step::Done(true),
            Reply::NotFound => Step::Done(false),
            _ => Step::Unexpected,
        })
    }

    /// Adds to the number that is the value of that key, and gives the sum; beyond 64 bits, it goes
    /// on at 0. `None` if there is no such key; a value that is no number is refused.
    ///
    /// ```
    /// use torsade_core::protocols::memcache::MemcacheProtocol;
    /// use torsade_core::testing::{StringTransport, success_result_of};
    ///
    /// let (protocol, wire) = (MemcacheProtocol::new(), StringTransport::new());
    /// let memcache = protocol.client();
    /// let _memcached = wire.connect(protocol);
    /// let (visits, none) = (memcache.increment("visits", 1), memcache.increment("none", 1));
    /// assert_eq!(wire.value(), b"incr visits 1\r\nincr none 1\r\n");
    /// wire.receive(b"18\r\nNOT_FOUND\r\n")?;
    /// assert_eq!((success_result_of(visits), success_result_of(none)), (Some(18), None));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    #[doc(alias = "incr")]
    pub fn increment(&self, key: impl AsRef<[u8]>, by: u64) -> Deferred<Option<u64>> {
        self.count("incr", key.as_ref(), by)
    }

    /// Takes from the number that is the value of that key, and gives the difference, which is 0 at
    /// least. `None` if there is no such key; a value that is no number is refused.
    #[doc(alias = "decr")]
    pub fn decrement(&self, key: impl AsRef<[u8]>, by: u64) -> Deferred<Option<u64>> {
        self.count("decr", key.as_ref(), by)
    }

    /// Has an item go when that time has passed; `None` is never. Whether there was one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use torsade_core::protocols::memcache::MemcacheProtocol;
    /// use torsade_core::testing::{StringTransport, success_result_of};
    ///
    /// let (protocol, wire) = (MemcacheProtocol::new(), StringTransport::new());
    /// let memcache = protocol.client();
    /// let _memcached = wire.connect(protocol);
    /// let touched = memcache.touch("session", Some(Duration::from_secs(600)));
    /// assert_eq!(wire.value(), b"touch session 600\r\n");
    /// wire.receive(b"TOUCHED\r\n")?;
    /// assert!(success_result_of(touched));
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn touch(&self, key: impl AsRef<[u8]>, expires_after: Option<Duration>) -> Deferred<bool> {
        let Expiry(expiry) = expires_after.map_or_else(Expiry::default, Expiry::after);
        let expiry = expiry.to_string();
        self.send_key("touch", key.as_ref(), Some(expiry), |reply| match reply {
            Reply::Touched => Step::Done(true),
            Reply::NotFound => Step::Done(false),
            _ => Step::Unexpected,
        })
    }

    /// The server's statistics.
    ///
    /// ```
    /// use torsade_core::protocols::memcache::MemcacheProtocol;
    /// use torsade_core::testing::{StringTransport, success_result_of};
    ///
    /// let (protocol, wire) = (MemcacheProtocol::new(), StringTransport::new());
    /// let memcache = protocol.client();
    /// let _memcached = wire.connect(protocol);
    /// let stats = memcache.stats();
    /// wire.receive(b"STAT pid 4711\r\nSTAT curr_items 7\r\nEND\r\n")?;
    /// assert_eq!(success_result_of(stats)["curr_items"], "7");
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    pub fn stats(&self) -> Deferred<BTreeMap<String, String>> {
        self.send_stats(line(&[b"stats"]))
    }

    /// The server's statistics of one kind, such as `items` or `slabs`.
    pub fn stats_of(&self, kind: &str) -> Deferred<BTreeMap<String, String>> {
        let words: Vec<&[u8]> = kind.as_bytes().split(|byte| *byte == b' ').collect();
        if let Some(error) = words.iter().find_map(|word| check_key(word).err()) {
            return Deferred::fail(error);
        }
        self.send_stats(line(&[b"stats", kind.as_bytes()]))
    }

    /// The server's version.
    pub fn version(&self) -> Deferred<String> {
        self.send("version", line(&[b"version"]), |reply| match reply {
            Reply::Version(text) => Step::Done(String::from_utf8_lossy(text).into_owned()),
            _ => Step::Unexpected,
        })
    }

    /// Has all items of the server go, those of everybody.
    #[doc(alias = "flushAll")]
    pub fn flush_all(&self) -> Deferred<()> {
        self.send("flush_all", line(&[b"flush_all"]), |reply| match reply {
            Reply::Ok => Step::Done(()),
            _ => Step::Unexpected,
        })
    }

    /// How many requests wait for their answers.
    pub fn waiting(&self) -> usize {
        self.shared.waiting()
    }

    /// Closes the connection; requests that still wait for an answer fail. What was sent goes out.
    ///
    /// ```
    /// use torsade_core::protocols::memcache::{MemcacheError, MemcacheProtocol};
    /// use torsade_core::testing::{StringTransport, failure_result_of};
    ///
    /// let (protocol, wire) = (MemcacheProtocol::new(), StringTransport::new());
    /// let memcache = protocol.client();
    /// let _memcached = wire.connect(protocol);
    /// let found = memcache.get("page");
    /// assert_eq!(memcache.waiting(), 1);
    /// memcache.close();
    /// # wire.finish();
    /// let failure = failure_result_of(found);
    /// assert!(matches!(failure.check(), Some(MemcacheError::Ended { .. })));
    /// ```
    #[doc(alias = "loseConnection")]
    pub fn close(&self) {
        if let Some(transport) = self.shared.transport() {
            transport.lose_connection();
        }
    }

    fn get_all<K: AsRef<[u8]>>(
        &self,
        command: &'static str,
        keys: impl IntoIterator<Item = K>,
    ) -> Deferred<HashMap<Vec<u8>, Value>> {
        let mut request = command.as_bytes().to_vec();
        // What was asked for and has not come; a key is asked for once only.
        let mut asked = HashSet::new();
        for key in keys {
            let key = key.as_ref();
            if let Err(error) = check_key(key) {
                return Deferred::fail(error);
            }
            if asked.insert(key.to_vec()) {
                request.push(b' ');
                request.extend_from_slice(key);
            }
        }
        if asked.is_empty() {
            return Deferred::succeed(HashMap::new());
        }
        request.extend_from_slice(b"\r\n");
        let wants_cas = command == "gets";
        let mut found = HashMap::new();
        self.send(command, request, move |reply| match reply {
            Reply::Value {
                key,
                flags,
                cas,
                data,
            } if cas.is_some() == wants_cas => match asked.take(key) {
                Some(key) => {
                    let data = Bytes::copy_from_slice(data);
                    found.insert(key, Value { data, flags, cas });
                    Step::More
                }
                None => Step::Unexpected,
            },
            Reply::End => Step::Done(std::mem::take(&mut found)),
            _ => Step::Unexpected,
        })
    }

    fn store(&self, command: &'static str, key: &[u8], item: &Item) -> Deferred<bool> {
        self.send_item(command, key, item, None, |reply| match reply {
            Reply::Stored => Step::Done(true),
            Reply::NotStored => Step::Done(false),
            _ => Step::Unexpected,
        })
    }

    fn count(&self, command: &'static str, key: &[u8], by: u64) -> Deferred<Option<u64>> {
        self.send_key(command, key, Some(by.to_string()), |reply| match reply {
            Reply::Number(number) => Step::Done(Some(number)),
            Reply::NotFound => Step::Done(None),
            _ => Step::Unexpected,
        })
    }

    fn send_stats(&self, request: Vec<u8>) -> Deferred<BTreeMap<String, String>> {
        let (mut found, mut kept) = (BTreeMap::new(), 0);
        self.send("stats", request, move |reply| match reply {
            Reply::Stat(name, value) => {
                // An entry costs something even when it is empty.
                kept += 64 + name.len() + value.len();
                if kept > MAX_STATISTICS {
                    let limit = MAX_STATISTICS;
                    return Step::TooMuch { limit };
                }
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                found.insert(text(name), text(value));
                Step::More
            }
            Reply::End | Reply::Reset | Reply::Ok => Step::Done(std::mem::take(&mut found)),
            _ => Step::Unexpected,
        })
    }

    /// Sends a command with a key, and perhaps one more word.
    fn send_key<T: 'static>(
        &self,
        command: &'static str,
        key: &[u8],
        word: Option<String>,
        collect: impl FnMut(Reply<'_>) -> Step<T> + 'static,
    ) -> Deferred<T> {
        if let Err(error) = check_key(key) {
            return Deferred::fail(error);
        }
        let request = match word {
            Some(word) => line(&[command.as_bytes(), key, word.as_bytes()]),
            None => line(&[command.as_bytes(), key]),
        };
        self.send(command, request, collect)
    }

    /// Sends a command with a key and an item.
    fn send_item<T: 'static>(
        &self,
        command: &'static str,
        key: &[u8],
        item: &Item,
        cas: Option<u64>,
        collect: impl FnMut(Reply<'_>) -> Step<T> + 'static,
    ) -> Deferred<T> {
        if let Err(error) = check_key(key) {
            return Deferred::fail(error);
        }
        let (length, limit) = (item.data.len(), self.shared.max_value.get());
        if length > limit {
            return Deferred::fail(MemcacheError::ValueTooLong { length, limit });
        }
        let request = storage_line(command, key, item, cas).into();
        let pieces = [request, item.data.clone(), Bytes::from_static(b"\r\n")];
        self.shared.request(command, pieces, collect)
    }

    fn send<T: 'static>(
        &self,
        command: &'static str,
        request: Vec<u8>,
        collect: impl FnMut(Reply<'_>) -> Step<T> + 'static,
    ) -> Deferred<T> {
        self.shared.request(command, [request.into()], collect)
    }
}

/// The value of the one key that was asked for.
fn only(found: HashMap<Vec<u8>, Value>) -> Option<Value> {
    found.into_values().next()
}

impl fmt::Debug for Memcache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memcache")
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}
