//! Random programs against a model: two chains, and four Deferreds that their callbacks may return.
//!
//! The model is as simple as it can be: a chain is a list of stages and the result that travels
//! through it. Whatever is done, in whatever order, both call the same functions with the same
//! inputs, and end with the same results.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::Pause;
use crate::error::{Abandoned, Cancelled};

/// What is done to the Deferreds, in order.
#[derive(Clone, Copy, Debug)]
enum Op {
    Add(usize, Added),
    /// Fires a source with a value, or with a failure.
    Fire(usize, bool),
    DropResolver(usize),
    Cancel(usize),
    Pause(usize),
    /// Gives up the oldest pause of the chain.
    Unpause(usize),
    DropDeferred(usize),
}

/// What a callback or errback does.
#[derive(Clone, Copy, Debug)]
enum Added {
    AddOne,
    Fail,
    Recover,
    /// Returns the Deferred of that inner source, if no other has taken it.
    Return(usize),
}

const CHAINS: usize = 2;
const SOURCES: usize = 6;

/// A result as both sides tell it: a number, or the name of an error.
type Outcome = std::result::Result<u32, &'static str>;

fn name(failure: &crate::Failure) -> &'static str {
    match failure.check::<Oops>() {
        Some(oops) => oops.0,
        None if failure.check::<Cancelled>().is_some() => "cancelled",
        None if failure.check::<Abandoned>().is_some() => "abandoned",
        None => "another",
    }
}

// The model.

#[derive(Clone, Copy, PartialEq)]
enum Source {
    Pending,
    /// Fired, cancelled or abandoned; the result is kept until a chain takes it.
    Done(Option<Outcome>),
}

enum Stage {
    Call(usize, Added),
    /// Closed as long as its number is among the pauses.
    Gate(u32),
}

#[derive(Default)]
struct Chain {
    stages: VecDeque<Stage>,
    current: Option<Outcome>,
    /// The inner source whose result is awaited.
    awaits: Option<usize>,
    pauses: VecDeque<u32>,
}

struct Model {
    sources: [Source; SOURCES],
    is_taken: [bool; SOURCES],
    chains: [Chain; CHAINS],
    calls: usize,
    gates: u32,
    journal: Vec<(usize, Outcome)>,
}

impl Model {
    fn new() -> Self {
        Self {
            sources: [Source::Pending; SOURCES],
            is_taken: [false; SOURCES],
            chains: Default::default(),
            calls: 0,
            gates: 0,
            journal: Vec::new(),
        }
    }

    fn settle(&mut self, source: usize, outcome: Outcome) {
        if self.sources[source] != Source::Pending {
            return;
        }
        if source < CHAINS {
            self.sources[source] = Source::Done(None);
            self.chains[source].current = Some(outcome);
            return self.run(source);
        }
        self.sources[source] = Source::Done(Some(outcome));
        for chain in 0..CHAINS {
            if self.chains[chain].awaits == Some(source) {
                self.chains[chain].awaits = None;
                self.chains[chain].current = Some(outcome);
                return self.run(chain);
            }
        }
    }

    fn run(&mut self, number: usize) {
        while self.chains[number].awaits.is_none() {
            let chain = &mut self.chains[number];
            let Some(current) = chain.current else { return };
            match chain.stages.front() {
                None => return,
                Some(Stage::Gate(gate)) if chain.pauses.contains(gate) => return,
                Some(Stage::Gate(_)) => {
                    chain.stages.pop_front();
                }
                Some(&Stage::Call(call, added)) => {
                    chain.stages.pop_front();
                    self.call(number, call, added, current);
                }
            }
        }
    }

    fn call(&mut self, chain: usize, call: usize, added: Added, current: Outcome) {
        let is_for_it = current.is_err() == matches!(added, Added::Recover);
        if !is_for_it {
            return;
        }
        self.journal.push((call, current));
        let next = match added {
            Added::AddOne => current.map(|number| number + 1),
            Added::Fail => Err("failed"),
            Added::Recover => Ok(100),
            Added::Return(inner) => match std::mem::replace(&mut self.is_taken[inner], true) {
                true => Err("taken"),
                false => match self.sources[inner] {
                    Source::Done(Some(outcome)) => outcome,
                    _ => {
                        self.chains[chain].awaits = Some(inner);
                        self.chains[chain].current = None;
                        return;
                    }
                },
            },
        };
        self.chains[chain].current = Some(next);
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Add(chain, added) => {
                let call = self.calls;
                self.calls += 1;
                self.chains[chain]
                    .stages
                    .push_back(Stage::Call(call, added));
                self.run(chain);
            }
            Op::Fire(source, is_good) => {
                self.settle(
                    source,
                    if is_good {
                        Ok(source as u32)
                    } else {
                        Err("fired")
                    },
                );
            }
            Op::DropResolver(source) => self.settle(source, Err("abandoned")),
            Op::Cancel(chain) => {
                let source = self.chains[chain].awaits.unwrap_or(chain);
                self.settle(source, Err("cancelled"));
            }
            Op::Pause(chain) => {
                self.gates += 1;
                self.chains[chain].stages.push_back(Stage::Gate(self.gates));
                self.chains[chain].pauses.push_back(self.gates);
            }
            Op::Unpause(chain) => {
                self.chains[chain].pauses.pop_front();
                self.run(chain);
            }
            Op::DropDeferred(_) => {}
        }
    }

    fn outcome(&self, chain: usize) -> Option<Outcome> {
        let chain = &self.chains[chain];
        chain
            .current
            .filter(|_| chain.stages.is_empty() && chain.awaits.is_none())
    }
}

