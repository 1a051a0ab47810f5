//! Looks at the certificates of hosts and files: who issued them, how long they are valid, and what
//! is wrong with them.
//!
//! ```text
//! cargo run --example certcheck -- example.com smtp:mail.example.com /etc/ssl/mine.pem
//! cargo run --example certcheck -- --quiet --warn-days 14 example.com    # from cron
//! ```

mod arguments;
mod check;
mod hosts;
mod report;
mod starttls;
mod target;

use std::io::Write;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::SystemTime;

use arguments::{Arguments, Format, Parsed, USAGE};
use check::{Checker, Finding};
use torsade::{Deferred, DeferredSemaphore, Reactor, gather};

/// There is something wrong with a certificate.
const WRONG: u8 = 1;
const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    match arguments::parse(std::env::args_os()) {
        Ok(Parsed::Help) => {
            let _ = write!(std::io::stdout(), "{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Parsed::Check(arguments)) => {
            torsade::react_with(|reactor| check_all(reactor, arguments))
        }
        Err(error) => {
            // Not `eprintln`: nobody may be listening, which is no reason to panic.
            let _ = write!(std::io::stderr(), "certcheck: {error}\n\n{USAGE}");
            ExitCode::from(USAGE_ERROR)
        }
    }
}

fn check_all(reactor: &Reactor, arguments: Arguments) -> Deferred<ExitCode> {
    let checker = match Checker::new(reactor, &arguments) {
        Ok(checker) => Rc::new(checker),
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "certcheck: {failure:#}");
            return Deferred::succeed(ExitCode::from(USAGE_ERROR));
        }
    };
    let lanes = DeferredSemaphore::new(arguments.parallel).expect("it is one at least");
    let findings = arguments.targets.iter().map(|target| {
        let (checker, target) = (Rc::clone(&checker), target.clone());
        lanes.run(move || checker.check(target))
    });
    let (format, warn_days) = (arguments.format, arguments.warn_days);
    gather(findings).map(move |findings| report(&findings, format, warn_days))
}

fn report(findings: &[Finding], format: Format, warn_days: i64) -> ExitCode {
    let now = SystemTime::now();
    let text = match format {
        Format::Table => report::table(findings, now, warn_days),
        Format::Json => report::json(findings, now, warn_days),
        Format::Quiet => report::wrong(findings, now, warn_days),
    };
    // Who closes the pipe has seen enough.
    let _ = write!(std::io::stdout(), "{text}");
    let is_fine = |finding: &Finding| finding.problems(now, warn_days).is_empty();
    if findings.iter().all(is_fine) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(WRONG)
    }
}
