//! Sends the message on standard input, header fields and all, by way of a mail server. TLS that
//! begins in the middle of a connection.
//!
//! ```text
//! cargo run --example send_mail -- --from me@example.org --to you@example.net \
//!     mail.example.org:587 < message
//! ```

mod mail;
mod reply;
mod sending;
mod session;

use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use lexopt::prelude::*;
use mail::Mail;
use sending::send_mail;
use session::{Login, Session, StartTls};
use torsade::tls::ClientTls;
use torsade::{Deferred, HostnameClient, Reactor, Result};

const USAGE: &str = "\
usage: send_mail [OPTIONS] --from ADDRESS --to ADDRESS... HOST:PORT < MESSAGE

  --from ADDRESS       who sends it; empty for nobody
  --to ADDRESS         who gets it; may be given again
  --starttls WHEN      required (the default), offered or never
  --cacert FILE        trust the authorities in FILE
  --user NAME          log in as NAME; the password is taken from SMTP_PASSWORD
  --max-time SECONDS   give up after so long (600)
";

struct Arguments {
    from: String,
    to: Vec<String>,
    start_tls: StartTls,
    cacert: Option<String>,
    login: Option<Login>,
    max_time: Duration,
    host: String,
    port: u16,
}

fn main() -> ExitCode {
    env_logger::init();
    let arguments = match parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = write!(std::io::stderr(), "send_mail: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    torsade::react_with(|reactor| {
        let reactor = reactor.clone();
        let message = reactor.defer_to_thread(|| {
            let mut message = Vec::new();
            std::io::stdin().read_to_end(&mut message)?;
            Ok(message)
        });
        message.add_callback(move |message| match send(&reactor, arguments, &message) {
            Ok(sent) => sent,
            Err(failure) => Deferred::fail(failure),
        })
    })
}

fn parse() -> std::result::Result<Arguments, lexopt::Error> {
    let (mut from, mut to, mut target, mut user) = (None, Vec::new(), None, None);
    let (mut start_tls, mut cacert, mut seconds) = (StartTls::Required, None, 600);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("from") => from = Some(parser.value()?.string()?),
            Long("to") => to.push(parser.value()?.string()?),
            Long("starttls") => {
                start_tls = match parser.value()?.string()?.as_str() {
                    "required" => StartTls::Required,
                    "offered" => StartTls::IfOffered,
                    "never" => StartTls::Never,
                    other => return Err(format!("--starttls is never {other:?}").into()),
                }
            }
            Long("cacert") => cacert = Some(parser.value()?.string()?),
            Long("user") => user = Some(parser.value()?.string()?),
            Long("max-time") => seconds = parser.value()?.parse()?,
            Value(address) if target.is_none() => target = Some(address.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let target = target.ok_or("the server is missing")?;
    let (host, port) = target
        .rsplit_once(':')
        .ok_or_else(|| format!("{target:?} has no port"))?;
    if to.is_empty() {
        return Err("nobody is to get it: --to is missing".into());
    }
    let password = std::env::var("SMTP_PASSWORD");
    let login = match user {
        Some(user) => Some(Login {
            user,
            password: password.map_err(|_| "--user needs SMTP_PASSWORD")?,
        }),
        None => None,
    };
    Ok(Arguments {
        from: from.ok_or("--from is missing")?,
        to,
        start_tls,
        cacert,
        login,
        max_time: Duration::from_secs(seconds),
        host: host.to_owned(),
        port: port.parse().map_err(|_| format!("{port:?} is no port"))?,
    })
}

fn send(reactor: &Reactor, arguments: Arguments, message: &[u8]) -> Result<Deferred<ExitCode>> {
    let mail = Mail::new(&arguments.from, &arguments.to, message)?;
    let session = Session::new(mail, arguments.start_tls, arguments.login);
    let tls = match arguments.cacert {
        Some(file) => ClientTls::builder().roots_from_pem_file(file).build()?,
        None => ClientTls::new()?,
    };
    let server = HostnameClient::new(reactor, &arguments.host, arguments.port);
    let delivery = send_mail(&server, session, tls, &arguments.host);
    let delivery = delivery.add_timeout(reactor, arguments.max_time);
    Ok(delivery.add_callback(|delivery| {
        let mut out = std::io::stdout();
        for address in &delivery.accepted {
            writeln!(out, "{address}: {}", delivery.reply)?;
        }
        for (address, reply) in &delivery.refused {
            writeln!(std::io::stderr(), "{address} was refused: {reply}")?;
        }
        Ok(ExitCode::from(u8::from(!delivery.refused.is_empty())))
    }))
}
