//! Downloads the page at a URL, and saves it as `foo`. Twisted's `docs/web/examples/dlpage.py`.
//!
//! ```text
//! cargo run --example dlpage -- http://www.example.org/
//! ```

use std::process::ExitCode;

use torsade::http::Client;
use torsade::react;

fn main() -> ExitCode {
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("usage: dlpage URL");
        return ExitCode::from(2);
    };
    react(move |reactor| Client::new(reactor).get(&url).download("foo").map(drop))
}
