//! The store against a plain sorted map, and what only a wheel can get wrong.

use super::*;
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);

fn due<T>(timers: &mut Timers<T>, now: Instant) -> Vec<T> {
    timers.start_pass(now);
    std::iter::from_fn(|| timers.pop_due()).collect()
}

// C59
#[test]
fn equal_deadlines_fire_in_the_order_made_and_a_reset_makes_anew() {
    let start = Instant::now();
    let mut timers = Timers::new(start);
    let keys = (0..4)
        .map(|n| timers.add(start, 5 * MS, n))
        .collect::<Vec<_>>();
    assert!(timers.reset(keys[1], start, 5 * MS));
    assert_eq!(due(&mut timers, start + 5 * MS), [0, 2, 3, 1]);
}

#[test]
fn one_nanosecond_counts() {
    let start = Instant::now();
    let mut timers = Timers::new(start);
    let deadline = start + 3 * MS + Duration::from_nanos(7);
    timers.add(deadline, Duration::from_nanos(1), "later");
    timers.add(deadline, Duration::ZERO, "earlier");
    assert_eq!(
        due(&mut timers, deadline - Duration::from_nanos(1)),
        [""; 0]
    );
    assert_eq!(timers.next_deadline(), Some(deadline));
    assert_eq!(due(&mut timers, deadline), ["earlier"]);
    assert_eq!(
        due(&mut timers, deadline + Duration::from_nanos(1)),
        ["later"]
    );
}

// C62
#[test]
fn the_far_future_neither_overflows_nor_fires_early() {
    let start = Instant::now();
    let mut timers = Timers::new(start);
    let year = Duration::from_secs(365 * 86_400);
    let far = timers.add(start, 500 * year, "500 years");
    let farther = timers.add(start, 5_000 * year, "5000 years");
    assert_eq!(timers.deadline(far), Some(start + 500 * year));
    assert!(timers.next_deadline().unwrap() <= start + 500 * year);
    assert_eq!(due(&mut timers, start + 499 * year), [""; 0]);
    assert_eq!(due(&mut timers, start + 500 * year), ["500 years"]);
    assert_eq!(timers.remove(farther), Some("5000 years"));
    assert_eq!(timers.next_deadline(), None);
}

// C58
#[test]
fn what_a_callback_makes_waits_for_the_next_pass() {
    let start = Instant::now();
    let mut timers = Timers::new(start);
    timers.add(start, Duration::ZERO, 0);
    let other = timers.add(start, Duration::ZERO, 1);
    timers.start_pass(start);
    assert_eq!(timers.pop_due(), Some(0));
    timers.add(start, Duration::ZERO, 2);
    timers.reset(other, start, Duration::ZERO);
    assert_eq!(timers.pop_due(), None);
    assert_eq!(timers.next_deadline(), Some(start));
    assert_eq!(due(&mut timers, start), [2, 1]);
}

// C60
#[test]
fn one_cancelled_by_an_earlier_callback_does_not_run() {
    let start = Instant::now();
    let mut timers = Timers::new(start);
    let first = timers.add(start, MS, 0);
    let second = timers.add(start, MS, 1);
    timers.start_pass(start + MS);
    assert_eq!(timers.pop_due(), Some(0));
    assert_eq!(timers.remove(second), Some(1));
    assert_eq!(timers.pop_due(), None);
    assert_eq!(timers.remove(first), None);
    assert!(!timers.reset(first, start, Duration::ZERO));
    assert_eq!(timers.deadline(second), None);
    let tenant = timers.add(start, Duration::ZERO, 2);
    assert_ne!(tenant, first);
    assert_ne!(tenant, second);
    assert_eq!(timers.remove(second), None);
    assert_eq!(timers.len(), 1);
}

#[test]
fn a_pass_may_be_given_up_halfway() {
    let start = Instant::now();
    let mut timers = Timers::new(start);
    for n in 0..4 {
        timers.add(start, n * 10 * MS, n);
    }
    timers.start_pass(start + 60 * MS);
    assert_eq!(timers.pop_due(), Some(0));
    timers.add(start, 15 * MS, 9);
    assert_eq!(due(&mut timers, start + 60 * MS), [1, 9, 2, 3]);
}

