//! Octets on a connection: lines, the dot decoder, the dot encoder. Machines without I/O.

pub mod dot_decoder;
pub mod dot_encoder;
pub mod header_filter;
pub mod line;
