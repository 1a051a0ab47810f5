//! Where the response goes: standard output, or a file with a progress bar.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use torsade::http::wire::request::customary_name;
use torsade::http::{
    BodyControl, BodyProtocol, PotentialDataLoss, Response, ResponseDone, Version,
};
use torsade::{Deferred, Failure, Resolver, Result};

use crate::{hints, in_file};

/// The head as it was sent: status line and fields.
pub(crate) fn head(response: &Response) -> String {
    let version = if response.version() == Version::HTTP_10 {
        "1.0"
    } else {
        "1.1"
    };
    let reason = String::from_utf8_lossy(response.reason());
    let mut text = format!("HTTP/{version} {} {reason}", response.status().as_u16());
    text.truncate(text.trim_end().len());
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        text += &format!("\n{}: {value}", customary_name(name));
    }
    text + "\n"
}

/// Prints what torsade logs, a line each.
pub(crate) fn log_to_stderr() {
    env_logger::Builder::new()
        .filter_module("torsade", log::LevelFilter::Debug)
        .format(|out, record| writeln!(out, "* {}", record.args()))
        .init();
}

pub(crate) struct Output {
    target: Box<dyn Write>,
    /// What it is called, if it is a file.
    path: Option<PathBuf>,
    bar: ProgressBar,
}

impl Output {
    /// Standard output, or a file; that is made now, when there is something to write.
    pub(crate) fn open(
        path: Option<&Path>,
        length: Option<u64>,
        bars: &MultiProgress,
    ) -> Result<Self> {
        let Some(path) = path else {
            let target = Box::new(io::stdout());
            return Ok(Self {
                target,
                path: None,
                bar: ProgressBar::hidden(),
            });
        };
        let target = Box::new(File::create(path).map_err(in_file(path))?);
        Ok(Self {
            target,
            path: Some(path.to_owned()),
            bar: bar(length, bars),
        })
    }

    pub(crate) fn write_head(&mut self, head: &str) -> Result<()> {
        self.write(format!("{}\r\n", head.replace('\n', "\r\n")).as_bytes())
    }

    /// Writes the body as it comes.
    pub(crate) fn receive(self, response: Response) -> Deferred<()> {
        let (resolver, done) = Deferred::new();
        response.deliver_body(Writer {
            output: self,
            done: Some(resolver),
        });
        done
    }

    fn write(&mut self, data: &[u8]) -> Result<()> {
        let name = self
            .path
            .as_deref()
            .unwrap_or_else(|| Path::new("standard output"));
        self.target.write_all(data).map_err(in_file(name))?;
        self.bar.inc(data.len() as u64);
        Ok(())
    }
}

/// A progress bar below those that are there, if somebody looks.
fn bar(length: Option<u64>, bars: &MultiProgress) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    bars.add(match length {
        Some(length) => ProgressBar::new(length).with_style(
            ProgressStyle::with_template(
                "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta} left",
            )
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
        ),
        None => ProgressBar::new_spinner().with_style(
            ProgressStyle::with_template("{spinner} {bytes} {bytes_per_sec}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        ),
    })
}

struct Writer {
    output: Output,
    done: Option<Resolver<()>>,
}

impl Writer {
    fn finish(&mut self, result: Result<()>) {
        if let Some(done) = self.done.take() {
            self.output.bar.finish_and_clear();
            done.resolve(result);
        }
    }
}

impl BodyProtocol for Writer {
    fn data_received(&mut self, body: &BodyControl, data: &[u8]) -> Result<()> {
        if let Err(failure) = self.output.write(data) {
            self.finish(Err(failure));
            body.abort();
        }
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        let is_complete = reason.check::<ResponseDone>().is_some()
            || reason.check::<PotentialDataLoss>().is_some();
        let result = if is_complete {
            self.output.target.flush().map_err(Failure::from)
        } else {
            Err(hints::Explained::of(reason).into())
        };
        self.finish(result);
    }
}
