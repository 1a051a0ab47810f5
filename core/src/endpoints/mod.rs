//! Endpoints: ways to connect and to listen, as values.
