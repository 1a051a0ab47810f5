//! What is understood of challenges, written down, is understood the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use torsade_http::Challenge;

fuzz_target!(|bytes: &[u8]| {
    let once = Challenge::parse(bytes);
    // As text is what they are shown as.
    let is_text = |challenge: &Challenge| !challenge.to_string().contains('\u{fffd}');
    if once.iter().all(is_text) {
        let shown: Vec<String> = once.iter().map(ToString::to_string).collect();
        assert_eq!(Challenge::parse(shown.join(", ").as_bytes()), once);
    }
});
