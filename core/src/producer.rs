//! Producers: whoever writes to a transport and lets itself be slowed down by it.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crate::Transport;

/// Something that writes to a transport, the *consumer*, at the pace that its peer reads.
///
/// Registered with [`Transport::register_producer`]. The methods are called by the reactor when
/// no other user function runs, never from inside `write`.
///
/// ```
/// use torsade_core::testing::StringTransport;
/// use torsade_core::{Producer, ProducerKind, Transport};
///
/// /// Writes numbers, one each time that it is asked.
/// struct Countdown(u32);
///
/// impl Producer for Countdown {
///     fn resume_producing(&mut self, consumer: &Transport) {
///         consumer.write(format!("{}\n", self.0).as_bytes());
///         self.0 -= 1;
///         if self.0 == 0 {
///             consumer.unregister_producer();
///             consumer.lose_connection();
///         }
///     }
///
///     fn pause_producing(&mut self, _: &Transport) {}
///
///     fn stop_producing(&mut self, _: &Transport) {}
/// }
///
/// let wire = StringTransport::new();
/// wire.transport().register_producer(Countdown(3), ProducerKind::Pull)?;
/// for _ in 0..3 {
///     wire.resume_producer();
/// }
/// assert_eq!(wire.value(), b"3\n2\n1\n");
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[doc(alias = "IPushProducer")]
#[doc(alias = "IPullProducer")]
#[doc(alias = "IProducer")]
pub trait Producer: 'static {
    /// Produce: for a [push](ProducerKind::Push) producer, go on until paused; for a
    /// [pull](ProducerKind::Pull) producer, write the next piece, once.
    #[doc(alias = "resumeProducing")]
    fn resume_producing(&mut self, consumer: &Transport);

    /// Stop writing for the time being. Never called on a pull producer.
    #[doc(alias = "pauseProducing")]
    fn pause_producing(&mut self, consumer: &Transport);

    /// The consumer is gone: nothing written will arrive any more. Called once, and last.
    #[doc(alias = "stopProducing")]
    fn stop_producing(&mut self, consumer: &Transport);

    /// Whether a consumer that closes waits until this has produced all and is unregistered. Unless
    /// overridden, it does. One that has no end, such as a connection, is stopped instead.
    ///
    /// ```
    /// use torsade_core::testing::StringTransport;
    /// use torsade_core::{Producer, ProducerKind, Transport};
    ///
    /// /// Has no end, so that nobody should wait for it.
    /// struct Clock;
    ///
    /// impl Producer for Clock {
    ///     fn is_waited_for(&self) -> bool {
    ///         false
    ///     }
    /// #   fn resume_producing(&mut self, _: &Transport) {}
    /// #   fn pause_producing(&mut self, _: &Transport) {}
    /// #   fn stop_producing(&mut self, _: &Transport) {}
    ///     // ...
    /// }
    ///
    /// let wire = StringTransport::new();
    /// wire.transport().register_producer(Clock, ProducerKind::Push)?;
    /// wire.transport().lose_connection();
    /// assert!(wire.finish()); // it was stopped
    /// # torsade_core::Result::<()>::Ok(())
    /// ```
    fn is_waited_for(&self) -> bool {
        true
    }
}

/// How a [`Producer`] wants to be asked.
///
/// ```
/// use torsade_core::testing::StringTransport;
/// use torsade_core::ProducerKind;
///
/// // A proxy: what comes over one connection is read no faster than the other takes it.
/// let (one, other) = (StringTransport::new(), StringTransport::new());
/// one.transport().register_producer(other.transport().clone(), ProducerKind::Push)?;
/// assert_eq!(one.producer(), Some(ProducerKind::Push));
/// # torsade_core::Result::<()>::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(alias = "IPullProducer")]
#[doc(alias = "IPushProducer")]
pub enum ProducerKind {
    /// It writes on its own and is paused when too much is queued (Twisted's `streaming=True`).
    Push,
    /// It writes one piece each time that it is asked (`streaming=False`).
    Pull,
}

/// A transport as a push producer for another: the connection it belongs to is read no faster
/// than the other can be written. This is all that a proxy needs.
///
/// It never has produced all, so it is not waited for: when the other closes, this one is closed as
/// well, unless it is [unregistered](Transport::unregister_producer) before.
impl Producer for Transport {
    fn resume_producing(&mut self, _consumer: &Transport) {
        self.resume_reading();
    }

    fn pause_producing(&mut self, _consumer: &Transport) {
        self.pause_reading();
    }

    fn stop_producing(&mut self, _consumer: &Transport) {
        self.lose_connection();
    }

    fn is_waited_for(&self) -> bool {
        false
    }
}

/// A producer that its owner keeps a hand on.
///
/// The cell is borrowed only while one of the methods runs, and none runs while a user function
/// does: a borrow that ends with the function that made it never collides.
impl<P: Producer> Producer for Rc<RefCell<P>> {
    fn resume_producing(&mut self, consumer: &Transport) {
        self.borrow_mut().resume_producing(consumer);
    }

    fn pause_producing(&mut self, consumer: &Transport) {
        self.borrow_mut().pause_producing(consumer);
    }

    fn stop_producing(&mut self, consumer: &Transport) {
        self.borrow_mut().stop_producing(consumer);
    }

    fn is_waited_for(&self) -> bool {
        self.borrow().is_waited_for()
    }
}

impl fmt::Debug for dyn Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Producer")
    }
}
