//! The state without a screen.
