//! Damage of every kind, and what is said of it.

mod fixture;
mod sweep;