#[test]
fn cancelled_timers_leave_no_memory() {
    let start = Instant::now();
    let mut timers = Timers::new(start);
    for n in 0..1_000_000_u32 {
        let key = timers.add(start, n * MS / 20, n);
        assert_eq!(timers.remove(key), Some(n));
    }
    assert_eq!(timers.nodes.len(), 1);
    assert!(timers.run.is_empty() && timers.late.is_empty());
    assert_eq!(timers.next_deadline(), None);
}

#[test]
fn a_timer_reset_often_costs_a_bounded_number_of_early_passes() {
    let start = Instant::now();
    let mut timers = Timers::new(start);
    let idle = timers.add(start, 5_000 * MS, ());
    for n in 0..100_000 {
        timers.reset(idle, start, 5_000 * MS + n * MS / 20);
    }
    let deadline = timers.deadline(idle).unwrap();
    let mut passes = 0;
    let mut now = start;
    while timers.len() > 0 {
        let next = timers.next_deadline().unwrap();
        assert!(now <= next && next <= deadline);
        now = next;
        passes += 1;
        due(&mut timers, now);
    }
    assert_eq!(now, deadline);
    assert!(passes <= 9, "{passes} passes");
}

#[test]
fn drain_gives_everything_and_makes_keys_stale() {
    let start = Instant::now();
    let mut timers = Timers::new(start);
    let keys = (0..5)
        .map(|n| timers.add(start, n * n * 100 * MS, n))
        .collect::<Vec<_>>();
    timers.start_pass(start + 10 * MS);
    assert_eq!(timers.pop_due(), Some(0));
    timers.add(start, Duration::ZERO, 5);
    let mut all = timers.drain();
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3, 4, 5]);
    assert_eq!(timers.len(), 0);
    assert_eq!(timers.next_deadline(), None);
    assert!(keys.into_iter().all(|key| timers.remove(key).is_none()));
    timers.add(start, Duration::ZERO, 6);
    assert_eq!(due(&mut timers, start), [6]);
}

/// What a program does with its timers. Indices choose among all keys ever made.
#[derive(Clone, Debug)]
enum Step {
    Add(u64),
    Remove(usize),
    Reset(usize, u64),
    /// Time goes on, and a pass is made in which these happen between the callbacks.
    Pass(u64, Vec<Self>),
    /// Time goes on to the next deadline.
    PassAtNext,
    /// A pass of which no more than so many timers are taken.
    PartOfPass(u64, usize),
}

fn delay() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(1),
        0_u64..3_000_000,
        (0_u64..200).prop_map(|ticks| ticks << TICK_BITS),
        0_u64..100_000_000_000,
        (0_u32..63).prop_map(|bit| 1 << bit),
        0_u64..1 << 62,
    ]
}

fn small_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => delay().prop_map(Step::Add),
        2 => (0_usize..1000).prop_map(Step::Remove),
        2 => (0_usize..1000, delay()).prop_map(|(which, delay)| Step::Reset(which, delay)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let jump = prop_oneof![
        Just(0_u64),
        0_u64..5_000_000,
        0_u64..1 << 37,
        0_u64..1 << 56
    ];
    prop_oneof![
        6 => small_step(),
        2 => (jump.clone(), prop::collection::vec(small_step(), 0..8))
            .prop_map(|(by, steps)| Step::Pass(by, steps)),
        1 => Just(Step::PassAtNext),
        1 => (jump, 0_usize..4).prop_map(|(by, most)| Step::PartOfPass(by, most)),
    ]
}

/// The same in the plainest way: one map, sorted by deadline and number.
struct Model {
    start: Instant,
    now: u64,
    timers: Timers<usize>,
    /// The deadline and sequence of each pending timer.
    sorted: BTreeMap<(u64, u64), usize>,
    keys: Vec<(TimerKey, Option<(u64, u64)>)>,
    sequence: u64,
}

