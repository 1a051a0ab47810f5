//! Gives Redis one command, or those of standard input all at once, and prints the answers; or
//! subscribes, and prints the messages. A protocol in which the server may speak unasked.
//!
//! ```text
//! cargo run --example redis -- localhost:6379 SET greeting hello
//! printf 'INCR visits\nGET greeting\n' | cargo run --example redis -- localhost:6379
//! cargo run --example redis -- localhost:6379 SUBSCRIBE news
//! cargo run --example redis -- --cacert ca.pem --cert me.pem --key me.key localhost:6380 PING
//! ```

mod client;
mod resp;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use client::{Login, Redis};
use lexopt::{Arg, ValueExt};
use resp::Value;
use torsade::tls::{ClientTls, wrap_client_tls};
use torsade::{Deferred, HostnameClient, Reactor, Result, gather};

const USAGE: &str = "\
usage: redis [OPTIONS] HOST:PORT [COMMAND [ARGUMENT...]]

Without a command, each line of standard input is one.

  --resp2              the older version of the protocol
  --user NAME          log in as NAME; the password is taken from REDISCLI_AUTH
  --cacert FILE        speak TLS, and trust the authorities in FILE
  --cert FILE          show this certificate ...
  --key FILE           ... with this key
  --messages N         end after so many messages
";

/// How long an answer may take; messages may take for ever.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Arguments {
    login: Login,
    cacert: Option<String>,
    cert: Option<String>,
    key: Option<String>,
    messages: Option<usize>,
    host: String,
    port: u16,
    command: Vec<Vec<u8>>,
}

