//! Chains of callbacks, each stage adding a number, in several libraries' ways.

use std::future::Future;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use torsade_core::Deferred;

use super::Work;

/// Makes and runs a chain of so many stages, once.
type Chain = fn(u64) -> u64;

/// So many stages make a run.
const STAGES: u64 = 200_000;

/// A way's work in chains of a length: an operation is a stage.
pub fn work(way: &str, length: u64) -> Option<Work<'static>> {
    let (name, chain) = CHAINS.iter().find(|(name, _)| *name == way).copied()?;
    let name = format!("{}/{length}", name.replace(' ', "-"));
    Some(Work::new(name, STAGES, move || {
        for _ in 0..STAGES / length {
            black_box(chain(black_box(length)));
        }
    }))
}

/// The ways, with their names.
pub const CHAINS: [(&str, Chain); 6] = [
    ("torsade", torsade),
    ("torsade ready", torsade_ready),
    ("boxed closures", boxed_reserved),
    ("boxed closures growing", boxed),
    ("boxed futures", futures),
    ("allocations alone", allocations),
];

/// A Deferred, its stages, then its value.
fn torsade(stages: u64) -> u64 {
    let (resolver, mut deferred) = Deferred::new();
    for stage in 0..stages {
        deferred = deferred.add_callback(move |number: u64| Ok(number + stage));
    }
    resolver.callback(black_box(1));
    deferred.try_take().map_or(0, |result| result.unwrap_or(0))
}

/// The same on one that has its value.
fn torsade_ready(stages: u64) -> u64 {
    let mut deferred = Deferred::succeed(black_box(1));
    for stage in 0..stages {
        deferred = deferred.add_callback(move |number: u64| Ok(number + stage));
    }
    deferred.try_take().map_or(0, |result| result.unwrap_or(0))
}

type Closure = Box<dyn FnOnce(u64) -> Result<u64, std::fmt::Error>>;

fn run_boxed(stages: u64, mut closures: Vec<Closure>) -> u64 {
    for stage in 0..stages {
        closures.push(Box::new(move |number| Ok(number + stage)));
    }
    let mut number = black_box(1);
    for closure in closures {
        number = closure(number).unwrap_or(0);
    }
    number
}

fn boxed_reserved(stages: u64) -> u64 {
    run_boxed(stages, Vec::with_capacity(stages as usize))
}

fn boxed(stages: u64) -> u64 {
    run_boxed(stages, Vec::new())
}

fn futures(stages: u64) -> u64 {
    let mut chain: LocalBoxFuture<'static, Result<u64, std::fmt::Error>> =
        async { Ok(black_box(1)) }.boxed_local();
    for stage in 0..stages {
        let next = chain.map(move |number| number.map(|number| number + stage));
        chain = next.boxed_local();
    }
    let mut chain = pin!(chain);
    match chain.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(number) => number.unwrap_or(0),
        Poll::Pending => 0,
    }
}

/// A block of the size of a stage.
struct Block {
    next: Option<Box<Self>>,
    _rest: [MaybeUninit<u64>; 12],
}

/// What `torsade` allocates and frees, with nothing done in it: what no design with one allocation
/// a stage can be faster than.
fn allocations(stages: u64) -> u64 {
    let source = Box::new([MaybeUninit::<u64>::uninit(); 16]);
    let mut first: Option<Box<Block>> = None;
    for _ in 0..stages {
        first = Some(Box::new(Block {
            next: first.take(),
            _rest: [MaybeUninit::uninit(); 12],
        }));
    }
    black_box(&source);
    while let Some(mut block) = first {
        first = block.next.take();
    }
    stages
}
