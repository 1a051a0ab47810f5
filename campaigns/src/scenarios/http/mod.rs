//! Requests over kept connections, straight and by way of proxies, to a server with moods.

mod pages;
mod tunnel;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use torsade::Deferred;
use torsade::http::{
    Agent, AgentOptions, Method, Proxies, Proxy, RedirectAgent, Request, RequestAgent, Response,
    RetryAgent,
};
use torsade::protocols::SocksServer;

use super::echo::{difference, identity, pattern};
use crate::World;
use crate::world::{PATIENCE, PLAYTIME, PROXY, SERVER};

pub(super) fn plain(world: &World) {
    let has_moods = pages::serve(world, SERVER, 80, None);
    let is_faulty = world.trouble(SERVER, 80);
    play(world, AgentOptions::new(), "http", is_faulty || has_moods);
}

pub(super) fn tls(world: &World) {
    let (client, server) = identity();
    let has_moods = pages::serve(world, SERVER, 443, Some(server));
    let is_faulty = world.trouble(SERVER, 443);
    let options = AgentOptions::new().tls(&client);
    play(world, options, "https", is_faulty || has_moods);
}

/// By way of a SOCKS server, a tunnel, or a proxy that reads the requests.
pub(super) fn proxied(world: &World) {
    let (kind, is_https) = world.choose(|random| (random.below(3), random.chance(50)));
    let (client, server) = identity();
    let (scheme, port, server) = match is_https {
        true => ("https", 443, Some(server)),
        false => ("http", 80, None),
    };
    let mut has_moods = pages::serve(world, SERVER, port, server);
    let (url, proxy_port) = match kind {
        0 => {
            world.serve(PROXY, 1080, |_, proxy| SocksServer::new(proxy, |_, _| true));
            (format!("socks5h://{PROXY}:1080"), 1080)
        }
        1 if !is_https => {
            has_moods |= pages::serve(world, PROXY, 3128, None);
            (format!("http://{PROXY}:3128"), 3128)
        }
        _ => {
            world.serve(PROXY, 3128, tunnel::serve);
            (format!("http://{PROXY}:3128"), 3128)
        }
    };
    let mut proxy: Proxy = url.parse().expect("it is one");
    if kind == 2 {
        proxy = proxy.always_tunnel();
    }
    let options = AgentOptions::new()
        .tls(&client)
        .proxies(Proxies::all(proxy));
    let is_faulty = world.trouble(PROXY, proxy_port);
    let is_faulty = world.trouble(SERVER, port) || is_faulty;
    play(world, options, scheme, is_faulty || has_moods);
}

fn play(world: &World, options: AgentOptions, scheme: &str, may_fail: bool) {
    let agent = agent(world, options);
    let following = RedirectAgent::new(agent.clone()).browser_like();
    let trying = RetryAgent::new(&world.client, following.clone());

    let over = Rc::new(Cell::new(0));
    let count = world.choose(|random| random.below(30));
    for _ in 0..count {
        let pause = world.choose(|random| random.time(PLAYTIME / 20));
        world.pass(pause);
        let (request, expected) = request(world, &format!("{scheme}://{SERVER}"));
        let sent = match world.choose(|random| random.chance(30)) {
            true => trying.request(request),
            false => following.request(request),
        };
        take(world, sent, expected, may_fail, &over);
    }
    // Longer than any time limit.
    world.pass(Duration::from_secs(2 * 3600) + PATIENCE);
    world.checks.holds(over.get() == count, || {
        format!("{} of {count} requests have an end", over.get())
    });
    world.wait(agent.close_cached_connections(), "the connections to close");
    let left = agent.pool_statistics();
    world.checks.holds((left.open, left.waiting) == (0, 0), || {
        format!("the pool has {left:?}")
    });
}

fn agent(world: &World, options: AgentOptions) -> Agent {
    let (per_host, idle) = world.choose(|random| (1 + random.below(6), random.below(4)));
    let options = options
        .max_connections_per_host(per_host)
        .max_idle_per_host(idle)
        .keep_alive(world.choose(|random| random.chance(90)))
        .connect_timeout(Duration::from_secs(10));
    Agent::with_options(&world.client, options)
}

/// A request, and how long the body of its answer will be.
fn request(world: &World, base: &str) -> (Request, usize) {
    world.choose(|random| {
        let (length, redirects) = (random.size(300_000), random.below(3));
        let kind = random.one_of(&["length", "chunks", "close"]);
        let url = format!("{base}/{kind}/{redirects}/{length}");
        let upload = random.chance(30).then(|| random.size(100_000));
        let method = if upload.is_some() {
            Method::PUT
        } else {
            Method::GET
        };
        let request = Request::new(method, &url).expect("it is a URL");
        match upload {
            Some(size) => (request.body(pattern(0, size)), length),
            None => (request, length),
        }
    })
}

/// What becomes of a request: its answer is read, dropped, or it is cancelled.
fn take(
    world: &World,
    sent: Deferred<Response>,
    expected: usize,
    may_fail: bool,
    over: &Rc<Cell<usize>>,
) {
    let (is_dropped, cancelled) = world.choose(|random| {
        let cancelled = random.chance(20).then(|| random.time(PLAYTIME / 10));
        (random.chance(10), cancelled)
    });
    let is_cancelled = Rc::new(Cell::new(false));
    if let Some(at) = cancelled {
        let (canceller, told) = (sent.canceller(), Rc::clone(&is_cancelled));
        let _ = world.client.call_later(at, move || {
            told.set(true);
            canceller.cancel();
        });
    }
    let checks = world.checks.clone();
    let noted = checks.clone();
    let read = sent.add_callback(move |response| {
        noted.holds(response.status() != 400, || {
            "the request came changed".into()
        });
        match is_dropped || response.status() != 200 {
            true => Deferred::succeed(None),
            false => response.read_body().map(Some),
        }
    });
    let over = Rc::clone(over);
    read.add_both(move |read| {
        over.set(over.get() + 1);
        match read {
            Ok(Some(body)) => {
                let is_whole = body.len() == expected && difference(0, &body).is_none();
                checks.holds(is_whole, || {
                    format!("{} bytes came instead of {expected}", body.len())
                });
            }
            Ok(None) => {}
            Err(failure) => {
                checks.holds(may_fail || is_cancelled.get(), || {
                    format!("it failed: {failure:#}")
                });
            }
        }
        Ok(())
    });
}