impl Model {
    fn new() -> Self {
        let start = Instant::now();
        Self {
            start,
            now: 0,
            timers: Timers::new(start),
            sorted: BTreeMap::new(),
            keys: Vec::new(),
            sequence: 0,
        }
    }

    fn at(&self, nanos: u64) -> Instant {
        self.start + Duration::from_nanos(nanos)
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Add(delay) => {
                let deadline = self.now.saturating_add(delay);
                let key = self.timers.add(
                    self.at(self.now),
                    Duration::from_nanos(delay),
                    self.keys.len(),
                );
                self.sequence += 1;
                self.sorted
                    .insert((deadline, self.sequence), self.keys.len());
                self.keys.push((key, Some((deadline, self.sequence))));
            }
            Step::Remove(which) if !self.keys.is_empty() => {
                let which = which % self.keys.len();
                let (key, place) = &mut self.keys[which];
                let place = place.take();
                assert_eq!(self.timers.remove(*key), place.map(|_| which));
                place.map(|place| self.sorted.remove(&place));
            }
            Step::Reset(which, delay) if !self.keys.is_empty() => {
                let which = which % self.keys.len();
                let deadline = self.now.saturating_add(delay);
                let (key, place) = self.keys[which];
                assert_eq!(
                    self.timers
                        .reset(key, self.at(self.now), Duration::from_nanos(delay)),
                    place.is_some()
                );
                if let Some(place) = place {
                    self.sequence += 1;
                    self.sorted.remove(&place);
                    self.sorted.insert((deadline, self.sequence), which);
                    self.keys[which].1 = Some((deadline, self.sequence));
                }
            }
            Step::Remove(_) | Step::Reset(..) => {}
            Step::Pass(by, steps) => self.pass(by, usize::MAX, steps),
            Step::PartOfPass(by, most) => self.pass(by, most, Vec::new()),
            Step::PassAtNext => {
                if let Some((&(deadline, _), _)) = self.sorted.first_key_value() {
                    self.pass(deadline.saturating_sub(self.now), usize::MAX, Vec::new());
                }
            }
        }
        self.check();
    }

    fn pass(&mut self, by: u64, most: usize, steps: Vec<Step>) {
        self.now = self.now.saturating_add(by);
        let first_new = self.sequence + 1;
        self.timers.start_pass(self.at(self.now));
        let mut steps = steps.into_iter();
        for _ in 0..most {
            let expected = self
                .sorted
                .range(..=(self.now, u64::MAX))
                .find(|((_, sequence), _)| *sequence < first_new)
                .map(|(&place, &which)| (place, which));
            assert_eq!(self.timers.pop_due(), expected.map(|(_, which)| which));
            let Some((place, which)) = expected else {
                break;
            };
            self.sorted.remove(&place);
            self.keys[which].1 = None;
            if let Some(step) = steps.next() {
                self.run(step);
            }
        }
    }

    fn check(&mut self) {
        assert_eq!(self.timers.len(), self.sorted.len());
        let true_next = self
            .sorted
            .first_key_value()
            .map(|(&(deadline, _), _)| deadline);
        let next = self.timers.next_deadline();
        assert_eq!(next.is_some(), true_next.is_some());
        if let (Some(next), Some(true_next)) = (next, true_next) {
            assert!(next <= self.at(true_next));
        }
        for (key, place) in &self.keys {
            let deadline = place.map(|(deadline, _)| self.at(deadline));
            assert_eq!(self.timers.deadline(*key), deadline);
        }
    }
}

proptest! {
    #[test]
    fn behaves_as_a_sorted_map(steps in prop::collection::vec(step(), 0..80)) {
        let mut model = Model::new();
        for step in steps {
            model.run(step);
        }
        // However it stands, waking at `next_deadline` fires all, with few passes for nothing.
        let mut early = 0;
        while let Some(next) = model.timers.next_deadline() {
            let before = model.timers.len();
            let by = next.saturating_duration_since(model.at(model.now)).as_nanos() as u64;
            model.pass(by, usize::MAX, Vec::new());
            early = if model.timers.len() == before { early + 1 } else { 0 };
            prop_assert!(early <= 8);
        }
    }
}
