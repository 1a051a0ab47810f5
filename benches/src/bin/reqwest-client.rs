//! reqwest: see `client.rs`.

use std::cell::RefCell;
use std::rc::Rc;

use reqwest::Client;
use tokio::task::LocalSet;
use torsade_benches::client::{Meter, Options};
use torsade_benches::machine::Result;

async fn run(client: Client, options: Options, meter: Rc<RefCell<Meter>>) -> Result<()> {
    while !meter.borrow().is_over() {
        let mut request = client.get(&options.url);
        if options.is_new {
            request = request.header("connection", "close");
        }
        let (mut response, mut bytes) = (request.send().await?.error_for_status()?, 0);
        while let Some(data) = response.chunk().await? {
            bytes += data.len() as u64;
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
    let mut builder = Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(options.rustls()?);
    if options.is_new {
        builder = builder.pool_max_idle_per_host(0);
    }
    let client = builder.build()?;
    let meter = Rc::new(RefCell::new(Meter::new(options.seconds)));
    let loops = LocalSet::new();
    for _ in 0..options.connections {
        let run = run(client.clone(), options.clone(), Rc::clone(&meter));
        loops.spawn_local(async { run.await.expect("the server answers") });
    }
    runtime.block_on(loops);
    Ok(meter.borrow().print()?)
}
