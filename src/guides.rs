//! The programs in the README and the guides, as doctests: they compile, and most of them run.

macro_rules! guides {
    ($($name:ident: $file:literal,)*) => {
        $(
            #[doc = include_str!($file)]
            struct $name;
        )*
    };
}

guides! {
    Readme: "../README.md",
    Deferreds: "../docs/deferreds.md",
    Deployment: "../docs/deployment.md",
    Finger: "../docs/finger.md",
    Http: "../docs/http.md",
    Operating: "../docs/operating.md",
    Protocols: "../docs/protocols.md",
    ReactorGuide: "../docs/reactor.md",
    Testing: "../docs/testing.md",
    Thinking: "../docs/porting/thinking.md",
    Threads: "../docs/threads.md",
    Tls: "../docs/tls.md",
}