fn main() -> ExitCode {
    env_logger::init();
    match parse() {
        Ok(arguments) => torsade::react(|reactor| match run(reactor, arguments) {
            Ok(done) => done,
            Err(failure) => Deferred::fail(failure),
        }),
        Err(error) => {
            let _ = write!(std::io::stderr(), "redis: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn parse() -> std::result::Result<Arguments, lexopt::Error> {
    let mut arguments = Arguments::default();
    arguments.login.password = std::env::var("REDISCLI_AUTH").ok();
    let mut parser = lexopt::Parser::from_env();
    let mut target = None;
    // What follows the address is the command's, even if it looks like an option.
    while target.is_none() {
        match parser.next()? {
            Some(Arg::Long("resp2")) => arguments.login.resp2 = true,
            Some(Arg::Long("user")) => arguments.login.user = Some(parser.value()?.string()?),
            Some(Arg::Long("cacert")) => arguments.cacert = Some(parser.value()?.string()?),
            Some(Arg::Long("cert")) => arguments.cert = Some(parser.value()?.string()?),
            Some(Arg::Long("key")) => arguments.key = Some(parser.value()?.string()?),
            Some(Arg::Long("messages")) => arguments.messages = Some(parser.value()?.parse()?),
            Some(Arg::Value(address)) => target = Some(address.string()?),
            Some(other) => return Err(other.unexpected()),
            None => return Err("the address is missing".into()),
        }
    }
    let target = target.unwrap_or_default();
    let (host, port) = target
        .rsplit_once(':')
        .ok_or_else(|| format!("{target:?} has no port"))?;
    arguments.host = host.to_owned();
    arguments.port = port.parse().map_err(|_| format!("{port:?} is no port"))?;
    let command = parser.raw_args()?;
    arguments.command = command.map(OsString::into_encoded_bytes).collect();
    if arguments.cert.is_some() != arguments.key.is_some() {
        return Err("--cert and --key go together".into());
    }
    if arguments.cert.is_some() && arguments.cacert.is_none() {
        return Err("--cert needs --cacert".into());
    }
    if arguments.login.user.is_some() && arguments.login.password.is_none() {
        return Err("--user needs a password in REDISCLI_AUTH".into());
    }
    Ok(arguments)
}

fn run(reactor: &Reactor, arguments: Arguments) -> Result<Deferred<()>> {
    let tcp = HostnameClient::new(reactor, &arguments.host, arguments.port);
    let login = arguments.login;
    let connected = match arguments.cacert {
        None => Redis::connect(&tcp, login),
        Some(file) => {
            let mut tls = ClientTls::builder().roots_from_pem_file(file);
            if let (Some(cert), Some(key)) = (arguments.cert, arguments.key) {
                tls = tls.client_certificate_files(cert, key);
            }
            let endpoint = wrap_client_tls(tcp, &tls.build()?, &arguments.host);
            Redis::connect(&endpoint, login)
        }
    };
    let connected = connected.add_timeout(reactor, PATIENCE);
    let (reactor, command, messages) = (reactor.clone(), arguments.command, arguments.messages);
    Ok(connected.add_callback(move |redis| {
        let subscribes = command.first().is_some_and(|word| {
            word.eq_ignore_ascii_case(b"SUBSCRIBE") || word.eq_ignore_ascii_case(b"PSUBSCRIBE")
        });
        if subscribes {
            print_messages(&redis, &command, messages)
        } else if command.is_empty() {
            let commands = reactor.defer_to_thread(read_commands);
            commands.add_callback(move |commands| print_answers(&reactor, &redis, &commands))
        } else {
            print_answers(&reactor, &redis, &[command])
        }
    }))
}

fn read_commands() -> Result<Vec<Vec<Vec<u8>>>> {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let words = |line: &str| line.split_whitespace().map(|word| word.into()).collect();
    let commands = input.lines().map(words);
    Ok(commands
        .filter(|command: &Vec<_>| !command.is_empty())
        .collect())
}

/// Sends all commands, and prints what each is answered, in order.
fn print_answers(reactor: &Reactor, redis: &Redis, commands: &[Vec<Vec<u8>>]) -> Deferred<()> {
    let answers = commands.iter().map(|command| {
        let answer = redis.command(command).add_timeout(reactor, PATIENCE);
        answer.add_callback(|answer| Ok(print(&answer)?))
    });
    gather(answers.collect::<Vec<_>>()).map(drop)
}

/// Subscribes, and prints messages: `most` of them, or for ever.
fn print_messages(redis: &Redis, command: &[Vec<u8>], most: Option<usize>) -> Deferred<()> {
    let (resolver, done) = Deferred::new();
    let mut done_with = Some(resolver);
    let mut count = 0;
    redis.on_push(move |message| {
        let printed = print(&Value::Push(message));
        count += 1;
        if let Some(resolver) = done_with.take_if(|_| printed.is_err() || most == Some(count)) {
            resolver.resolve(printed.map_err(Into::into));
        }
    });
    redis.subscribe(command).add_callback(move |()| {
        // From now on none is missed.
        match writeln!(std::io::stdout(), "subscribed") {
            Ok(()) => done,
            Err(error) => Deferred::fail(error),
        }
    })
}

fn print(value: &Value) -> std::io::Result<()> {
    let mut out = Vec::new();
    write_value(&mut out, value, 0)?;
    std::io::stdout().write_all(&out)
}

/// A line for each value that is not made of others, and deeper ones further to the right.
fn write_value(out: &mut Vec<u8>, value: &Value, depth: usize) -> std::io::Result<()> {
    let indent = "  ".repeat(depth);
    match value {
        Value::Null => writeln!(out, "{indent}(null)"),
        Value::Text(text) | Value::BigNumber(text) => writeln!(out, "{indent}{text}"),
        Value::Error(text) => writeln!(out, "{indent}(error) {text}"),
        Value::Integer(number) => writeln!(out, "{indent}{number}"),
        Value::Boolean(is_true) => writeln!(out, "{indent}{is_true}"),
        Value::Double(number) => writeln!(out, "{indent}{number}"),
        Value::Bytes(bytes) => {
            out.extend_from_slice(indent.as_bytes());
            out.extend_from_slice(bytes);
            out.push(b'\n');
            Ok(())
        }
        Value::Array(parts) | Value::Set(parts) | Value::Push(parts) => {
            let write = |part| write_value(out, part, depth + 1);
            parts.iter().try_for_each(write)
        }
        Value::Map(pairs) => pairs.iter().try_for_each(|(key, value)| {
            write_value(out, key, depth + 1)?;
            write_value(out, value, depth + 2)
        }),
    }
}
