//! A simple HTTP client: prints a response, and its body as it comes. Twisted's
//! `docs/web/examples/httpclient.py`.
//!
//! ```text
//! cargo run --example httpclient -- http://www.example.org/
//! ```

use std::process::ExitCode;

use torsade::http::{Agent, BodyControl, BodyProtocol, Method, Request, Response, ResponseDone};
use torsade::{Deferred, Failure, Reactor, Resolver, Result, react};

struct WriteToStdout {
    done: Option<Resolver<()>>,
}

impl BodyProtocol for WriteToStdout {
    fn data_received(&mut self, _: &BodyControl, data: &[u8]) -> Result<()> {
        println!("Got some: {}", data.escape_ascii());
        Ok(())
    }

    fn connection_lost(&mut self, reason: &Failure) {
        match reason.check::<ResponseDone>() {
            Some(_) => println!("Response done"),
            None => println!("{reason:?}"),
        }
        if let Some(done) = self.done.take() {
            done.callback(());
        }
    }
}

fn print(response: Response) -> Deferred<()> {
    println!("{response:#?}");
    match response.body_length() {
        Some(length) => println!("The response body will consist of {length} bytes."),
        None => println!("The response body length is unknown."),
    }
    let (done, ended) = Deferred::new();
    response.deliver_body(WriteToStdout { done: Some(done) });
    ended
}

async fn run(reactor: Reactor, url: String) -> Result<()> {
    let request = Request::new(Method::GET, &url)?.header("user-agent", "torsade (httpclient)")?;
    print(Agent::new(&reactor).request(request).await?).await
}

fn main() -> ExitCode {
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("usage: httpclient URL");
        return ExitCode::from(2);
    };
    react(move |reactor| reactor.spawn(run(reactor.clone(), url)))
}
