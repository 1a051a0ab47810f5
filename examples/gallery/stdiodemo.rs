//! A console that tells whether web pages are there. Twisted's `docs/core/examples/stdiodemo.py`.
//!
//! ```text
//! cargo run --example stdiodemo
//! ```

use std::process::ExitCode;

use torsade::endpoints::StandardIo;
use torsade::http::{Agent, Response};
use torsade::protocols::{LineControl, LineProtocol, LineReceiver};
use torsade::{ClientEndpoint, Result, react};

const COMMANDS: [(&str, &str); 3] = [
    (
        "check",
        "check <url>: Attempt to download the given web page",
    ),
    (
        "help",
        "help [command]: List commands, or show help on the given command",
    ),
    ("quit", "quit: Quit this session"),
];

struct WebChecker {
    agent: Agent,
}

impl WebChecker {
    fn check(&self, lines: &LineControl, url: &str) {
        let lines = lines.clone();
        let page = self.agent.get(url).add_callback(Response::read_body);
        page.add_both(move |page| match page {
            Ok(page) => lines.send_line(format!("Success: got {} bytes.", page.len())),
            Err(failure) => lines.send_line(format!("Failure: {failure:#}")),
        });
    }
}

impl LineProtocol for WebChecker {
    fn connection_made(&mut self, lines: &LineControl) {
        lines.send_line("Web checker console. Type 'help' for help.");
    }

    fn line_received(&mut self, lines: &LineControl, line: &[u8]) -> Result<()> {
        let line = String::from_utf8_lossy(line);
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words {
            [] => {}
            ["check", url] => self.check(lines, url),
            ["help"] => {
                let names = COMMANDS.map(|(name, _)| name);
                lines.send_line(format!("Valid commands: {}", names.join(" ")));
            }
            ["help", command] => match COMMANDS.iter().find(|(name, _)| *name == command) {
                Some((_, help)) => lines.send_line(help),
                None => lines.send_line("Error: no such command."),
            },
            ["quit"] => {
                lines.send_line("Goodbye.");
                lines.transport().lose_connection();
            }
            _ => lines.send_line("Error: no such command."),
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    react(|reactor| {
        let checker = WebChecker {
            agent: Agent::new(reactor),
        };
        StandardIo::new(reactor).converse(LineReceiver::new(checker).delimiter("\n"))
    })
}
