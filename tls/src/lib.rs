//! The rustls layer of torsade.
