//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

use crate::target::Target;

pub(crate) const USAGE: &str = "\
usage: certcheck [OPTIONS] TARGET...

A target is one of
  HOST[:PORT]                   TLS from the first byte; port 443 unless given
  PROTOCOL:HOST[:PORT]          TLS after STARTTLS: smtp, imap, pop3, ftp, ldap, postgres
  FILE                          certificates in PEM or DER form: what has a / or ends with .pem,
                                .crt, .cer or .der

  -w, --warn-days N             complain of what expires within N days; 30 unless given
  -q, --quiet                   print only what is wrong, so that cron mails it
      --json                    print all that was found, for programs
      --cacert FILE             trust the certificates in FILE, and no others
      --name NAME               expect this name in the certificates of all targets
      --timeout SECONDS         for each host; 10 unless given
      --parallel N              look at so many at once; 20 unless given
  -h, --help

The secrets of the connections are appended to the file that SSLKEYLOGFILE names, if it does.

Exit codes: 0 if all is well, 1 if something is wrong, 2 for wrong arguments.
";

/// What is to be done.
pub(crate) enum Parsed {
    Help,
    Check(Arguments),
}

/// What is to be looked at, and how.
pub(crate) struct Arguments {
    pub(crate) targets: Vec<Target>,
    pub(crate) format: Format,
    pub(crate) warn_days: i64,
    pub(crate) cacert: Option<PathBuf>,
    pub(crate) name: Option<String>,
    pub(crate) timeout: Duration,
    pub(crate) parallel: usize,
}

/// How it is told.
#[derive(Clone, Copy)]
pub(crate) enum Format {
    Table,
    Json,
    Quiet,
}

pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Parsed, lexopt::Error> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut parsed = Arguments {
        targets: Vec::new(),
        format: Format::Table,
        warn_days: 30,
        cacert: None,
        name: None,
        timeout: Duration::from_secs(10),
        parallel: 20,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Parsed::Help),
            Short('w') | Long("warn-days") => parsed.warn_days = parser.value()?.parse()?,
            Short('q') | Long("quiet") => parsed.format = Format::Quiet,
            Long("json") => parsed.format = Format::Json,
            Long("cacert") => parsed.cacert = Some(parser.value()?.into()),
            Long("name") => parsed.name = Some(parser.value()?.string()?),
            Long("timeout") => parsed.timeout = parser.value()?.parse_with(seconds)?,
            Long("parallel") => parsed.parallel = parser.value()?.parse_with(count)?,
            Value(target) => parsed.targets.push(Target::parse(&target)?),
            _ => return Err(argument.unexpected()),
        }
    }
    if parsed.targets.is_empty() {
        return Err("no target: which host or file is to be looked at?".into());
    }
    Ok(Parsed::Check(parsed))
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or("it is no number of seconds")
}

fn count(text: &str) -> Result<usize, &'static str> {
    text.parse()
        .ok()
        .filter(|count| *count > 0)
        .ok_or("it is no number of targets")
}