// The real thing.

type Inner = Rc<RefCell<Vec<Option<Deferred<u32>>>>>;

struct Real {
    resolvers: Vec<Option<Resolver<u32>>>,
    chains: Vec<Option<Deferred<u32>>>,
    inner: Inner,
    pauses: [VecDeque<Pause>; CHAINS],
    calls: usize,
    journal: Rc<RefCell<Vec<(usize, Outcome)>>>,
}

impl Real {
    fn new() -> Self {
        let (resolvers, mut deferreds) = pairs(SOURCES);
        let mut deferreds: Vec<_> = deferreds.drain(..).map(Some).collect();
        let inner = (0..SOURCES)
            .map(|at| {
                if at < CHAINS {
                    None
                } else {
                    deferreds[at].take()
                }
            })
            .collect();
        deferreds.truncate(CHAINS);
        Self {
            resolvers,
            chains: deferreds,
            inner: Rc::new(RefCell::new(inner)),
            pauses: Default::default(),
            calls: 0,
            journal: Rc::default(),
        }
    }

    fn add(&mut self, chain: usize, added: Added) {
        let Some(deferred) = self.chains[chain].take() else {
            return;
        };
        let (journal, call) = (Rc::clone(&self.journal), self.calls);
        self.calls += 1;
        let note = move |outcome| journal.borrow_mut().push((call, outcome));
        let inner = Rc::clone(&self.inner);
        self.chains[chain] = Some(match added {
            Added::AddOne => deferred.map(move |number| {
                note(Ok(number));
                number + 1
            }),
            Added::Fail => deferred.add_callback(move |number| -> Result<u32> {
                note(Ok(number));
                Err(Oops("failed").into())
            }),
            Added::Recover => deferred.add_errback(move |failure| {
                note(Err(name(&failure)));
                Ok(100)
            }),
            Added::Return(at) => deferred.add_callback(move |number| {
                note(Ok(number));
                let taken = inner.borrow_mut()[at].take();
                taken.unwrap_or_else(|| Deferred::fail(Oops("taken")))
            }),
        });
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Add(chain, added) => self.add(chain, added),
            Op::Fire(source, is_good) => {
                if let Some(resolver) = self.resolvers[source].take() {
                    if is_good {
                        resolver.callback(source as u32);
                    } else {
                        resolver.errback(Oops("fired"));
                    }
                }
            }
            Op::DropResolver(source) => drop(self.resolvers[source].take()),
            Op::Cancel(chain) => {
                if let Some(deferred) = &self.chains[chain] {
                    deferred.cancel();
                }
            }
            Op::Pause(chain) => {
                if let Some(deferred) = &mut self.chains[chain] {
                    self.pauses[chain].push_back(deferred.pause());
                }
            }
            Op::Unpause(chain) => drop(self.pauses[chain].pop_front()),
            Op::DropDeferred(chain) => drop(self.chains[chain].take()),
        }
    }
}

/// Whether the op needs the Deferred itself, so that it is nothing once that is dropped.
fn needs_deferred(op: Op) -> Option<usize> {
    match op {
        Op::Add(chain, _) | Op::Cancel(chain) | Op::Pause(chain) => Some(chain),
        _ => None,
    }
}

fn op() -> impl Strategy<Value = Op> {
    let chain = 0..CHAINS;
    let added = prop_oneof![
        3 => Just(Added::AddOne),
        1 => Just(Added::Fail),
        2 => Just(Added::Recover),
        2 => (CHAINS..SOURCES).prop_map(Added::Return),
    ];
    prop_oneof![
        8 => (chain.clone(), added).prop_map(|(chain, added)| Op::Add(chain, added)),
        4 => (0..SOURCES, prop::bool::weighted(0.7)).prop_map(|(at, good)| Op::Fire(at, good)),
        1 => (0..SOURCES).prop_map(Op::DropResolver),
        2 => chain.clone().prop_map(Op::Cancel),
        2 => chain.clone().prop_map(Op::Pause),
        2 => chain.clone().prop_map(Op::Unpause),
        1 => chain.prop_map(Op::DropDeferred),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_program_does_what_the_model_does(ops in prop::collection::vec(op(), 0..40)) {
        let (mut model, mut real) = (Model::new(), Real::new());
        for (at, &op) in ops.iter().enumerate() {
            if needs_deferred(op).is_some_and(|chain| real.chains[chain].is_none()) {
                continue;
            }
            model.apply(op);
            real.apply(op);
            prop_assert_eq!(&*real.journal.borrow(), &model.journal, "after {} of {:?}", at, ops);
            for chain in 0..CHAINS {
                if let Some(deferred) = &real.chains[chain] {
                    let is_fired = model.outcome(chain).is_some();
                    prop_assert_eq!(deferred.is_fired(), is_fired, "after {} of {:?}", at, ops);
                }
            }
        }
        for (chain, deferred) in real.chains.into_iter().enumerate() {
            let Some(deferred) = deferred else { continue };
            let outcome = deferred.try_take().ok();
            let outcome = outcome.map(|result| result.map_err(|failure| name(&failure)));
            prop_assert_eq!(outcome, model.outcome(chain), "at the end of {:?}", ops);
        }
    }
}
