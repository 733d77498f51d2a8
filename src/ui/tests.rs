//! Tests of the whole explorer without a terminal.
