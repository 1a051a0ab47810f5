//! Timers: added and cancelled, added and fired, and moved on again and again, in several libraries' ways.

mod heap;
mod tokio;
mod torsade;
mod wheel;

use super::Work;

pub const MILLISECOND: u64 = 1_000_000;
/// Deadlines are spread over a minute.
const SPAN: u64 = 60_000 * MILLISECOND;
/// So many are pending while some are moved on.
const PENDING: usize = 10_000;

/// Who keeps timers. Moments are in nanoseconds from the beginning. A timer that fires counts itself.
trait Timers {
    type Key;

    fn new() -> Self;
    fn add(&mut self, at: u64) -> Self::Key;
    fn cancel(&mut self, key: Self::Key);
    /// Fires what is due by then.
    fn pass(&mut self, until: u64);
    fn fired(&self) -> u64;

    /// Puts it off until then.
    fn reset(&mut self, key: &mut Self::Key, at: u64) {
        let new = self.add(at);
        self.cancel(std::mem::replace(key, new));
    }
}

/// The ways, by name.
pub const WAYS: [&str; 5] = [
    "torsade",
    "wheel",
    "heap",
    "tokio DelayQueue",
    "tokio sleep",
];

/// What a way does with so many timers.
pub fn work(way: &str, count: usize) -> Vec<Work<'static>> {
    match way {
        "torsade" => of::<torsade::Reactor>(way, count),
        "wheel" => of::<wheel::Wheel>(way, count),
        "heap" => of::<heap::Heap>(way, count),
        "tokio DelayQueue" => of::<tokio::Queue>(way, count),
        "tokio sleep" => of::<tokio::Sleeps>(way, count),
        _ => Vec::new(),
    }
}

fn of<T: Timers>(way: &str, count: usize) -> Vec<Work<'static>> {
    let name = |what: &str| format!("{}/{what}", way.replace(' ', "-"));
    let mut random = Random(88_172_645_463_325_252);
    let moments: Vec<u64> = (0..count).map(|_| 1 + random.next() % SPAN).collect();
    let mut order: Vec<usize> = (0..count).collect();
    for index in (1..count).rev() {
        order.swap(index, (random.next() % (index as u64 + 1)) as usize);
    }
    let fired_at = moments.clone();
    vec![
        Work::new(name("add+cancel"), count as u64, move || {
            let mut timers = T::new();
            let mut keys: Vec<_> = moments.iter().map(|at| Some(timers.add(*at))).collect();
            for index in &order {
                if let Some(key) = keys[*index].take() {
                    timers.cancel(key);
                }
            }
            assert_eq!(timers.fired(), 0);
        }),
        Work::new(name("add+fire"), count as u64, move || {
            let mut timers = T::new();
            // Some libraries forget a timer whose key is dropped.
            let _keys: Vec<_> = fired_at.iter().map(|at| timers.add(*at)).collect();
            for step in 1..=6001 {
                timers.pass(step * 10 * MILLISECOND);
            }
            assert_eq!(timers.fired(), count as u64);
        }),
        Work::new(name("rearm10k"), count as u64, move || {
            let mut timers = T::new();
            let half = SPAN / 2;
            let mut keys: Vec<_> = (0..PENDING as u64)
                .map(|index| timers.add(half + index))
                .collect();
            for step in 0..count {
                timers.reset(&mut keys[step % PENDING], half + step as u64 * 1000);
            }
        }),
    ]
}

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_fires_and_cancels_what_it_was_given() {
        for way in WAYS {
            for mut work in work(way, 2_000) {
                (work.run)();
            }
        }
    }

    #[test]
    fn the_wheel_fires_on_time() {
        let mut wheel = wheel::Wheel::new();
        for at in [0, 1, 63, 64, 65, 4_095, 4_096, 300_000, 20_000_000] {
            let before = wheel.fired();
            let _ = wheel.add(at * MILLISECOND);
            wheel.pass((at.max(1) - 1) * MILLISECOND);
            assert!(at < 2 || wheel.fired() == before, "{at} came early");
            wheel.pass(at * MILLISECOND);
            assert_eq!(wheel.fired(), before + 1, "{at} did not come");
        }
    }
}
