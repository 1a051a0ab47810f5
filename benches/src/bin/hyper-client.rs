//! The HTTP client of hyper-util: see `client.rs`.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::task::LocalSet;
use torsade_benches::client::{Meter, Options};
use torsade_benches::machine::Result;

type Agent = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

async fn run(agent: Agent, uri: Uri, is_new: bool, meter: Rc<RefCell<Meter>>) -> Result<()> {
    while !meter.borrow().is_over() {
        let mut request = Request::get(uri.clone());
        if is_new {
            request = request.header("connection", "close");
        }
        let response = agent.request(request.body(Empty::new())?).await?;
        if !response.status().is_success() {
            return Err(response.status().to_string().into());
        }
        let (mut body, mut bytes) = (response.into_body(), 0);
        while let Some(frame) = body.frame().await {
            bytes += frame?.data_ref().map_or(0, |data| data.len() as u64);
        }
        meter.borrow_mut().done(bytes);
    }
    Ok(())
}

fn main() -> Result<()> {
    let options = Options::from_arguments()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    http.enforce_http(false);
    let builder = HttpsConnectorBuilder::new().with_tls_config(options.rustls()?);
    let agent: Agent = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(if options.is_new { 0 } else { usize::MAX })
        .build(builder.https_or_http().enable_http1().wrap_connector(http));
    let meter = Rc::new(RefCell::new(Meter::new(options.seconds)));
    let uri: Uri = options.url.parse()?;
    let loops = LocalSet::new();
    for _ in 0..options.connections {
        let run = run(
            agent.clone(),
            uri.clone(),
            options.is_new,
            Rc::clone(&meter),
        );
        loops.spawn_local(async { run.await.expect("the server answers") });
    }
    runtime.block_on(loops);
    Ok(meter.borrow().print()?)
}
