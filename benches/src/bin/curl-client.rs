//! libcurl's multi interface, in one thread: see `client.rs`.

use std::time::Duration;

use curl::easy::{Easy2, Handler, WriteError};
use curl::multi::{Easy2Handle, Multi};
use torsade_benches::client::{Meter, Options};
use torsade_benches::machine::Result;

/// Counts bytes, and drops them.
struct Counter(u64);

impl Handler for Counter {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        self.0 += data.len() as u64;
        Ok(data.len())
    }
}

fn transfer(options: &Options) -> Result<Easy2<Counter>> {
    let mut easy = Easy2::new(Counter(0));
    easy.url(&options.url)?;
    if let Some(path) = options.authority() {
        easy.cainfo(path)?;
    }
    easy.forbid_reuse(options.is_new)?;
    easy.fresh_connect(options.is_new)?;
    easy.ssl_sessionid_cache(options.resumes)?;
    Ok(easy)
}

fn main() -> Result<()> {
    let options = Options::from_arguments()?;
    let multi = Multi::new();
    let mut running: Vec<Option<Easy2Handle<Counter>>> = Vec::new();
    for token in 0..options.connections {
        let mut handle = multi.add2(transfer(&options)?)?;
        handle.set_token(token)?;
        running.push(Some(handle));
    }
    let (mut meter, mut left) = (Meter::new(options.seconds), options.connections);
    while left > 0 {
        multi.perform()?;
        let mut ended = Vec::new();
        multi.messages(|message| ended.extend(message.token().ok().zip(message.result())));
        let waits = ended.is_empty();
        for (token, result) in ended {
            result?;
            let Some(handle) = running[token].take() else {
                continue;
            };
            let mut easy = multi.remove2(handle)?;
            meter.done(std::mem::take(&mut easy.get_mut().0));
            if meter.is_over() {
                left -= 1;
                continue;
            }
            let mut handle = multi.add2(easy)?;
            handle.set_token(token)?;
            running[token] = Some(handle);
        }
        if waits {
            multi.poll(&mut [], Duration::from_millis(100))?;
        }
    }
    Ok(meter.print()?)
}
