//! Things done over time: time-outs, delays, a program's `main`.

mod defer_later;
mod react;
mod timeout;

pub use defer_later::defer_later;
pub use react::{react, react_with};

#[cfg(test)]
mod tests;
