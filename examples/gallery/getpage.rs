//! Retrieves and prints the page at a URL. Twisted's `docs/web/examples/getpage.py`.
//!
//! ```text
//! cargo run --example getpage -- http://www.example.org/
//! ```

use std::process::ExitCode;

use torsade::http::get_text;
use torsade::react;

fn main() -> ExitCode {
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("usage: getpage URL");
        return ExitCode::from(2);
    };
    react(move |reactor| get_text(reactor, &url).map(|page| println!("{page}")))
}
