//! The event sources of a reactor, and the tokens by which the driver names them.

use std::num::NonZeroU32;
use std::rc::Rc;

use slab::Slab;

use super::statistics::Statistics;
use super::turn::Core;
use crate::driver::{Readiness, Token};

/// Something that the driver has events for.
///
/// The reactor knows no more of it than this: what a connection or a listener does with its
/// readiness is its own business.
pub(crate) trait Source {
    /// Something became possible.
    fn ready(self: Rc<Self>, core: &Rc<Core>, readiness: Readiness);

    /// It is this source's turn on the agenda: see [`Core::put_on_agenda`].
    fn attend(self: Rc<Self>, core: &Rc<Core>);

    /// The reactor stops: end now, and tell whoever has to know.
    fn shut_down(self: Rc<Self>, core: &Rc<Core>);

    /// What it is, for people.
    fn describe(&self) -> String;

    /// Counts itself.
    fn count_in(&self, statistics: &mut Statistics) {
        statistics.other_sources += 1;
    }
}

/// A slab of sources whose tokens carry a generation, so that an event which was collected for a
/// closed source never reaches the next tenant of its slot.
#[derive(Default)]
pub(crate) struct Sources {
    slots: Slab<Slot>,
    /// Counts the reservations ever made; part of each token.
    generation: u32,
}

struct Slot {
    /// Never 0, which makes room for the slab's own mark of a free slot.
    generation: NonZeroU32,
    /// `None` while only reserved.
    source: Option<Rc<dyn Source>>,
}

const INDEX_BITS: u32 = usize::BITS / 2;
const INDEX_MASK: usize = (1 << INDEX_BITS) - 1;

impl Sources {
    /// A token for a source that is about to be made. [`fill`](Self::fill) or
    /// [`remove`](Self::remove) it.
    pub(crate) fn reserve(&mut self) -> Token {
        self.generation = self.generation.wrapping_add(1) & (INDEX_MASK as u32);
        let generation = NonZeroU32::new(self.generation).unwrap_or(NonZeroU32::MIN);
        self.generation = generation.get();
        let index = self.slots.insert(Slot {
            generation,
            source: None,
        });
        Token((generation.get() as usize) << INDEX_BITS | index)
    }

    /// Puts a source, or another one, behind a token. Gives back whether the token is valid.
    pub(crate) fn fill(&mut self, token: Token, source: Rc<dyn Source>) -> bool {
        let (index, generation) = split(token);
        match self.slots.get_mut(index) {
            Some(slot) if slot.generation.get() == generation => {
                slot.source = Some(source);
                true
            }
            _ => false,
        }
    }

    /// The source behind a token, unless it has been removed.
    pub(crate) fn get(&self, token: Token) -> Option<Rc<dyn Source>> {
        let (index, generation) = split(token);
        let slot = self
            .slots
            .get(index)
            .filter(|slot| slot.generation.get() == generation)?;
        slot.source.clone()
    }

    /// Forgets a source; harmless when it is forgotten already.
    ///
    /// The source is given back, so that it is dropped outside the borrow of this slab.
    pub(crate) fn remove(&mut self, token: Token) -> Option<Rc<dyn Source>> {
        let (index, generation) = split(token);
        if self
            .slots
            .get(index)
            .is_none_or(|slot| slot.generation.get() != generation)
        {
            return None;
        }
        self.slots.remove(index).source
    }

    pub(crate) fn all(&self) -> Vec<Rc<dyn Source>> {
        self.slots
            .iter()
            .filter_map(|(_, slot)| slot.source.clone())
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }
}

fn split(token: Token) -> (usize, u32) {
    (token.0 & INDEX_MASK, (token.0 >> INDEX_BITS) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Source for Nothing {
        fn ready(self: Rc<Self>, _: &Rc<Core>, _: Readiness) {}
        fn attend(self: Rc<Self>, _: &Rc<Core>) {}
        fn shut_down(self: Rc<Self>, _: &Rc<Core>) {}
        fn describe(&self) -> String {
            String::new()
        }
    }

    #[test]
    fn a_token_outlives_its_source_without_reaching_the_next_tenant() {
        // C67, R91
        let mut sources = Sources::default();
        let old = sources.reserve();
        sources.fill(old, Rc::new(Nothing));
        assert!(sources.get(old).is_some());
        sources.remove(old);

        let new = sources.reserve();
        sources.fill(new, Rc::new(Nothing));
        assert_eq!(split(old).0, split(new).0, "the slot is used again");
        assert!(sources.get(old).is_none());
        assert!(!sources.fill(old, Rc::new(Nothing)));
        assert!(sources.remove(old).is_none());
        assert!(sources.get(new).is_some());
        assert_eq!(sources.len(), 1);
    }
}
