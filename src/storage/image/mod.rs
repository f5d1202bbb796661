//! Rendering images: what is asked for, what the source is, and what becomes of it.
//!
//! Pixels are the `Images` port's. Here its work is bounded beforehand: a source's dimensions are read from its
//! first bytes, so that nothing huge is ever decoded.

mod geometry;
mod header;
mod render;
mod transform;

pub use render::{Rendering, Wish, render};
pub use transform::Transform;
