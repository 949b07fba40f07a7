//! The engine, round by round, on stores in memory.
