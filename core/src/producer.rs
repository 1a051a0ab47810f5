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
/// than the other can be written. This is all that a proxy needs, if it remembers to
/// [unregister](Transport::unregister_producer) it before it closes: a connection that closes waits
/// for its producer, and this one never ends by itself.
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
}

impl fmt::Debug for dyn Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Producer")
    }
}
