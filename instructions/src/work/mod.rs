//! The hot paths: what programs do over and over again.

mod deferred;
mod http;
mod receiving;
mod streams;
mod timers;

use torsade::Result;

/// One of them.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// How often it is done for a number.
    pub(crate) times: u32,
    pub(crate) run: fn(u32) -> Result<()>,
}

pub(crate) const ALL: [Work; 14] = [
    Work {
        name: "echo",
        about: "64 bytes there and back, with all of the simulated network",
        times: 2000,
        run: streams::echo,
    },
    Work {
        name: "system echo",
        about: "64 bytes there and back over loopback, both ends",
        times: 5000,
        run: streams::system_echo,
    },
    Work {
        name: "tls echo",
        about: "the same over TLS",
        // The handshake takes its randomness from how long things take, so it is never the same.
        times: 5000,
        run: streams::tls_echo,
    },
    Work {
        name: "limited echo",
        about: "the same with a limit of bytes a second, which is not reached",
        times: 2000,
        run: streams::limited_echo,
    },
    Work {
        name: "connection",
        about: "connect, a byte there and back, close",
        times: 500,
        run: streams::connections,
    },
    Work {
        name: "datagram",
        about: "64 bytes there and back",
        times: 2000,
        run: streams::datagrams,
    },
    Work {
        name: "line",
        about: "a line of 40 bytes, received in pieces of 8 KiB",
        times: 20_000,
        run: receiving::lines,
    },
    Work {
        name: "netstring",
        about: "the same as a netstring",
        times: 20_000,
        run: receiving::netstrings,
    },
    Work {
        name: "response",
        about: "a request written and its response read, without a connection",
        times: 5000,
        run: http::responses,
    },
    Work {
        name: "get",
        about: "a GET of 1 KiB on a kept connection, with all of the simulated network",
        times: 1000,
        run: http::gets,
    },
    Work {
        name: "stage",
        about: "ten stages behind a Deferred, which is then fired",
        times: 10_000,
        run: deferred::chains,
    },
    Work {
        name: "ready stage",
        about: "the same behind one that has its value",
        times: 10_000,
        run: deferred::ready_chains,
    },
    Work {
        name: "timer cancelled",
        about: "a timer made and cancelled",
        times: 20_000,
        run: timers::cancelled,
    },
    Work {
        name: "timer fired",
        about: "a timer made, and fired in its time",
        times: 20_000,
        run: timers::fired,
    },
];

pub(crate) fn find(name: &str) -> Result<&'static Work, String> {
    let found = ALL.iter().find(|work| work.name == name);
    found.ok_or_else(|| {
        let names: Vec<_> = ALL.iter().map(|work| work.name).collect();
        format!("there is no {name:?}, but {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_work_can_be_done() {
        for work in &ALL {
            if let Err(failure) = (work.run)(10) {
                panic!("{}: {failure:#}", work.name);
            }
        }
    }
}
