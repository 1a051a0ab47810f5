//! What our own tests share.

pub(crate) mod log_capture;
